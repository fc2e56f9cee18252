/**
 * How fast this machine trains and generates, beside how fast it could: products alone for a
 * training step, memory alone for generation. What a benchmark measures is the model and the
 * kernels that a run uses, never a copy of them.
 */
@org.jspecify.annotations.NullMarked
package dev.graft.trainer.bench;
