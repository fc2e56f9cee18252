package dev.graft.tokenizer.split;

import dev.graft.tokenizer.Conversation;
import dev.graft.tokenizer.DataException;
import dev.graft.tokenizer.DataFormat;
import dev.graft.tokenizer.DataRow;
import dev.graft.tokenizer.Message;
import dev.graft.tokenizer.Role;
import dev.graft.tokenizer.TokenSequence;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.json.JsonMapper;

/** Writes rows as JSON lines. */
public final class RowWriter {
  private static final int NOT_A_TARGET = -100;

  private RowWriter() {}

  /**
   * A row in another format, with everything that it says, its other keys among it.
   *
   * @param to {@link DataFormat#CONVERSATIONS} or {@link DataFormat#MESSAGES}
   * @throws DataException if something of the row would be lost
   */
  public static String lossless(DataRow row, DataFormat to) {
    if (!(row.row() instanceof Conversation conversation)) {
      throw new DataException(row.row().origin(), "tokens cannot be turned back into messages.");
    }
    if (!row.losses().isEmpty()) {
      throw new DataException(
          row.row().origin(),
          "cannot be converted without loss: "
              + String.join("; ", row.losses())
              + ". --allow-loss converts it all the same.");
    }
    return line(row, conversation, to);
  }

  /** A row in another format; what {@link DataRow#losses} names is gone. */
  public static String lossy(DataRow row, DataFormat to) {
    return row.row() instanceof Conversation conversation
        ? line(row, conversation, to)
        : lossless(row, to);
  }

  /** A row in the format of ours that says what it says: conversations, or tokens. */
  public static String own(DataRow row) {
    return switch (row.row()) {
      case Conversation conversation -> line(row, conversation, DataFormat.CONVERSATIONS);
      case TokenSequence tokens -> {
        Map<String, @Nullable Object> fields = new LinkedHashMap<>();
        int[] labels = tokens.inputIds().clone();
        for (int i = 0; i < labels.length; i++) {
          labels[i] = tokens.target()[i] ? labels[i] : NOT_A_TARGET;
        }
        fields.put("input_ids", tokens.inputIds());
        fields.put("labels", labels);
        fields.putAll(row.fields());
        yield JsonMapper.shared().writeValueAsString(fields);
      }
    };
  }

  private static String line(DataRow row, Conversation conversation, DataFormat to) {
    boolean openai = to == DataFormat.MESSAGES;
    List<Map<String, @Nullable Object>> messages = new ArrayList<>();
    for (Message message : conversation.messages()) {
      Map<String, @Nullable Object> fields = new LinkedHashMap<>();
      fields.put("role", openai ? message.role().templateName() : message.role().dataName());
      fields.put("content", message.content());
      fields.putAll(message.extras());
      if (message.role() == Role.ASSISTANT && !message.learned()) {
        fields.put(openai ? "weight" : "train", openai ? (Object) 0 : (Object) false);
      }
      messages.add(fields);
    }
    Map<String, @Nullable Object> fields = new LinkedHashMap<>();
    fields.put(openai ? "messages" : "conversations", messages);
    if (!conversation.tools().isEmpty()) {
      fields.put("tools", conversation.tools());
    }
    for (Map.Entry<String, @Nullable Object> other : row.fields().entrySet()) {
      if (fields.putIfAbsent(other.getKey(), other.getValue()) != null) {
        throw new DataException(
            row.row().origin(), "has another \"" + other.getKey() + "\" already. Rename that key.");
      }
    }
    return JsonMapper.shared().writeValueAsString(fields);
  }
}
