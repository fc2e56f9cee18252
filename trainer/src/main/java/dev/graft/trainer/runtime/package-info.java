/** Opens a base model on the hardware that a configuration asks for. */
@org.jspecify.annotations.NullMarked
package dev.graft.trainer.runtime;
