/**
 * NVIDIA's libraries, called through Java's foreign function interface: the driver, NVRTC and
 * cuBLASLt, found on the machine where graft runs. Nothing here is linked or shipped.
 */
@org.jspecify.annotations.NullMarked
package dev.graft.trainer.kernels.cuda.binding;
