/**
 * A run: {@link dev.graft.trainer.train.LoraFinetuning} tells its whole story, everything else here
 * is a room of it.
 */
@org.jspecify.annotations.NullMarked
package dev.graft.trainer.train;
