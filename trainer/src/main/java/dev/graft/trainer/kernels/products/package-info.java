/**
 * What a library that multiplies matrices has to do for the CPU kernels. Operands are addresses and
 * strides; what a tensor is, nobody here knows.
 */
@org.jspecify.annotations.NullMarked
package dev.graft.trainer.kernels.products;
