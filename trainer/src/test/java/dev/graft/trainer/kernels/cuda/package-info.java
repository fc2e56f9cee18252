/** Tests of {@code dev.graft.trainer.kernels.cuda}, on a device that is simulated. */
@org.jspecify.annotations.NullMarked
package dev.graft.trainer.kernels.cuda;
