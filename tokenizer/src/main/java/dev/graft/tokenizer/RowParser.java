package dev.graft.tokenizer;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;

/** Turns one JSON object, token by token, into a {@link Row}; says exactly what is wrong if not. */
final class RowParser {
  static final int MAX_MESSAGES = 100_000;
  static final int MAX_TOKENS = 1 << 24;
  static final int MAX_ROW_CHARACTERS = 1 << 26;
  private static final int MAX_IGNORED_KEYS = 100;
  private static final int NOT_A_TARGET = -100;
  private static final List<String> ROW_KEYS = List.of("conversations", "input_ids", "labels");
  private static final List<String> MESSAGE_KEYS = List.of("role", "content");
  private static final List<String> ROLES = List.of("system", "human", "user", "assistant");

  private final Path file;
  private final JsonParser json;
  private final SortedMap<String, Long> ignoredKeys = new TreeMap<>();
  private Origin origin = Origin.MEMORY;

  RowParser(Path file, JsonParser json) {
    this.file = file;
    this.json = json;
  }

  /** Keys of rows that mean nothing here, and how often each was seen. */
  SortedMap<String, Long> ignoredKeys() {
    return ignoredKeys;
  }

  /** Reads the object that the parser stands at the beginning of. */
  Row parse() {
    origin = new Origin(file, json.currentTokenLocation().getLineNr());
    List<Message> messages = null;
    int[] ids = null;
    int[] labels = null;
    SortedSet<String> otherKeys = new TreeSet<>();
    for (String key = json.nextName(); key != null; key = json.nextName()) {
      json.nextToken();
      switch (key) {
        case "conversations" -> messages = messages();
        case "input_ids" -> ids = integers(key);
        case "labels" -> labels = integers(key);
        default -> {
          otherKeys.add(key);
          json.skipChildren();
        }
      }
    }
    Row row = row(messages, ids, labels, otherKeys);
    otherKeys.forEach(this::ignore);
    return row;
  }

  private Row row(
      @Nullable List<Message> messages,
      int @Nullable [] ids,
      int @Nullable [] labels,
      SortedSet<String> otherKeys) {
    if (messages != null && (ids != null || labels != null)) {
      throw wrong("the row has both \"conversations\" and token ids. Keep one of them.");
    }
    if (messages != null) {
      Optional<String> problem = Conversation.problemWith(messages);
      if (problem.isPresent()) {
        throw wrong(problem.get());
      }
      return new Conversation(messages, origin);
    }
    if (ids == null && labels == null) {
      throw wrong(nothingKnown(otherKeys));
    }
    if (ids == null) {
      throw wrong("\"labels\" without \"input_ids\". Add the token ids.");
    }
    if (labels == null) {
      throw wrong(
          "\"input_ids\" without \"labels\". Add labels of the same length: the token's own id"
              + " where it is to be learned, -100 where it is not.");
    }
    return tokens(ids, labels);
  }

  private static String nothingKnown(SortedSet<String> keys) {
    String wanted =
        "A row needs \"conversations\" (a list of messages), or \"input_ids\" and \"labels\".";
    if (keys.isEmpty()) {
      return "the row is empty. " + wanted;
    }
    for (String key : keys) {
      Optional<String> nearest = Nearest.to(key, ROW_KEYS);
      if (nearest.isPresent()) {
        return "unknown key \"" + key + "\"; did you mean \"" + nearest.get() + "\"? " + wanted;
      }
    }
    return "none of the keys " + keys + " is known. " + wanted;
  }

  private TokenSequence tokens(int[] ids, int[] labels) {
    if (ids.length != labels.length) {
      throw wrong(
          ids.length
              + " input_ids but "
              + labels.length
              + " labels. Both must have the same length; the shift by one happens in the loss.");
    }
    if (ids.length == 0) {
      throw wrong("input_ids is empty. Remove the row.");
    }
    boolean[] target = new boolean[ids.length];
    for (int i = 0; i < ids.length; i++) {
      if (ids[i] < 0) {
        throw wrong("input_ids[" + i + "] is " + ids[i] + "; token ids are 0 or more.");
      }
      target[i] = labels[i] != NOT_A_TARGET;
      if (target[i] && labels[i] != ids[i]) {
        throw wrong(
            "labels["
                + i
                + "] is "
                + labels[i]
                + " where input_ids["
                + i
                + "] is "
                + ids[i]
                + ". A label is the token's own id, or -100; do not shift the labels,"
                + " that happens in the loss.");
      }
    }
    return new TokenSequence(ids, target, origin);
  }

  private int[] integers(String key) {
    if (json.currentToken() != JsonToken.START_ARRAY) {
      throw wrong("\"" + key + "\" must be a list of integers" + here() + ".");
    }
    int[] values = new int[256];
    int count = 0;
    while (json.nextToken() != JsonToken.END_ARRAY) {
      if (json.currentToken() != JsonToken.VALUE_NUMBER_INT
          || json.getNumberType() != JsonParser.NumberType.INT) {
        throw wrong(key + "[" + count + "] is not an integer of 32 bits" + here() + ".");
      }
      if (count == MAX_TOKENS) {
        throw wrong("\"" + key + "\" has more than " + MAX_TOKENS + " entries. Split the row.");
      }
      if (count == values.length) {
        values = Arrays.copyOf(values, count * 2);
      }
      values[count++] = json.getIntValue();
    }
    return Arrays.copyOf(values, count);
  }

