package dev.graft.tokenizer;

/** One row of a data file: a conversation yet to be tokenized, or tokens as they are. */
public sealed interface Row permits Conversation, TokenSequence {
  /** Where the row came from. */
  Origin origin();
}
