/**
 * A run on disk and from outside: its folder, its metrics, files that appear whole or not at all,
 * and the signal that asks it to stop. Knows nothing of models.
 */
@org.jspecify.annotations.NullMarked
package dev.graft.trainer.runs;
