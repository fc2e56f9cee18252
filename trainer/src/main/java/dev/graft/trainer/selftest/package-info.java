/**
 * What every implementation of {@link dev.graft.trainer.kernels.Kernels} has to do: each operation
 * against the reference in float64, at sizes that nobody optimizes for, alone in memory and inside
 * something larger. The contract tests run these checks on what is built here, {@code doctor
 * --selftest} on the machine in front of the user.
 */
@org.jspecify.annotations.NullMarked
package dev.graft.trainer.selftest;
