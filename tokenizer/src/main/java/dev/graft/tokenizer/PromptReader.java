package dev.graft.tokenizer;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Reads files of prompts. A row is one of
 *
 * <pre>{@code
 * {"prompt":"Once upon a time"}
 * {"messages":[{"role":"system","content":"…"},{"role":"user","content":"…"}]}
 * }</pre>
 *
 * <p>or anything that can be trained on ({@link DataFormat}), so that a test set can be answered as
 * it is: what stands behind the last human message, the answer that the row itself gives, is not
 * part of the prompt. All other keys are kept. The containers are those of {@link
 * ConversationReader}.
 */
public final class PromptReader {
  private PromptReader() {}

  /**
   * Reads a file.
   *
   * @throws DataException that names file and line, if it cannot be read, a row is no prompt, or
   *     there is none
   */
  public static List<PromptRow> read(Path file) {
    List<PromptRow> rows = new ArrayList<>();
    try (RowSource source = RowSource.open(file)) {
      for (RawRow row = source.next(); row != null; row = source.next()) {
        rows.add(new PromptRow(prompt(row), row.fields(), row.origin()));
      }
    }
    if (rows.isEmpty()) {
      throw new DataException(
          file + ": the file is empty. It needs one JSON object for each prompt.");
    }
    return rows;
  }

  private static PromptRow.Prompt prompt(RawRow row) {
    Map<String, @Nullable Object> fields = row.fields();
    if (fields.get("prompt") instanceof String text) {
      return new PromptRow.Prompt.Text(text);
    }
    if (fields.containsKey("conversations") || fields.containsKey("messages")) {
      return messages(row);
    }
    boolean wholeRow = fields.containsKey("instruction") || fields.containsKey("prompt");
    if (wholeRow) {
      Row parsed = new RowParser(DataFormat.AUTO, Map.of()).parse(row).row();
      if (parsed instanceof Conversation conversation) {
        return untilTheLastHuman(row, conversation.messages());
      }
    }
    throw row.wrong(
        "the row is no prompt. It needs \"prompt\" (a text), or \"messages\" or \"conversations\""
            + " (a list of messages).");
  }

  private static PromptRow.Prompt messages(RawRow row) {
    Map<String, @Nullable Object> rest = new LinkedHashMap<>(row.fields());
    boolean conversations = rest.containsKey("conversations");
    Object list = rest.remove(conversations ? "conversations" : "messages");
    Object system = rest.remove("system");
    DataFormat format;
    if (conversations) {
      format = MessageParser.isShareGpt(list) ? DataFormat.SHAREGPT : DataFormat.CONVERSATIONS;
    } else {
      format =
          system != null || MessageParser.hasToolBlocks(list)
              ? DataFormat.ANTHROPIC
              : DataFormat.MESSAGES;
    }
    MessageParser parser = new MessageParser(row, format, new ArrayList<>());
    if (!parser.tools(rest).isEmpty()) {
      throw row.wrong("the row offers tools, which cannot be offered in generation yet.");
    }
    return untilTheLastHuman(row, parser.messages(system, list));
  }

  private static PromptRow.Prompt untilTheLastHuman(RawRow row, List<Message> messages) {
    int end = messages.size();
    while (end > 0 && messages.get(end - 1).role() != Role.HUMAN) {
      end--;
    }
    if (end == 0) {
      throw row.wrong("the conversation has no human message, so there is nothing to answer.");
    }
    List<Message> asked = messages.subList(0, end);
    Conversation.problemWithOrder(asked)
        .ifPresent(problem -> {
          throw row.wrong(problem);
        });
    return new PromptRow.Prompt.Messages(asked);
  }
}
