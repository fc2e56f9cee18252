/** Handles to numbers that live on a device, and the one place that makes ND4J arrays. */
@org.jspecify.annotations.NullMarked
package dev.graft.trainer.tensor;
