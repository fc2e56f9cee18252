package dev.graft.tokenizer;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/** Understands the messages of one row, each dialect with its own names and rules. */
final class MessageParser {
  private static final List<String> EXTRAS = List.of("tool_call_id", "name", "reasoning_content");

  private final RawRow row;
  private final DataFormat format;
  private final List<String> losses;
  private String which = "";

  /**
   * @param losses receives what cannot be written back
   */
  MessageParser(RawRow row, DataFormat format, List<String> losses) {
    this.row = row;
    this.format = format;
    this.losses = losses;
  }

  static boolean isShareGpt(@Nullable Object messages) {
    return messages instanceof List<?> list
        && !list.isEmpty()
        && list.getFirst() instanceof Map<?, ?> first
        && (first.containsKey("from") || first.containsKey("value"))
        && !first.containsKey("role");
  }

  static boolean hasToolBlocks(@Nullable Object messages) {
    return messages instanceof List<?> list
        && list.stream()
            .anyMatch(message ->
                message instanceof Map<?, ?> fields
                    && fields.get("content") instanceof List<?> blocks
                    && blocks.stream().anyMatch(MessageParser::isToolBlock));
  }

  private static boolean isToolBlock(@Nullable Object block) {
    return block instanceof Map<?, ?> fields
        && ("tool_use".equals(fields.get("type")) || "tool_result".equals(fields.get("type")));
  }

  /** All messages of a row, after the system text that may stand outside of them. */
  List<Message> messages(@Nullable Object system, @Nullable Object value) {
    String key =
        format == DataFormat.MESSAGES || format == DataFormat.ANTHROPIC
            ? "messages"
            : "conversations";
    Object list = value;
    if (value instanceof String text && text.startsWith("[")) {
      list = PlainValues.parse(text, row.origin(), "\"" + key + "\"");
    }
    if (!(list instanceof List<?> elements)) {
      throw row.wrong("\"" + key + "\" must be a list of messages like " + example() + ".");
    }
    List<Message> messages = new ArrayList<>();
    if (system != null) {
      which = "\"system\"";
      messages.add(Message.system(text(system)));
    }
    messages.addAll(list(key, elements));
    return messages;
  }

  List<Message> list(String key, List<?> elements) {
    List<Message> messages = new ArrayList<>();
    for (int i = 0; i < elements.size(); i++) {
      which =
          (key.equals("prompt") || key.equals("completion") ? key + " message " : "message ")
              + (i + 1)
              + row.place(i);
      if (!(elements.get(i) instanceof Map<?, ?> fields)) {
        throw wrong(
            " must be an object like " + example() + ", not " + kind(elements.get(i)) + ".");
      }
      addMessage(object(fields), messages);
    }
    return messages;
  }

  private String example() {
    return switch (format) {
      case SHAREGPT -> "{\"from\":\"human\",\"value\":\"…\"}";
      case MESSAGES, ANTHROPIC -> "{\"role\":\"user\",\"content\":\"…\"}";
      default -> "{\"role\":\"human\",\"content\":\"…\"}";
    };
  }

