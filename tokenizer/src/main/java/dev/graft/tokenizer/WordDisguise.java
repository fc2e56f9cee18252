package dev.graft.tokenizer;

import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Comparator;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Carries words that look like special tokens through a chat template, so that afterwards it is
 * known which {@code <|im_end|>} somebody wrote and which the template did. Before rendering each
 * such word is replaced by letters that contain a random number; after rendering it is put back and
 * its place is noted as literal. Messages without such words, nearly all, pass untouched.
 *
 * <p>The template sees the letters instead of the word, so a template that looks for a special
 * token inside a message does not find it, which is what keeps a message from steering the
 * template.
 */
final class WordDisguise {
  private final Pattern words;
  private final Pattern disguises;
  private final Pattern remains;
  private final BitSet firsts = new BitSet();
  private final String nonce;

  /**
   * @param specialTokens the texts of all special tokens
   */
  WordDisguise(Set<String> specialTokens) {
    byte[] random = new byte[16];
    new SecureRandom().nextBytes(random);
    nonce = "graft" + HexFormat.of().formatHex(random) + "n";
    disguises = Pattern.compile(nonce + "([0-9]+)e");
    remains = Pattern.compile(nonce.substring(0, 16), Pattern.CASE_INSENSITIVE);
    specialTokens.stream().filter(it -> !it.isEmpty()).forEach(it -> firsts.set(it.charAt(0)));
    words =
        Pattern.compile(
            specialTokens.isEmpty()
                ? "(?!)" // matches nothing
                : specialTokens.stream()
                    .sorted(Comparator.comparingInt(String::length).reversed())
                    .map(Pattern::quote)
                    .collect(Collectors.joining("|")));
  }

  /**
   * Hides the words of some messages.
   *
   * @param hidden receives the hidden words
   */
  List<Message> hide(List<Message> messages, List<String> hidden) {
    return messages.stream().map(message -> hide(message, hidden)).toList();
  }

  private Message hide(Message message, List<String> hidden) {
    Map<String, @Nullable Object> extras = new LinkedHashMap<>();
    message.extras().forEach((key, value) -> extras.put(key, hideIn(value, hidden)));
    return new Message(message.role(), hide(message.content(), hidden), extras, message.learned());
  }

  private @Nullable Object hideIn(@Nullable Object value, List<String> hidden) {
    return switch (value) {
      case String text -> hide(text, hidden);
      case Map<?, ?> map -> {
        Map<String, @Nullable Object> copy = new LinkedHashMap<>();
        map.forEach((key, it) -> copy.put(hide(String.valueOf(key), hidden), hideIn(it, hidden)));
        yield copy;
      }
      case List<?> list -> {
        List<@Nullable Object> copy = new ArrayList<>();
        list.forEach(it -> copy.add(hideIn(it, hidden)));
        yield copy;
      }
      case null -> null;
      default -> value;
    };
  }

  private String hide(String content, List<String> hidden) {
    // Llama 3 has 256 special tokens: a pattern that tries each of them at every character takes
    // ten times as long as everything else. Nearly no text has a character that one begins with.
    if (content.chars().noneMatch(firsts::get)) {
      return content;
    }
    Matcher matcher = words.matcher(content);
    if (!matcher.find()) {
      return content;
    }
    return matcher.replaceAll(word -> {
      hidden.add(word.group());
      return nonce + (hidden.size() - 1) + "e";
    });
  }

  /**
   * Puts the words back.
   *
   * @param rendered what the template made of the messages
   * @param targets stretches of it, translated along
   * @param unlearned those of them that are not learned
   * @param hidden the words that {@link #hide} hid
   * @throws DataException if the template did not print a word as it was
   */
  Segment.Text restore(
      String rendered, List<Span> targets, Set<Span> unlearned, List<String> hidden) {
    if (hidden.isEmpty()) {
      return new Segment.Text(MarkedText.noneLiteral(rendered), targets, unlearned);
    }
    StringBuilder text = new StringBuilder(rendered.length());
    List<Span> literal = new ArrayList<>();
    IndexShifts shifts = new IndexShifts();
    Matcher matcher = disguises.matcher(rendered);
    int done = 0;
    while (matcher.find()) {
      text.append(rendered, done, matcher.start());
      int start = text.length();
      text.append(hidden.get(Integer.parseInt(matcher.group(1))));
      literal.add(new Span(start, text.length()));
      shifts.add(matcher.end(), text.length());
      done = matcher.end();
    }
    text.append(rendered, done, rendered.length());
    if (remains.matcher(text).find()) {
      throw new DataException(
          "a message contains "
              + hidden
              + ", which the model reads as control tokens, and the chat template changes that"
              + " text. Take it out of the message.");
    }
    // A stretch never begins or ends inside a disguise, so its ends can be translated directly.
    List<Span> moved = new ArrayList<>();
    Set<Span> movedUnlearned = new HashSet<>();
    for (Span span : targets) {
      Span now = new Span(shifts.apply(span.start()), shifts.apply(span.end()));
      moved.add(now);
      if (unlearned.contains(span)) {
        movedUnlearned.add(now);
      }
    }
    return new Segment.Text(new MarkedText(text.toString(), literal), moved, movedUnlearned);
  }
}
