/**
 * This machine's own memory and threads, as the CPU kernels use them: tensors that lie in native
 * memory, scratch for each thread, and the small pool that loops over rows are spread over.
 */
@org.jspecify.annotations.NullMarked
package dev.graft.trainer.kernels.host;