  private void addMessage(Map<String, @Nullable Object> fields, List<Message> messages) {
    // null says nothing, and exports are full of it: "refusal": null, "tool_calls": null.
    fields.entrySet().removeIf(e -> e.getValue() == null && !e.getKey().equals(contentKey()));
    String roleKey = format == DataFormat.SHAREGPT ? "from" : "role";
    boolean hasContent = fields.containsKey(contentKey());
    Object roleName = fields.remove(roleKey);
    Object content = fields.remove(contentKey());
    Map<String, @Nullable Object> extras = extras(fields);
    boolean asksToLearn = Boolean.TRUE.equals(fields.get("train"));
    boolean marked = learned(fields);
    if (!fields.isEmpty()) {
      throw wrong(unknownKey(fields.keySet().iterator().next()));
    }
    if (roleName == null || (!hasContent && !extras.containsKey(Message.TOOL_CALLS))) {
      throw wrong(
          " has no \"%s\". Every message needs \"%s\" and \"%s\"."
              .formatted(roleName == null ? roleKey : contentKey(), roleKey, contentKey()));
    }
    if (!(roleName instanceof String name)) {
      throw wrong(": \"" + roleKey + "\" must be a string, not " + kind(roleName) + ".");
    }
    Role role = role(name);
    checkExtras(role, extras);
    if (asksToLearn && role != Role.ASSISTANT) {
      throw wrong(
          ": \"train\": true, but only the assistant's messages can be chosen."
              + " data.train-on-prompt learns all others.");
    }
    boolean learned = marked || role != Role.ASSISTANT;
    if (format == DataFormat.ANTHROPIC && content instanceof List<?> blocks) {
      addBlocks(role, blocks, learned, messages);
    } else {
      boolean silent = content == null && extras.containsKey(Message.TOOL_CALLS);
      messages.add(new Message(role, silent ? "" : text(content), extras, learned));
      if (silent) {
        losses.add(which + ": content is null");
      }
    }
  }

  private String contentKey() {
    return format == DataFormat.SHAREGPT ? "value" : "content";
  }

  private Role role(String name) {
    Map<String, Role> known = roles();
    Role role = known.get(name);
    if (role == null) {
      throw wrong(
          ": unknown role \""
              + abbreviated(name)
              + "\""
              + Nearest.to(name, known.keySet())
                  .map(near -> "; did you mean \"" + near + "\"? ")
                  .orElse(". ")
              + "Known roles: "
              + String.join(", ", known.keySet())
              + "."
              + (format == DataFormat.ANTHROPIC
                  ? " The system prompt stands in the row's own key \"system\"."
                  : ""));
    }
    if (name.equals("developer")) {
      losses.add(which + ": developer is read as system");
    }
    return role;
  }

  private Map<String, Role> roles() {
    Map<String, Role> roles = new LinkedHashMap<>();
    if (format != DataFormat.ANTHROPIC) {
      roles.put("system", Role.SYSTEM);
    }
    switch (format) {
      case SHAREGPT -> {
        roles.put("human", Role.HUMAN);
        roles.put("user", Role.HUMAN);
        roles.put("gpt", Role.ASSISTANT);
        roles.put("assistant", Role.ASSISTANT);
      }
      case MESSAGES -> {
        roles.put("developer", Role.SYSTEM);
        roles.put("user", Role.HUMAN);
        roles.put("assistant", Role.ASSISTANT);
      }
      case ANTHROPIC -> {
        roles.put("user", Role.HUMAN);
        roles.put("assistant", Role.ASSISTANT);
        return roles;
      }
      default -> {
        roles.put("human", Role.HUMAN);
        roles.put("user", Role.HUMAN);
        roles.put("assistant", Role.ASSISTANT);
      }
    }
    roles.put("tool", Role.TOOL);
    return roles;
  }

  private Map<String, @Nullable Object> extras(Map<String, @Nullable Object> fields) {
    Map<String, @Nullable Object> extras = new LinkedHashMap<>();
    if (format == DataFormat.ANTHROPIC || format == DataFormat.SHAREGPT) {
      return extras;
    }
    if (fields.get(Message.TOOL_CALLS) instanceof List<?> none && none.isEmpty()) {
      fields.remove(Message.TOOL_CALLS);
      losses.add(which + ": tool_calls is an empty list");
    }
    if (fields.containsKey(Message.TOOL_CALLS)) {
      extras.put(
          Message.TOOL_CALLS,
          ToolCalls.checked(fields.remove(Message.TOOL_CALLS), what -> wrong(what)));
    }
    for (String key : EXTRAS) {
      Object value = fields.remove(key);
      if (value instanceof String text) {
        extras.put(key, sound(row, which + ": " + key, text));
      } else if (value != null) {
        throw wrong(": \"" + key + "\" must be a string, not " + kind(value) + ".");
      }
    }
    return extras;
  }

