/**
 * The Llama or Mistral model with explicit forward and backward passes over flat, packed tokens.
 * Only what is trained is differentiated: for LoRA gradients flow towards the inputs and the
 * low-rank matrices and never into the base weights, unless the model was made with gradients for
 * all of them.
 *
 * <p>One micro-batch goes {@link dev.graft.trainer.model.TokenBatch} → {@link
 * dev.graft.trainer.model.Llama} → for each layer {@link dev.graft.trainer.model.DecoderLayer},
 * made of {@link dev.graft.trainer.model.LinearGroup}s → {@link
 * dev.graft.trainer.model.LanguageModelHead}, and back. All activations live in {@link
 * dev.graft.trainer.model.Workspace}, laid out once.
 */
@org.jspecify.annotations.NullMarked
package dev.graft.trainer.model;
