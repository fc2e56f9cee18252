/** Looks into checkpoints, adapters and GGUF files without computing anything. */
@org.jspecify.annotations.NullMarked
package dev.graft.modelio.inspect;
