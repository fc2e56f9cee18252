package dev.graft.tokenizer;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Understands the rows of one file: recognises what they are and turns each into a {@link Row}. */
final class RowParser {
  private static final int NOT_A_TARGET = -100;
  private static final List<String> ROW_KEYS =
      List.of(
          "conversations",
          "messages",
          "instruction",
          "input",
          "output",
          "prompt",
          "completion",
          "input_ids",
          "labels");

  private final DataFormat wanted;
  private final Map<String, String> columns;
  private @Nullable DataFormat format;
  private String reason = "";

  /**
   * @param wanted what the rows are, or AUTO
   * @param columns what a key is called in the file, by the name that it has here
   */
  RowParser(DataFormat wanted, Map<String, String> columns) {
    this.wanted = wanted;
    this.columns = columns;
  }

  /** What the rows are, once one has been read. */
  DataFormat format() {
    return format == null ? wanted : format;
  }

  /** How that was found. */
  String reason() {
    return reason;
  }

  DataRow parse(RawRow raw) {
    RawRow row = renamed(raw);
    DataFormat is = recognise(row);
    if (wanted == DataFormat.ANTHROPIC && is == DataFormat.MESSAGES) {
      is = wanted;
    }
    if (format == null) {
      format = wanted == DataFormat.AUTO ? is : wanted;
      reason =
          format.configName()
              + (wanted == DataFormat.AUTO
                  ? ", because the first row (line "
                      + row.origin().line()
                      + ") has "
                      + evidence(format)
                  : ", as data.format says");
    }
    if (wanted == DataFormat.AUTO ? !format.mixesWith(is) : format != is) {
      throw row.wrong(
          ("eaio".indexOf(Character.toLowerCase(is.kind().charAt(0))) >= 0 ? "an " : "a ")
              + is.kind()
              + " row among "
              + format.kind()
              + " rows ("
              + reason
              + "). Put rows of one kind into one file, or set data.format.");
    }
    return understood(row, is);
  }

  private static String evidence(DataFormat format) {
    return switch (format) {
      case TOKENS -> "the key \"input_ids\"";
      case CONVERSATIONS -> "the key \"conversations\"";
      case SHAREGPT -> "\"conversations\" with \"from\" and \"value\"";
      case MESSAGES -> "the key \"messages\"";
      case ANTHROPIC -> "\"messages\" with a \"system\" key or tool blocks beside them";
      case INSTRUCTION -> "the key \"instruction\"";
      case PROMPT_COMPLETION -> "the keys \"prompt\" and \"completion\"";
      case AUTO -> throw new AssertionError("recognised as one of the others");
    };
  }

  private RawRow renamed(RawRow row) {
    if (columns.isEmpty()) {
      return row;
    }
    Map<String, @Nullable Object> fields = new LinkedHashMap<>(row.fields());
    columns.forEach((name, column) -> {
      if (!fields.containsKey(column)) {
        throw row.wrong(
            "there is no \""
                + column
                + "\", which data.columns names; there are "
                + row.fields().keySet()
                + ".");
      }
      fields.put(name, fields.remove(column));
    });
    return new RawRow(row.origin(), fields, row.messageLines());
  }

  private DataFormat recognise(RawRow row) {
    Map<String, @Nullable Object> fields = row.fields();
    boolean tokens = fields.containsKey("input_ids") || fields.containsKey("labels");
    boolean conversations = fields.containsKey("conversations");
    if (tokens && conversations) {
      throw row.wrong("the row has both \"conversations\" and token ids. Keep one of them.");
    }
    if (tokens) {
      return DataFormat.TOKENS;
    }
    if (conversations) {
      return MessageParser.isShareGpt(fields.get("conversations"))
          ? DataFormat.SHAREGPT
          : DataFormat.CONVERSATIONS;
    }
    if (fields.containsKey("messages")) {
      return fields.get("system") != null || MessageParser.hasToolBlocks(fields.get("messages"))
          ? DataFormat.ANTHROPIC
          : DataFormat.MESSAGES;
    }
    if (fields.containsKey("instruction")) {
      return DataFormat.INSTRUCTION;
    }
    if (fields.containsKey("prompt") && fields.containsKey("completion")) {
      return DataFormat.PROMPT_COMPLETION;
    }
    throw row.wrong(nothingKnown(fields.keySet()));
  }

