package dev.graft.tokenizer;

import java.util.Objects;

/**
 * One thing that was said.
 *
 * @param role who said it
 * @param content what was said, exactly; nothing is trimmed anywhere
 */
public record Message(Role role, String content) {
  public Message {
    Objects.requireNonNull(role, "role");
    Objects.requireNonNull(content, "content");
  }

  /** Instructions before the first turn. */
  public static Message system(String content) {
    return new Message(Role.SYSTEM, content);
  }

  /** What the person says. */
  public static Message human(String content) {
    return new Message(Role.HUMAN, content);
  }

  /** What the model says. */
  public static Message assistant(String content) {
    return new Message(Role.ASSISTANT, content);
  }
}
