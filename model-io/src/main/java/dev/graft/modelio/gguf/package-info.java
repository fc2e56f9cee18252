/**
 * GGUF files, as llama.cpp and Ollama read them: a writer, a reader that shares no code with it,
 * and the translation of Llama- and Mistral-class models, their tokenizers and LoRA adapters.
 *
 * @see <a href="https://github.com/ggml-org/ggml/blob/master/docs/gguf.md">The format</a>
 */
@org.jspecify.annotations.NullMarked
package dev.graft.modelio.gguf;
