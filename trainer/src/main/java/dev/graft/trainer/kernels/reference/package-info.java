/**
 * What every operation of {@link dev.graft.trainer.kernels.Kernels} means, said with plain ND4J
 * operations: slow, short and portable. All faster kernels are tested against these.
 */
@org.jspecify.annotations.NullMarked
package dev.graft.trainer.kernels.reference;
