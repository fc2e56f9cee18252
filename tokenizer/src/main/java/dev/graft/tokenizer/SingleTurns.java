package dev.graft.tokenizer;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Rows of one question and one answer.
 *
 * <p>An instruction row becomes a human message, which is the instruction and, where there is an
 * input, an empty line and the input; the output is the assistant's. Self-instruct's {@code
 * "instances":[{"input":…,"output":…}]} is read as well if there is exactly one. A prompt becomes
 * what the human says and its completion what the assistant says, laid out by the chat format as
 * any other conversation; both may be lists of messages.
 */
record SingleTurns(RawRow row, Map<String, @Nullable Object> rest, List<String> losses) {
  Conversation instruction() {
    if (rest.get("history") != null) {
      throw row.wrong(
          "\"history\" is not read, but would change what is learned."
              + " Write the turns as \"conversations\".");
    }
    String instruction = text("instruction", rest.remove("instruction"));
    Map<String, @Nullable Object> from = rest;
    if (rest.get("output") == null && rest.get("instances") instanceof List<?> instances) {
      if (instances.size() != 1 || !(instances.getFirst() instanceof Map<?, ?> instance)) {
        throw row.wrong(
            instances.size()
                + " \"instances\" in one row. Write a row with \"instruction\", \"input\" and"
                + " \"output\" for each.");
      }
      rest.remove("instances");
      from = MessageParser.object(instance);
    }
    Object given = from.remove("input");
    String input = given == null ? "" : text("input", given);
    if (!from.containsKey("output")) {
      throw row.wrong("\"instruction\" without \"output\". Add the answer.");
    }
    String output = text("output", from.remove("output"));
    if (!input.isBlank()) {
      losses.add("instruction and input are joined");
    }
    List<Message> messages = new ArrayList<>();
    Object system = rest.remove("system");
    if (system != null && !text("system", system).isBlank()) {
      messages.add(Message.system(text("system", system)));
    }
    messages.add(Message.human(input.isBlank() ? instruction : instruction + "\n\n" + input));
    messages.add(Message.assistant(output));
    return RowParser.conversation(row, messages, List.of());
  }

  Conversation promptAndCompletion() {
    Object prompt = rest.remove("prompt");
    Object completion = rest.remove("completion");
    List<Message> messages = new ArrayList<>();
    Object system = rest.remove("system");
    if (system != null && !text("system", system).isBlank()) {
      messages.add(Message.system(text("system", system)));
    }
    MessageParser parser = new MessageParser(row, DataFormat.MESSAGES, losses);
    List<Object> tools = parser.tools(rest);
    if (prompt instanceof List<?> list) {
      for (Message message : parser.list("prompt", list)) {
        messages.add(message.role() == Role.ASSISTANT ? message.learned(false) : message);
      }
    } else {
      messages.add(Message.human(text("prompt", prompt)));
    }
    if (completion instanceof List<?> list) {
      messages.addAll(parser.list("completion", list));
    } else {
      messages.add(Message.assistant(text("completion", completion)));
    }
    return RowParser.conversation(row, messages, tools);
  }

  private String text(String key, @Nullable Object value) {
    if (value instanceof String text) {
      return MessageParser.sound(row, "\"" + key + "\"", text);
    }
    throw row.wrong("\"" + key + "\" must be a string, not " + MessageParser.kind(value) + ".");
  }
}
