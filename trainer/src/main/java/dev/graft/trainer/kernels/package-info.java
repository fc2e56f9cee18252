/**
 * The one seam between the model and the hardware: {@link dev.graft.trainer.kernels.Kernels} says
 * what is computed, its implementations say how. Every implementation passes the same contract test
 * against {@code ReferenceKernels}, the living definition.
 */
@org.jspecify.annotations.NullMarked
package dev.graft.trainer.kernels;
