package dev.graft.tokenizer.check;

import dev.graft.tokenizer.Conversation;
import dev.graft.tokenizer.DataRow;
import dev.graft.tokenizer.Message;
import dev.graft.tokenizer.Origin;
import dev.graft.tokenizer.Role;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * What one conversation shows on its own; made by several threads, compared by one.
 *
 * @param whole a digest of all messages
 * @param prompt a digest of all messages before the last answer
 * @param answer a digest of the last answer
 * @param signature see {@link NearDuplicates}; empty if not wanted
 * @param answerForm how the last answer is written
 * @param hits secrets and personal data
 * @param source the row's "source" field, if it has one
 * @param characters by role's ordinal
 */
@SuppressWarnings("ArrayRecordComponent") // taken apart once, never compared
record Traits(
    Origin origin,
    String whole,
    String prompt,
    String answer,
    int[] signature,
    AnswerForm answerForm,
    List<Secrets.Hit> hits,
    Optional<String> source,
    long[] characters) {
  private static final Pattern REFUSAL =
      Pattern.compile(
          "\\b(as an ai\\b|as a(?: large)? language model|i(?:'|’)?m sorry,? but i|i am sorry,? but i"
              + "|i can(?:not|'t|’t) (?:assist|help|fulfill|comply|provide)"
              + "|i(?:'m| am|’m) (?:unable|not able) to (?:assist|help|provide|fulfill))");
  private static final Pattern HEADING =
      Pattern.compile(
          "(?m)^(?:#{1,6} +(.{1,60})|\\*\\*([^*\\n]{1,60})\\*\\*:?|([A-Z][A-Za-z /&-]{1,40}):)\\s*$");

  /**
   * How an answer is written.
   *
   * @param ends whether it ends as sentences, lists and code do
   * @param prose whether it is long enough to tell
   * @param json its top-level keys if it is a JSON object, {@code []} for a list, or null
   * @param headings its section headings, in order, joined; empty for fewer than two
   */
  record AnswerForm(
      boolean ends,
      boolean prose,
      boolean refusal,
      Optional<String> language,
      @Nullable String json,
      String headings) {}

  static Traits of(DataRow row, Conversation conversation, NearDuplicates duplicates) {
    StringBuilder text = new StringBuilder();
    List<Secrets.Hit> hits = new ArrayList<>();
    long[] characters = new long[Role.values().length];
    MessageDigest digest = sha256();
    String prompt = "";
    List<Message> messages = conversation.messages();
    for (int i = 0; i < messages.size(); i++) {
      Message message = messages.get(i);
      if (i == messages.size() - 1) {
        prompt = hex(copy(digest));
      }
      digest.update((byte) message.role().ordinal());
      digest.update(
          (message.content().strip() + message.extras()).getBytes(StandardCharsets.UTF_8));
      digest.update((byte) 0xFF);
      characters[message.role().ordinal()] += message.content().length();
      hits.addAll(Secrets.in(message.content()));
      if (message.role() != Role.SYSTEM) {
        text.append(message.content()).append('\n');
      }
    }
    String answer = messages.getLast().content();
    return new Traits(
        conversation.origin(),
        hex(digest),
        prompt,
        answer.strip(),
        duplicates.signature(text.toString()),
        form(answer),
        hits,
        row.fields().get("source") instanceof String source
            ? Optional.of(source)
            : Optional.empty(),
        characters);
  }

  static AnswerForm form(String answer) {
    String text = answer.strip();
    String start = text.length() <= 300 ? text : text.substring(0, 300);
    return new AnswerForm(
        ends(text),
        text.length() >= 40 && text.indexOf(' ') >= 0,
        REFUSAL.matcher(start.toLowerCase(Locale.ROOT)).find(),
        Languages.of(text),
        JsonShape.of(text),
        headings(text));
  }

  private static boolean ends(String text) {
    if (text.isEmpty()) {
      return true;
    }
    char last = text.charAt(text.length() - 1);
    if (Character.isLetterOrDigit(last)) {
      // A list's last item or a table's last cell needs no full stop.
      String line = text.substring(text.lastIndexOf('\n') + 1).strip();
      return line.length() < text.length() && line.length() < 60;
    }
    return ",;:-–(/&".indexOf(last) < 0;
  }

  private static String headings(String text) {
    List<String> headings = new ArrayList<>();
    Matcher matcher = HEADING.matcher(text);
    while (matcher.find() && headings.size() < 30) {
      for (int group = 1; group <= 3; group++) {
        if (matcher.group(group) != null) {
          headings.add(matcher.group(group).strip());
        }
      }
    }
    return headings.size() < 2 ? "" : String.join(" | ", headings);
  }

  private static MessageDigest copy(MessageDigest digest) {
    try {
      return (MessageDigest) digest.clone();
    } catch (CloneNotSupportedException e) {
      throw new AssertionError("SHA-256 of the JDK can be cloned", e);
    }
  }

  static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("every Java has SHA-256", e);
    }
  }

  private static String hex(MessageDigest digest) {
    return HexFormat.of().formatHex(digest.digest(), 0, 16);
  }
}
