/**
 * Matrix products by oneDNN: the only place that imports {@code org.bytedeco.dnnl}. Operands are
 * addresses and strides; what a tensor is, nobody here knows.
 */
@org.jspecify.annotations.NullMarked
package dev.graft.trainer.kernels.onednn;
