/** Examples as tokens, their order, and how they are packed into micro-batches. */
@org.jspecify.annotations.NullMarked
package dev.graft.trainer.data;
