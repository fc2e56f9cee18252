/**
 * Scorers: each marks an answer against a reference, as a pure function with an exact definition.
 * Knows nothing of models, prompts and files of answers.
 */
@org.jspecify.annotations.NullMarked
package dev.graft.trainer.compare.score;
