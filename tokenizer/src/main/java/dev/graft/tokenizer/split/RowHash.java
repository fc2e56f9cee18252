package dev.graft.tokenizer.split;

import dev.graft.tokenizer.Conversation;
import dev.graft.tokenizer.DataRow;
import dev.graft.tokenizer.Message;
import dev.graft.tokenizer.Row;
import dev.graft.tokenizer.TokenSequence;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;

/** Names a row by what is learned from it, whatever file, line or format it stands in. */
public final class RowHash {
  private RowHash() {}

  /** SHA-256 over roles, contents and what else the model sees, in hexadecimal. */
  public static String of(DataRow row) {
    return of(row.row());
  }

  /** SHA-256 over roles, contents and what else the model sees, in hexadecimal. */
  public static String of(Row row) {
    MessageDigest digest = sha256();
    switch (row) {
      case Conversation conversation -> {
        conversation.messages().forEach(message -> add(digest, message));
        add(digest, conversation.tools().toString());
      }
      case TokenSequence tokens -> {
        ByteBuffer bytes = ByteBuffer.allocate(tokens.length() * (Integer.BYTES + 1));
        for (int i = 0; i < tokens.length(); i++) {
          bytes.putInt(tokens.inputIds()[i]).put((byte) (tokens.target()[i] ? 1 : 0));
        }
        digest.update(bytes.array());
      }
    }
    return HexFormat.of().formatHex(digest.digest());
  }

  /** The same over some messages; white space around a content does not count. */
  static String of(List<Message> messages) {
    MessageDigest digest = sha256();
    for (Message message : messages) {
      add(digest, message.role().dataName());
      add(digest, message.content().strip());
      add(digest, message.extras().toString());
    }
    return HexFormat.of().formatHex(digest.digest());
  }

  private static void add(MessageDigest digest, Message message) {
    add(digest, message.role().dataName());
    add(digest, message.content());
    add(digest, message.extras().toString());
    add(digest, String.valueOf(message.learned()));
  }

  private static void add(MessageDigest digest, String text) {
    digest.update(text.getBytes(StandardCharsets.UTF_8));
    // A byte that no UTF-8 text holds, so that "ab","c" and "a","bc" differ.
    digest.update((byte) 0xFF);
  }

  static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("every Java has SHA-256", e);
    }
  }
}
