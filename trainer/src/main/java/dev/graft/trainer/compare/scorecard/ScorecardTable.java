package dev.graft.trainer.compare.scorecard;

import static dev.graft.trainer.compare.scorecard.Decision.number;
import static dev.graft.trainer.compare.scorecard.Decision.probability;
import static dev.graft.trainer.compare.scorecard.Decision.signed;

import dev.graft.trainer.compare.statistics.Difference;
import dev.graft.trainer.compare.statistics.Interval;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.stream.Collectors;

/** A scorecard for the terminal. */
public final class ScorecardTable {

  private ScorecardTable() {}

  /** The whole table, ending in a line feed. */
  public static String of(Scorecard card) {
    var text = new StringBuilder();
    int width = card.contestants().stream().mapToInt(String::length).max().orElse(8);
    text.append(
        "\n%,d examples of %s; baseline %s; 95 %% intervals from %,d resamples\n"
            .formatted(
                card.examples().size(),
                card.data(),
                card.baseline(),
                card.resampling().resamples()));
    for (Figure figure : card.figures()) {
      text.append("\n%s: %s\n".formatted(figure.name(), figure.metric().definition()));
      for (String name : card.contestants()) {
        Optional.ofNullable(figure.means().get(name))
            .ifPresent(mean -> text.append(line(card, figure, name, mean, width)));
      }
    }
    fields(card, width, text);
    costs(card, width, text);
    card.notes().forEach(note -> text.append("note: ").append(note).append('\n'));
    verdicts(card, text);
    return text.toString();
  }

  private static String line(Scorecard card, Figure figure, String name, Interval mean, int width) {
    var line = new StringBuilder("  %s  ".formatted(padded(name, width)));
    if (!mean.isKnown()) {
      return line.append("nothing measured\n").toString();
    }
    line.append(
        "%s [%s, %s]".formatted(number(mean.estimate()), number(mean.low()), number(mean.high())));
    int measured = figure.measured().getOrDefault(name, 0);
    if (measured < card.examples().size()) {
      line.append("  of %,d".formatted(measured));
    }
    Difference difference = figure.differences().get(name);
    if (difference != null && difference.interval().isKnown()) {
      Interval interval = difference.interval();
      line.append(
          "   %s [%s, %s]"
              .formatted(
                  signed(interval.estimate()), signed(interval.low()), signed(interval.high())));
      figure
          .verdict(name)
          .ifPresent(verdict ->
              line.append(
                  "   p = %s (%s, Holm)   %s"
                      .formatted(
                          probability(difference.adjusted()),
                          difference.test().words(),
                          verdict.words())));
    }
    return line.append('\n').toString();
  }

  private static void fields(Scorecard card, int width, StringBuilder text) {
    if (card.fields().isEmpty()) {
      return;
    }
    int longest = card.fields().stream().mapToInt(it -> it.field().length()).max().orElse(0);
    text.append(
        "\nfields%s  precision  recall      F1\n".formatted(" ".repeat(longest + width - 2)));
    for (FieldRow row : card.fields()) {
      text.append(
          "  %s  %s  %9s  %6s  %6s\n"
              .formatted(
                  padded(row.field(), longest),
                  padded(row.contestant(), width),
                  number(row.precision()).replace("not known", "-"),
                  number(row.recall()).replace("not known", "-"),
                  number(row.f1()).replace("not known", "-")));
    }
  }

  private static void costs(Scorecard card, int width, StringBuilder text) {
    text.append('\n');
    for (Standing standing : card.standings()) {
      text.append(
          "  %s  %,d answered".formatted(padded(standing.name(), width), standing.answered()));
      if (!standing.failures().isEmpty()) {
        text.append(
            standing.failures().entrySet().stream()
                .map(it -> "%s (%,d)".formatted(it.getKey(), it.getValue()))
                .collect(Collectors.joining("; ", ", missing: ", "")));
      }
      if (standing.cut() > 0) {
        text.append(", %,d cut at their longest".formatted(standing.cut()));
      }
      text.append(said(", p50 %,.0f ms", standing.latencyP50()))
          .append(said(", p95 %,.0f ms", standing.latencyP95()))
          .append(said(", %,.0f tokens in", standing.inputTokens()))
          .append(said(", %,.0f out", standing.outputTokens()))
          .append(said(", %,.2f per 1,000 requests", standing.pricePerThousand()));
      standing
          .promptTokensSaved()
          .ifPresent(saved ->
              text.append(
                  saved > 0.5
                      ? said(", saves %,.0f prompt tokens a request", OptionalDouble.of(saved))
                      : ""));
      text.append('\n');
    }
  }

  private static String said(String format, OptionalDouble value) {
    return value.isPresent() ? String.format(Locale.ROOT, format, value.getAsDouble()) : "";
  }

  private static void verdicts(Scorecard card, StringBuilder text) {
    text.append('\n');
    for (Figure figure : card.figures()) {
      figure
          .differences()
          .keySet()
          .forEach(name ->
              figure
                  .verdict(name)
                  .ifPresent(verdict -> text.append(verdict(card, figure, name)).append('\n')));
    }
    card.decision()
        .ifPresent(decision -> {
          for (Decision.Check check : decision.checks()) {
            text.append(check.holds() ? "  holds: " : "  FAILS: ")
                .append(check.words())
                .append('\n');
          }
          text.append(decision.isGo() ? "GO: " : "NO-GO: ")
              .append(decision.contestant())
              .append('\n');
        });
  }

  /** One sentence: "header: adapter is better than base". */
  static String verdict(Scorecard card, Figure figure, String name) {
    Difference difference = java.util.Objects.requireNonNull(figure.differences().get(name));
    String needed =
        difference.needed().isPresent()
            ? "; a difference of this size takes about %,d examples to be detected, there are %,d"
                .formatted(difference.needed().getAsLong(), difference.pairs())
            : "";
    return switch (difference.verdict(figure.metric().higherIsBetter())) {
      case BETTER -> "%s: %s is better than %s".formatted(figure.name(), name, card.baseline());
      case WORSE -> "%s: %s is worse than %s".formatted(figure.name(), name, card.baseline());
      case NO_DIFFERENCE_SHOWN ->
          "%s: no difference shown between %s and %s%s"
              .formatted(figure.name(), name, card.baseline(), needed);
      case NOT_COMPARED ->
          "%s: %s and %s have no answer to the same example"
              .formatted(figure.name(), name, card.baseline());
    };
  }

  private static String padded(String text, int width) {
    return text + " ".repeat(Math.max(0, width - text.length()));
  }
}
