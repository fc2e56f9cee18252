/** Tests of {@code dev.graft.trainer.kernels.cuda.binding}. */
@org.jspecify.annotations.NullMarked
package dev.graft.trainer.kernels.cuda.binding;
