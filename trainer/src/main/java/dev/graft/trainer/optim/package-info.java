/**
 * Optimizer, learning-rate schedules and clipping, over flat vectors of parameters and gradients.
 */
@org.jspecify.annotations.NullMarked
package dev.graft.trainer.optim;
