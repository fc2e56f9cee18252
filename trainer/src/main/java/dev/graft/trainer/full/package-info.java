/** Full fine-tuning: every weight of a model as a float32 master in one flat vector. */
@org.jspecify.annotations.NullMarked
package dev.graft.trainer.full;
