package dev.graft.tokenizer;

import java.util.Locale;

/** Who speaks in a conversation. */
public enum Role {
  /** Instructions that stand before the first turn. */
  SYSTEM,
  /** The person; {@code human} in data files, {@code user} in chat templates. */
  HUMAN,
  /** The model; what it says is what training learns. */
  ASSISTANT,
  /** What a tool that the model called has answered. */
  TOOL;

  /** The name in conversations JSONL: {@code system}, {@code human}, {@code assistant}. */
  public String dataName() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** The name that Hugging Face chat templates expect: {@code human} is {@code user} there. */
  public String templateName() {
    return this == HUMAN ? "user" : dataName();
  }
}
