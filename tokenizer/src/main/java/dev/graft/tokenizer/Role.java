package dev.graft.tokenizer;

import java.util.Locale;
import java.util.Optional;

/** Who speaks in a conversation. */
public enum Role {
  /** Instructions that stand before the first turn. */
  SYSTEM,
  /** The person; {@code human} in data files, {@code user} in chat templates. */
  HUMAN,
  /** The model; what it says is what training learns. */
  ASSISTANT;

  /** The names that data files may use, for messages to the user. */
  static final String KNOWN_NAMES = "system, human (or user), assistant";

  /**
   * The role that a data file means.
   *
   * @param name {@code system}, {@code human}, its alias {@code user}, or {@code assistant}; case
   *     matters, because a file that mixes cases has usually been put together from two sources
   */
  public static Optional<Role> named(String name) {
    return switch (name) {
      case "system" -> Optional.of(SYSTEM);
      case "human", "user" -> Optional.of(HUMAN);
      case "assistant" -> Optional.of(ASSISTANT);
      default -> Optional.empty();
    };
  }

  /** The name in conversations JSONL: {@code system}, {@code human}, {@code assistant}. */
  public String dataName() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** The name that Hugging Face chat templates expect: {@code human} is {@code user} there. */
  public String templateName() {
    return this == HUMAN ? "user" : dataName();
  }
}
