/**
 * Conversations in, token sequences with loss masks out. {@link dev.graft.tokenizer.SequenceReader}
 * tells the whole story: it reads rows ({@link dev.graft.tokenizer.ConversationReader}), lays them
 * out as a {@link dev.graft.tokenizer.ChatFormat} says, encodes them with the checkpoint's own
 * {@link dev.graft.tokenizer.Tokenizer} and applies the {@link dev.graft.tokenizer.MaxLength} rule.
 * Nothing here knows about weights.
 */
@NullMarked
package dev.graft.tokenizer;

import org.jspecify.annotations.NullMarked;
