/** Which road fits a task: a prompt, examples in the prompt, LoRA, or a hosted fine-tuning. */
@org.jspecify.annotations.NullMarked
package dev.graft.trainer.compare.assess;
