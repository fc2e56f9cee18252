/** The trainable part: low-rank adapters as float32 ND4J arrays, in one flat vector. */
@org.jspecify.annotations.NullMarked
package dev.graft.trainer.lora;