  private void checkExtras(Role role, Map<String, @Nullable Object> extras) {
    if (role != Role.ASSISTANT
        && (extras.containsKey(Message.TOOL_CALLS) || extras.containsKey("reasoning_content"))) {
      throw wrong(
          " is from " + role.dataName() + ", but only the assistant calls tools or thinks.");
    }
    if (role == Role.ASSISTANT && extras.containsKey("tool_call_id")) {
      throw wrong(" is from the assistant, but \"tool_call_id\" belongs to a tool's answer.");
    }
  }

  /** {@code "train"} is ours and others', {@code "weight"} is OpenAI's. */
  private boolean learned(Map<String, @Nullable Object> fields) {
    Object train = fields.remove("train");
    Object weight = fields.remove("weight");
    if (train != null && !(train instanceof Boolean)) {
      throw wrong(": \"train\" must be true or false, not " + kind(train) + ".");
    }
    if (weight != null
        && !(weight instanceof Number number
            && (number.doubleValue() == 0 || number.doubleValue() == 1))) {
      throw wrong(": \"weight\" must be 0 or 1; other weights are not supported.");
    }
    boolean weighted = !(weight instanceof Number number) || number.doubleValue() == 1;
    if (train instanceof Boolean wanted && weight != null && wanted != weighted) {
      throw wrong(": \"train\" and \"weight\" contradict each other. Keep one of them.");
    }
    return weighted && !Boolean.FALSE.equals(train);
  }

  /** Anthropic's content blocks; tool results become messages of their own. */
  private void addBlocks(Role role, List<?> blocks, boolean learned, List<Message> messages) {
    List<Object> texts = new ArrayList<>();
    List<Object> calls = new ArrayList<>();
    boolean results = false;
    for (Object value : blocks) {
      Map<String, @Nullable Object> block = value instanceof Map<?, ?> map ? object(map) : Map.of();
      String type = String.valueOf(block.get("type"));
      if (type.equals("tool_use") && role == Role.ASSISTANT) {
        calls.add(ToolCalls.ofAnthropic(block, what -> wrong(what)));
      } else if (type.equals("tool_result") && role == Role.HUMAN) {
        results = true;
        Map<String, @Nullable Object> extras = new LinkedHashMap<>();
        extras.put("tool_call_id", String.valueOf(block.get("tool_use_id")));
        Object content = block.get("content");
        messages.add(new Message(Role.TOOL, content == null ? "" : text(content), extras, true));
      } else {
        texts.add(block);
      }
    }
    if (results || !calls.isEmpty()) {
      losses.add(which + ": tool blocks are rewritten");
    }
    if (results && !texts.isEmpty()) {
      throw wrong(
          " holds tool results and text. Put the text into a message of its own, behind the"
              + " assistant's answer to the results.");
    }
    if (!results) {
      Map<String, @Nullable Object> extras =
          calls.isEmpty() ? Map.of() : Map.of(Message.TOOL_CALLS, calls);
      String text = texts.isEmpty() && !calls.isEmpty() ? "" : text(texts);
      messages.add(new Message(role, text, extras, learned));
    }
  }

  /** A string, or text parts, which are joined by line breaks as servers do. */
  private String text(@Nullable Object content) {
    if (content instanceof String text) {
      return sound(row, which, text);
    }
    if (!(content instanceof List<?> parts)
        || format == DataFormat.CONVERSATIONS
        || format == DataFormat.SHAREGPT) {
      throw wrong(": \"" + contentKey() + "\" must be a string, not " + kind(content) + ".");
    }
    losses.add(which + ": a list of parts is joined");
    return parts.stream().map(this::part).collect(Collectors.joining("\n"));
  }

