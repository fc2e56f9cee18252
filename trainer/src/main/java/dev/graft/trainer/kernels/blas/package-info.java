/**
 * Matrix products by OpenBLAS, for machines where oneDNN has nothing fast: the only place that
 * imports {@code org.bytedeco.openblas}.
 */
@org.jspecify.annotations.NullMarked
package dev.graft.trainer.kernels.blas;
