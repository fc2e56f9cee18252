/**
 * Kernels for NVIDIA cards: products by cuBLASLt, everything else by kernels of our own, whose CUDA
 * C++ sources are resources of this package and are compiled at run time for the card that is
 * there.
 */
@org.jspecify.annotations.NullMarked
package dev.graft.trainer.kernels.cuda;
