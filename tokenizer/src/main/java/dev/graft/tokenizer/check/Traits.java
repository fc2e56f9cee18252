package dev.graft.tokenizer.check;

import dev.graft.tokenizer.Conversation;
import dev.graft.tokenizer.DataRow;
import dev.graft.tokenizer.Message;
import dev.graft.tokenizer.Origin;
import dev.graft.tokenizer.Role;
import dev.graft.tokenizer.TokenSequence;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;

/**
 * What one conversation shows on its own; made by several threads, compared by one.
 *
 * @param whole a digest of all messages
 * @param exchanges the answers that are learned, each with what led to it
 * @param signature see {@link NearDuplicates}
 * @param answers how they are written
 * @param hits secrets and personal data
 * @param source the row's "source" field, if it has one
 * @param characters by role's ordinal
 */
@SuppressWarnings("ArrayRecordComponent") // taken apart once, never compared
record Traits(
    Origin origin,
    String whole,
    List<Exchange> exchanges,
    int[] signature,
    List<AnswerForm> answers,
    List<Secrets.Hit> hits,
    Optional<String> source,
    long[] characters) {
  /** A prompt shorter than this says so little that any answer may be right: "Hello". */
  private static final int PROMPT_CHARACTERS = 20;

  /**
   * An answer and what it answers.
   *
   * @param prompt 64 bits of a digest of all messages before it
   * @param answer 64 bits of a digest of it
   * @param telling whether the prompt is long enough to ask for one answer
   */
  record Exchange(long prompt, long answer, boolean telling) {}

  static Traits of(DataRow row, Conversation conversation, NearDuplicates duplicates) {
    List<Secrets.Hit> hits = new ArrayList<>();
    List<Exchange> exchanges = new ArrayList<>();
    List<AnswerForm> answers = new ArrayList<>();
    long[] characters = new long[Role.values().length];
    MessageDigest digest = sha256();
    int asked = 0;
    String before = "";
    for (Message message : conversation.messages()) {
      byte[] bytes = bytes(message);
      if (message.role() == Role.ASSISTANT && message.learned()) {
        boolean telling = asked >= PROMPT_CHARACTERS;
        exchanges.add(new Exchange(first64(copy(digest)), first64(sha256(bytes)), telling));
        answers.add(AnswerForm.of(message, before));
      }
      digest.update((byte) message.role().ordinal());
      digest.update(bytes);
      digest.update((byte) 0xFF);
      characters[message.role().ordinal()] += message.content().length();
      hits.addAll(Secrets.in(message.content()));
      if (!message.extras().isEmpty()) {
        hits.addAll(Secrets.in(message.extras().toString()));
      }
      before = message.content();
      asked += message.role() == Role.SYSTEM ? 0 : message.content().length();
    }
    return new Traits(
        conversation.origin(),
        HexFormat.of().formatHex(digest.digest(), 0, 16),
        exchanges,
        duplicates.signature(text(conversation)),
        answers,
        hits,
        row.source(),
        characters);
  }

  /** What is compared when near duplicates are looked for: all that is said, system text aside. */
  static String text(Conversation conversation) {
    StringBuilder text = new StringBuilder();
    for (Message message : conversation.messages()) {
      if (message.role() != Role.SYSTEM) {
        text.append(message.content()).append('\n');
      }
    }
    return text.toString();
  }

  /** Names a row of tokens. */
  static String whole(TokenSequence tokens) {
    ByteBuffer bytes = ByteBuffer.allocate(tokens.length() * Integer.BYTES);
    bytes.asIntBuffer().put(tokens.inputIds());
    return HexFormat.of().formatHex(sha256(bytes.array()).digest(), 0, 16);
  }

  private static byte[] bytes(Message message) {
    String text = message.content().strip();
    return (message.extras().isEmpty() ? text : text + message.extras())
        .getBytes(StandardCharsets.UTF_8);
  }

  private static MessageDigest copy(MessageDigest digest) {
    try {
      return (MessageDigest) digest.clone();
    } catch (CloneNotSupportedException e) {
      throw new AssertionError("SHA-256 of the JDK can be cloned", e);
    }
  }

  private static MessageDigest sha256(byte[] bytes) {
    MessageDigest digest = sha256();
    digest.update(bytes);
    return digest;
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("every Java has SHA-256", e);
    }
  }

  private static long first64(MessageDigest digest) {
    return ByteBuffer.wrap(digest.digest()).getLong();
  }
}
