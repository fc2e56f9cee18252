package dev.graft.tokenizer.check;

import dev.graft.tokenizer.Message;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

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
    String headings) {
  private static final int PROSE = 40;
  private static final int REFUSAL_WITHIN = 300;
  private static final int SHORT_LINE = 60;
  private static final int LONG_LINE = 200;
  private static final int ITEM = 30;
  private static final int MAX_HEADINGS = 30;

  /** The end of a sentence within a line; "Dr." and "e.g." are none. */
  private static final Pattern SENTENCE = Pattern.compile("[\\p{Ll}\\d)]{3}[.!?] +\\p{Lu}");

  /** Words that no sentence ends with. */
  private static final Set<String> UNFINISHED =
      Set.copyOf(
          List.of(
              ("the a an and or of with for from because which his her their its was were is are"
                      + " der die das und oder mit für weil ein eine den dem des le la les et avec"
                      + " el los y con")
                  .split(" ")));

  private static final Pattern REFUSAL =
      Pattern.compile(
          "\\b(?:as an ai\\b|as a (?:large )?language model"
              + "|i(?:['’]m| am) (?:just )?(?:an ai|a (?:large )?language model)\\b"
              + "|(?:i(?:['’]m| am) )?sorry,? (?:but )?i (?:can(?:not|['’]t)|am (?:un|not )able)"
              + "|i(?:['’]m| am) sorry,? but i(?:['’]m| am) (?:un|not )able"
              // Not: I can't help but laugh, I cannot help laughing.
              + "|i (?:can(?:not|['’]t)|won['’]t|will not)"
              + " (?:assist|help(?! but| \\w+ing)|fulfill|comply|provide|answer)"
              + "|i(?:['’]m| am) (?:unable|not able) to (?:assist|help|provide|fulfill|answer))");

  /** What a refusal has one of: to look for these is much faster than the pattern. */
  private static final List<String> REFUSAL_HINTS =
      List.of(
          "an ai",
          "language model",
          "sorry",
          "cannot",
          "can't",
          "can’t",
          "won't",
          "won’t",
          "will not",
          "unable",
          "not able");

  private static final Pattern HEADING =
      Pattern.compile(
          "(?m)^(?:#{1,6} +(.{1,60})|\\*\\*([^*\\n]{1,60})\\*\\*:?|([A-Z][A-Za-z"
              + " /&-]{1,40}):)\\s*$");

  /**
   * @param prompt the message before it
   */
  static AnswerForm of(Message message, String prompt) {
    AnswerForm form = of(message.content());
    if (form.language.filter(language -> Languages.isAskedFor(language, prompt)).isPresent()) {
      form =
          new AnswerForm(
              form.ends, form.prose, form.refusal, Optional.empty(), form.json, form.headings);
    }
    // Who calls a tool may say nothing, or half a sentence.
    return message.callsTools()
        ? new AnswerForm(true, false, form.refusal, form.language, form.json, form.headings)
        : form;
  }

  static AnswerForm of(String answer) {
    String text = answer.strip();
    return new AnswerForm(
        ends(text),
        text.length() >= PROSE && text.indexOf(' ') >= 0,
        refuses(text),
        Languages.of(text),
        JsonShape.of(text),
        headings(text));
  }

  private static boolean refuses(String text) {
    String start =
        text.substring(0, Math.min(text.length(), REFUSAL_WITHIN)).toLowerCase(Locale.ROOT);
    for (String hint : REFUSAL_HINTS) {
      if (start.contains(hint)) {
        return REFUSAL.matcher(start).find();
      }
    }
    return false;
  }

  /**
   * Whether an answer is complete, as far as its end tells. Lists, tables, titles and names need no
   * full stop; who writes in sentences does, and nobody ends with "the" or a comma.
   */
  private static boolean ends(String text) {
    if (text.isEmpty()) {
      return true;
    }
    int last = text.codePointBefore(text.length());
    int lineBreak = text.lastIndexOf('\n');
    String line = text.substring(lineBreak + 1).strip();
    boolean several = line.length() < text.length();
    if (!Character.isLetterOrDigit(last)) {
      // A letter's "Yours," is short.
      return last == ',' ? several && line.length() < SHORT_LINE : ":(–".indexOf(last) < 0;
    }
    String word = line.substring(line.lastIndexOf(' ') + 1);
    if (UNFINISHED.contains(word) && line.length() > word.length()) {
      return false;
    }
    if (several) {
      String before = text.substring(0, lineBreak).strip();
      int end = before.codePointBefore(before.length());
      if (line.length() < SHORT_LINE || Character.isLetterOrDigit(end)) {
        return true;
      }
    }
    boolean enumerates = line.chars().filter(c -> c == ',').count() * ITEM > line.length();
    return !SENTENCE.matcher(line).find() && (line.length() < LONG_LINE || enumerates);
  }

  private static String headings(String text) {
    if (text.indexOf('\n') < 0) {
      return "";
    }
    List<String> headings = new ArrayList<>();
    Matcher matcher = HEADING.matcher(text);
    while (matcher.find() && headings.size() < MAX_HEADINGS) {
      for (int group = 1; group <= 3; group++) {
        if (matcher.group(group) != null) {
          headings.add(matcher.group(group).strip());
        }
      }
    }
    return headings.size() < 2 ? "" : String.join(" | ", headings);
  }
}
