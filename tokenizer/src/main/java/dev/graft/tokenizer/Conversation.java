package dev.graft.tokenizer;

import java.util.List;
import java.util.Objects;
import java.util.Optional;

/**
 * One training example: an optional system message, then human and assistant in turn, the assistant
 * last. Strict alternation is required because chat templates either refuse anything else or,
 * worse, render it as something that is never seen when the model serves. Between two assistant
 * messages there may be the answers of tools instead of a human.
 *
 * @param messages at least a human and an assistant message
 * @param tools the tools that the model may call, as chat templates take them (plain Java values);
 *     mostly empty
 * @param origin where the conversation came from
 */
public record Conversation(List<Message> messages, List<Object> tools, Origin origin)
    implements Row {
  /**
   * @throws DataException if the messages break the rules above
   */
  public Conversation {
    messages = List.copyOf(messages);
    tools = List.copyOf(tools);
    Objects.requireNonNull(origin, "origin");
    Optional<String> problem = problemWith(messages);
    if (problem.isPresent()) {
      throw new DataException(origin, problem.get());
    }
  }

  /** A conversation without tools. */
  public Conversation(List<Message> messages, Origin origin) {
    this(messages, List.of(), origin);
  }

  /** A conversation made in memory. */
  public Conversation(List<Message> messages) {
    this(messages, Origin.MEMORY);
  }

  /** The number of human messages, each of which begins an exchange that ends with an answer. */
  public int exchanges() {
    int exchanges = 0;
    for (Message message : messages) {
      exchanges += message.role() == Role.HUMAN ? 1 : 0;
    }
    return exchanges;
  }

  /**
   * The system message, if any, and the first {@code count} exchanges.
   *
   * @param count 1 to {@link #exchanges()}
   */
  public Conversation firstExchanges(int count) {
    if (count < 1 || count > exchanges()) {
      throw new IllegalArgumentException(count + " is not within 1.." + exchanges());
    }
    int begun = 0;
    int end = 0;
    while (end < messages.size()) {
      begun += messages.get(end).role() == Role.HUMAN ? 1 : 0;
      if (begun > count) {
        break;
      }
      end++;
    }
    return new Conversation(messages.subList(0, end), tools, origin);
  }

  /** The same conversation with other messages. */
  Conversation with(List<Message> others) {
    return new Conversation(others, tools, origin);
  }

  /** What is wrong with these messages as a training example and what to do, if anything is. */
  static Optional<String> problemWith(List<Message> messages) {
    if (messages.isEmpty()) {
      return Optional.of("the conversation has no messages. Remove the row or fill it.");
    }
    if (messages.stream().noneMatch(message -> message.role() == Role.ASSISTANT)) {
      return Optional.of(
          "the conversation has no assistant message, so there is nothing to learn from it."
              + " Add the answer or remove the row.");
    }
    Optional<String> order = problemWithOrder(messages);
    if (order.isPresent()) {
      return order;
    }
    if (messages.getLast().role() != Role.ASSISTANT) {
      return Optional.of(
          "the conversation ends with a "
              + messages.getLast().role().dataName()
              + " message, which nobody answers."
              + " Add the assistant's answer or remove the last message.");
    }
    for (int i = 0; i < messages.size(); i++) {
      Message message = messages.get(i);
      if (message.role() == Role.ASSISTANT
          && message.content().isBlank()
          && !message.callsTools()) {
        return Optional.of(
            "message "
                + (i + 1)
                + " (assistant) is empty; a model trained on it learns to say nothing."
                + " Write the answer or remove the row.");
      }
    }
    return Optional.empty();
  }

  /**
   * What is wrong with the order of these messages, if anything is: system only in front, then
   * human and assistant in turn, where tools may answer between two assistant messages. The last
   * message may be anyone's, as in a prompt.
   */
  static Optional<String> problemWithOrder(List<Message> messages) {
    int first = messages.getFirst().role() == Role.SYSTEM ? 1 : 0;
    Role before = Role.SYSTEM;
    for (int i = first; i < messages.size(); i++) {
      Role actual = messages.get(i).role();
      if (actual == Role.SYSTEM) {
        return Optional.of(
            "message "
                + (i + 1)
                + " is a system message, but only the first message may be one."
                + " Move it to the front or join it with the human message that follows.");
      }
      if (!mayFollow(actual, before)) {
        return Optional.of(
            "message "
                + (i + 1)
                + " should be from "
                + (before == Role.SYSTEM || before == Role.ASSISTANT ? "human" : "assistant")
                + " but is from "
                + actual.dataName()
                + (i == first ? "" : "; human and assistant must take turns")
                + ". Join neighbouring messages of one speaker, or remove the row.");
      }
      before = actual;
    }
    return Optional.empty();
  }

  private static boolean mayFollow(Role role, Role before) {
    return switch (before) {
      case SYSTEM -> role == Role.HUMAN;
      case HUMAN -> role == Role.ASSISTANT;
      case ASSISTANT -> role == Role.HUMAN || role == Role.TOOL;
      case TOOL -> role == Role.ASSISTANT || role == Role.TOOL;
    };
  }
}
