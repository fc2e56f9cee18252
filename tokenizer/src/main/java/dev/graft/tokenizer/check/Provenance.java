package dev.graft.tokenizer.check;

import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** Where rows come from, by their key {@code "source"}. */
public final class Provenance {
  private static final Pattern COMMERCIAL =
      Pattern.compile(
          "gpt-?[345o]|\\bgpt\\b|chatgpt|sharegpt|text-davinci|openai|\\bo[134]\\b(?:-mini|-pro)?"
              + "|\\bclaude\\b|anthropic|\\bgemini\\b|\\bbard\\b|\\bpalm-?2?\\b"
              + "|mistral-(?:large|medium)|\\bcommand-r|\\bcohere\\b|\\bgrok\\b|copilot|perplexity");
  private static final int NAMED = 5;

  private Provenance() {}

  /** Whether a source is a commercial model, whose terms may restrict training on what it wrote. */
  public static boolean isCommercialModel(String source) {
    return COMMERCIAL.matcher(source.toLowerCase(Locale.ROOT)).find();
  }

  /**
   * What to say before training on such rows, if there are any.
   *
   * @param rowsBySource how many rows name each source
   */
  public static Optional<String> warning(Map<String, Long> rowsBySource) {
    Map<String, Long> commercial =
        rowsBySource.entrySet().stream()
            .filter(entry -> isCommercialModel(entry.getKey()))
            .collect(Collectors.toMap(Map.Entry::getKey, Map.Entry::getValue));
    if (commercial.isEmpty()) {
      return Optional.empty();
    }
    long rows = commercial.values().stream().mapToLong(Long::longValue).sum();
    String names =
        commercial.entrySet().stream()
            .sorted(
                Map.Entry.<String, Long>comparingByValue()
                    .reversed()
                    .thenComparing(Map.Entry.comparingByKey()))
            .limit(NAMED)
            .map(Map.Entry::getKey)
            .collect(Collectors.joining(", "));
    return Optional.of(
        "%,d %s a commercial model as %s source (%s%s)"
            .formatted(
                rows,
                rows == 1 ? "conversation names" : "conversations name",
                rows == 1 ? "its" : "their",
                names,
                commercial.size() > NAMED ? ", …" : ""));
  }

  /** What such a warning means and what to do. */
  public static String advice() {
    return "The terms of its provider may restrict training other models on what it wrote. Read"
        + " them, or ask, before you train.";
  }
}
