/**
 * The kernels of this machine's processor: products by oneDNN, everything else by loops on the
 * Vector API, composed and checked here.
 */
@org.jspecify.annotations.NullMarked
package dev.graft.trainer.kernels.cpu;
