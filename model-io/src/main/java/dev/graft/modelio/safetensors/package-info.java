/**
 * Reads safetensors files by mapping them, so that weights are used where they lie, and writes them
 * atomically.
 *
 * @see <a href="https://github.com/huggingface/safetensors#format">The format</a>
 */
@org.jspecify.annotations.NullMarked
package dev.graft.modelio.safetensors;
