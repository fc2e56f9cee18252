package dev.graft.trainer.compare.contestant;

import dev.graft.tokenizer.Conversation;
import dev.graft.tokenizer.ConversationReader;
import dev.graft.tokenizer.DataFormat;
import dev.graft.tokenizer.DataRow;
import dev.graft.trainer.config.UserException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;

/** Held-out examples, read from conversations. */
public final class Examples {

  private Examples() {}

  /**
   * Reads examples. A row's {@code id} is its name; rows without one are named by their number.
   *
   * @param limit at most so many
   * @throws UserException for ids that occur twice and for rows that are no conversations
   */
  public static List<Example> read(
      Path file, DataFormat format, Map<String, String> columns, int limit) {
    var examples = new ArrayList<Example>();
    var seen = new HashMap<String, String>();
    try (ConversationReader reader = ConversationReader.openUnread(file, format, columns)) {
      int number = 0;
      for (DataRow row = reader.read();
          row != null && examples.size() < limit;
          row = reader.read()) {
        number++;
        if (!(row.row() instanceof Conversation conversation)) {
          throw new UserException(
              file + ": holds tokens; a comparison needs conversations, whose answers can be read");
        }
        Object own = row.fields().get("id");
        String id = own == null ? String.valueOf(number) : String.valueOf(own);
        String place = conversation.origin().toString();
        String before = seen.putIfAbsent(id, place);
        if (before != null) {
          throw new UserException(
              "%s: the id '%s' occurs a second time; the first is at %s. Ids have to be different."
                  .formatted(place, id, before));
        }
        var messages = conversation.messages();
        examples.add(
            new Example(
                id, messages.subList(0, messages.size() - 1), messages.getLast().content()));
      }
    }
    if (examples.isEmpty()) {
      throw new UserException(file + ": holds no conversation");
    }
    return List.copyOf(examples);
  }

  /** A digest of what is asked and expected, by which answers are known to belong to this data. */
  public static String digest(Example example) {
    return sha256(example.id() + '\0' + example.prompt() + '\0' + example.reference())
        .substring(0, 16);
  }

  /** SHA-256 of a text's UTF-8, in hexadecimal. */
  public static String sha256(String text) {
    try {
      return HexFormat.of()
          .formatHex(
              MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8)));
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("every Java has SHA-256", e);
    }
  }
}
