/** A run's metrics as event files that TensorBoard reads. */
@org.jspecify.annotations.NullMarked
package dev.graft.trainer.runs.tensorboard;
