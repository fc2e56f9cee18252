/** Tests of {@code dev.graft.trainer.runs}. */
@org.jspecify.annotations.NullMarked
package dev.graft.trainer.runs;