  private String part(@Nullable Object part) {
    if (part instanceof Map<?, ?> fields
        && "text".equals(fields.get("type"))
        && fields.get("text") instanceof String text) {
      return sound(row, which, text);
    }
    Object type = part instanceof Map<?, ?> fields ? fields.get("type") : null;
    throw wrong(
        ": a part of type \""
            + abbreviated(String.valueOf(type))
            + "\" cannot be learned from. Only text parts, {\"type\":\"text\",\"text\":\"…\"}, can.");
  }

  /** The tools that a row offers, taken out of its other keys. */
  List<Object> tools(Map<String, @Nullable Object> rest) {
    if (rest.get("functions") != null) {
      throw row.wrong("\"functions\" is OpenAI's old way. Write \"tools\".");
    }
    Object value = rest.get("tools");
    if (value instanceof String text) {
      value = text.isBlank() ? null : PlainValues.parse(text, row.origin(), "\"tools\"");
      losses.add("tools stand in a string");
    }
    rest.remove("tools");
    if (value == null) {
      return List.of();
    }
    if (!(value instanceof List<?> list)) {
      throw row.wrong("\"tools\" must be a list of tools, not " + kind(value) + ".");
    }
    List<Object> tools = new ArrayList<>();
    for (Object tool : list) {
      if (!(tool instanceof Map<?, ?> fields)) {
        throw row.wrong("\"tools\" must hold objects, not " + kind(tool) + ".");
      }
      tools.add(ToolCalls.tool(object(fields)));
    }
    if (format == DataFormat.ANTHROPIC && !tools.isEmpty()) {
      losses.add("tools are rewritten");
    }
    return tools;
  }

  private String unknownKey(String key) {
    List<String> known =
        format == DataFormat.SHAREGPT ? List.of("from", "value") : List.of("role", "content");
    return ": unknown key \""
        + abbreviated(key)
        + "\""
        + Nearest.to(key, known).map(name -> "; did you mean \"" + name + "\"? ").orElse(". ")
        + "A message has \""
        + String.join("\" and \"", known)
        + "\", \"train\" or \"weight\""
        + (format == DataFormat.CONVERSATIONS || format == DataFormat.MESSAGES
            ? ", \"tool_calls\", \"tool_call_id\", \"name\", \"reasoning_content\""
            : "")
        + ".";
  }

  private DataException wrong(String what) {
    return row.wrong(which + what);
  }

  /** Refuses what no text contains. */
  static String sound(RawRow row, String which, String content) {
    for (int i = 0; i < content.length(); i++) {
      char c = content.charAt(i);
      if (c == 0) {
        throw row.wrong(
            which
                + ": character "
                + (i + 1)
                + " of the content is NUL (\\u0000), which no text contains."
                + " Look at how the file was made; remove it.");
      }
      if (Character.isSurrogate(c)) {
        if (Character.isLowSurrogate(c)
            || i + 1 == content.length()
            || !Character.isLowSurrogate(content.charAt(i + 1))) {
          throw row.wrong(
              which
                  + ": character "
                  + (i + 1)
                  + " of the content is half a character ("
                  + "\\u%04x without its partner".formatted((int) c)
                  + "), usually from text cut in the middle of an emoji. Remove it.");
        }
        i++;
      }
    }
    return content;
  }

  /** A copy whose keys are known to be strings. */
  static Map<String, @Nullable Object> object(Map<?, ?> map) {
    Map<String, @Nullable Object> copy = new LinkedHashMap<>();
    map.forEach((key, value) -> copy.put(String.valueOf(key), value));
    return copy;
  }

  static String kind(@Nullable Object value) {
    return switch (value) {
      case null -> "null";
      case Map<?, ?> _ -> "an object";
      case List<?> _ -> "a list";
      case String _ -> "a string";
      case Boolean _ -> "a boolean";
      case Number _ -> "a number";
      default -> "this";
    };
  }

  private static String abbreviated(String text) {
    return text.length() <= 40 ? text : text.substring(0, 40) + "…";
  }
}