  private List<Message> messages() {
    if (json.currentToken() != JsonToken.START_ARRAY) {
      throw wrong(
          "\"conversations\" must be a list of messages like"
              + " {\"role\":\"human\",\"content\":\"…\"}"
              + here()
              + ".");
    }
    List<Message> messages = new ArrayList<>();
    long characters = 0;
    while (json.nextToken() != JsonToken.END_ARRAY) {
      if (messages.size() == MAX_MESSAGES) {
        throw wrong("more than " + MAX_MESSAGES + " messages in one row. Split it.");
      }
      Message message = message("message " + (messages.size() + 1));
      messages.add(message);
      characters += message.content().length();
      if (characters > MAX_ROW_CHARACTERS) {
        throw wrong("more than " + MAX_ROW_CHARACTERS + " characters in one row. Split it.");
      }
    }
    return messages;
  }

  private Message message(String which) {
    if (json.currentToken() != JsonToken.START_OBJECT) {
      throw wrong(
          which
              + here()
              + " must be an object like {\"role\":\"human\",\"content\":\"…\"}, not "
              + kind(json.currentToken())
              + ".");
    }
    Role role = null;
    String content = null;
    for (String key = json.nextName(); key != null; key = json.nextName()) {
      json.nextToken();
      switch (key) {
        case "role" -> role = role(which);
        case "content" -> content = content(which);
        // Not ignored: "train", "weight", "tool_calls" would change what is learned.
        default -> throw wrong(unknownMessageKey(which, key));
      }
    }
    if (role == null || content == null) {
      throw wrong(
          which
              + here()
              + " has no \""
              + (role == null ? "role" : "content")
              + "\". Every message needs \"role\" and \"content\".");
    }
    return new Message(role, content);
  }

  private String unknownMessageKey(String which, String key) {
    String known = "A message has \"role\" and \"content\" and nothing else.";
    return which
        + here()
        + ": unknown key \""
        + key
        + "\""
        + Nearest.to(key, MESSAGE_KEYS)
            .map(name -> "; did you mean \"" + name + "\"? ")
            .orElse(". ")
        + known;
  }

  private Role role(String which) {
    if (json.currentToken() != JsonToken.VALUE_STRING) {
      throw wrong(
          which + here() + ": \"role\" must be a string, not " + kind(json.currentToken()) + ".");
    }
    String name = json.getString();
    return Role.named(name)
        .orElseThrow(() ->
            wrong(
                which
                    + here()
                    + ": unknown role \""
                    + abbreviated(name)
                    + "\""
                    + Nearest.to(name, ROLES)
                        .map(role -> "; did you mean \"" + role + "\"? ")
                        .orElse(". ")
                    + "Known roles: "
                    + Role.KNOWN_NAMES
                    + "."));
  }

  private String content(String which) {
    if (json.currentToken() != JsonToken.VALUE_STRING) {
      throw wrong(
          which
              + here()
              + ": \"content\" must be a string, not "
              + kind(json.currentToken())
              + ".");
    }
    String content = json.getString();
    for (int i = 0; i < content.length(); i++) {
      char c = content.charAt(i);
      if (c == 0) {
        throw wrong(
            which
                + here()
                + ": character "
                + (i + 1)
                + " of the content is NUL (\\u0000), which no text contains."
                + " Look at how the file was made; remove it.");
      }
      if (Character.isSurrogate(c)) {
        if (Character.isLowSurrogate(c)
            || i + 1 == content.length()
            || !Character.isLowSurrogate(content.charAt(i + 1))) {
          throw wrong(
              which
                  + here()
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

  /** Where the parser stands, if that is not the line that every message names anyway. */
  private String here() {
    int line = json.currentTokenLocation().getLineNr();
    return line == origin.line() ? "" : " (line " + line + ")";
  }

  private static String kind(@Nullable JsonToken token) {
    return switch (token) {
      case START_OBJECT -> "an object";
      case START_ARRAY -> "a list";
      case VALUE_STRING -> "a string";
      case VALUE_NULL -> "null";
      case VALUE_TRUE, VALUE_FALSE -> "a boolean";
      case VALUE_NUMBER_INT, VALUE_NUMBER_FLOAT -> "a number";
      case null, default -> "this";
    };
  }

  private static String abbreviated(String text) {
    return text.length() <= 40 ? text : text.substring(0, 40) + "…";
  }

  private void ignore(String key) {
    if (ignoredKeys.containsKey(key) || ignoredKeys.size() < MAX_IGNORED_KEYS) {
      ignoredKeys.merge(key, 1L, Long::sum);
    }
  }

  private DataException wrong(String what) {
    return new DataException(origin + ": " + what);
  }
}