  private static String nothingKnown(Set<String> keys) {
    String wanted =
        "A row needs \"conversations\" or \"messages\" (a list of messages), \"instruction\" and"
            + " \"output\", \"prompt\" and \"completion\", or \"input_ids\" and \"labels\";"
            + " data.columns can rename.";
    if (keys.isEmpty()) {
      return "the row is empty. " + wanted;
    }
    for (String key : keys) {
      Optional<String> nearest =
          ROW_KEYS.contains(key) ? Optional.empty() : Nearest.to(key, ROW_KEYS);
      if (nearest.isPresent()) {
        return "unknown key \"" + key + "\"; did you mean \"" + nearest.get() + "\"? " + wanted;
      }
    }
    return "none of the keys "
        + List.copyOf(keys).subList(0, Math.min(keys.size(), 20))
        + " is known. "
        + wanted;
  }

  private static DataRow understood(RawRow row, DataFormat is) {
    Map<String, @Nullable Object> rest = new LinkedHashMap<>(row.fields());
    List<String> losses = new ArrayList<>();
    Row parsed =
        switch (is) {
          case TOKENS -> tokens(row, rest.remove("input_ids"), rest.remove("labels"));
          case INSTRUCTION -> new SingleTurns(row, rest, losses).instruction();
          case PROMPT_COMPLETION -> new SingleTurns(row, rest, losses).promptAndCompletion();
          case CONVERSATIONS, SHAREGPT, MESSAGES, ANTHROPIC -> {
            Object messages =
                rest.remove(
                    is == DataFormat.CONVERSATIONS || is == DataFormat.SHAREGPT
                        ? "conversations"
                        : "messages");
            Object system = is == DataFormat.ANTHROPIC ? rest.remove("system") : null;
            MessageParser parser = new MessageParser(row, is, losses);
            List<Object> tools = parser.tools(rest);
            yield conversation(row, parser.messages(system, messages), tools);
          }
          case AUTO -> throw new AssertionError("recognised as one of the others");
        };
    return new DataRow(parsed, is, rest, losses);
  }

  static Conversation conversation(RawRow row, List<Message> messages, List<Object> tools) {
    return new Conversation(messages, tools, row.origin());
  }

  private static TokenSequence tokens(RawRow row, @Nullable Object input, @Nullable Object label) {
    if (!(input instanceof int[] ids)) {
      throw row.wrong(
          input == null
              ? "\"labels\" without \"input_ids\". Add the token ids."
              : "\"input_ids\" must be a list of integers.");
    }
    if (!(label instanceof int[] labels)) {
      throw row.wrong(
          "\"input_ids\" without \"labels\". Add labels of the same length: the token's own id"
              + " where it is to be learned, -100 where it is not.");
    }
    if (ids.length != labels.length) {
      throw row.wrong(
          ids.length
              + " input_ids but "
              + labels.length
              + " labels. Both must have the same length; the shift by one happens in the loss.");
    }
    if (ids.length == 0) {
      throw row.wrong("input_ids is empty. Remove the row.");
    }
    boolean[] target = new boolean[ids.length];
    for (int i = 0; i < ids.length; i++) {
      if (ids[i] < 0) {
        throw row.wrong("input_ids[" + i + "] is " + ids[i] + "; token ids are 0 or more.");
      }
      target[i] = labels[i] != NOT_A_TARGET;
      if (target[i] && labels[i] != ids[i]) {
        throw row.wrong(
            ("labels[%d] is %d where input_ids[%d] is %d. A label is the token's own id, or -100;"
                    + " do not shift the labels, that happens in the loss.")
                .formatted(i, labels[i], i, ids[i]));
      }
    }
    return new TokenSequence(ids, target, row.origin());
  }
}
