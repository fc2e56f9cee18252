@org.jspecify.annotations.NullMarked
package dev.graft.trainer.runs.tensorboard;
