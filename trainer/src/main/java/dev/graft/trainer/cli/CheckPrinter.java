package dev.graft.trainer.cli;

import dev.graft.tokenizer.check.CheckReport;
import dev.graft.tokenizer.check.Finding;
import dev.graft.tokenizer.check.Statistics;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalDouble;
import tools.jackson.databind.json.JsonMapper;

/**
 * A check's report in words and as JSON.
 *
 * @param batchSize conversations of a step
 * @param microBatchTokens what rows are packed into
 * @param tokensPerSecond of training, where it is known
 * @param rateIsKnown whether that rate was given, rather than told from the base's shape
 */
record CheckPrinter(
    int batchSize, int microBatchTokens, OptionalDouble tokensPerSecond, boolean rateIsKnown) {

  /** How many rows of a finding a person is shown. */
  static final int NAMED = 10;

  private static final int BAR = 40;

  /** A form that fewer answers have is chance. */
  private static final double TELLING = 0.1;

  String text(CheckReport report) {
    StringBuilder text = new StringBuilder();
    report.notes().forEach(note -> text.append(note).append('\n'));
    for (Finding finding : report.findings()) {
      text.append(
          "\n%s: %s [%s]\n"
              .formatted(
                  finding.severity().name().toLowerCase(Locale.ROOT),
                  finding.message(),
                  finding.code()));
      text.append("  ").append(finding.advice()).append('\n');
      finding.places().stream()
          .limit(NAMED)
          .forEach(place -> text.append("  - ").append(place).append('\n'));
      if (finding.count() > NAMED && !finding.places().isEmpty()) {
        text.append("  - … and %,d more\n".formatted(finding.count() - NAMED));
      }
    }
    text.append('\n');
    lines(report.statistics())
        .forEach((name, value) -> text.append("%-20s %s\n".formatted(name, value)));
    text.append(histogram(report.statistics()));
    return text.append('\n').append(summary(report)).append('\n').toString();
  }

  /** {@code 1 kind of error, no warnings}. */
  static String summary(CheckReport report) {
    long errors =
        report.findings().stream().filter(f -> f.severity() == Finding.Severity.ERROR).count();
    long warnings = report.findings().size() - errors;
    if (errors + warnings == 0) {
      return "clean: nothing found";
    }
    return "%d %s, %d %s"
        .formatted(
            errors,
            errors == 1 ? "kind of error" : "kinds of errors",
            warnings,
            warnings == 1 ? "kind of warning" : "kinds of warnings");
  }

  /** Statistics for a person, name and value. */
  Map<String, String> lines(Statistics numbers) {
    var lines = new LinkedHashMap<String, String>();
    lines.put("conversations", "%,d".formatted(numbers.rows()));
    if (numbers.tokens() == 0) {
      lines.put("characters by role", parts(numbers.charactersByRole()));
    } else {
      lines.put("tokens", "%,d".formatted(numbers.tokens()));
      lines.put(
          "target tokens",
          "%,d (%s)".formatted(numbers.targetTokens(), percent(numbers.targetShare())));
      lines.put("tokens by role", parts(numbers.tokensByRole()));
      lines.put(
          "length in tokens",
          "5 %%: %,d, median: %,d, 95 %%: %,d, longest: %,d"
              .formatted(
                  numbers.percentile(0.05),
                  numbers.percentile(0.5),
                  numbers.percentile(0.95),
                  numbers.percentile(1)));
      lines.put(
          "packing",
          "%s full in micro-batches of %,d tokens"
              .formatted(percent(numbers.packingEfficiency(microBatchTokens)), microBatchTokens));
    }
    addFormats(numbers.formats(), lines);
    if (!numbers.sources().isEmpty()) {
      lines.put("sources", parts(numbers.sources()));
    }
    lines.put(
        "steps per epoch", "%,d of %d conversations".formatted(stepsPerEpoch(numbers), batchSize));
    epochSeconds(numbers)
        .ifPresent(seconds ->
            lines.put(
                "time per epoch",
                (rateIsKnown ? "" : "at least ")
                    + duration(seconds)
                    + " at %,.3g tokens/s".formatted(tokensPerSecond.orElse(0))
                    + (rateIsKnown ? "" : ", this machine's bare products; graft plan measures")));
    return lines;
  }

  private static void addFormats(Statistics.Formats formats, Map<String, String> lines) {
    List<String> parts = new ArrayList<>();
    if (formats.json() > formats.answers() * TELLING) {
      parts.add(share(formats.json(), formats) + " JSON");
      parts.add(share(formats.majoritySchema(), formats) + " with the commonest keys");
    }
    if (formats.majoritySections() > formats.answers() * TELLING) {
      parts.add(share(formats.majoritySections(), formats) + " with the commonest section order");
    }
    if (!parts.isEmpty()) {
      lines.put("answers", "%,d: ".formatted(formats.answers()) + String.join(", ", parts));
    }
  }

  private static String share(long count, Statistics.Formats formats) {
    return percent(count / (double) Math.max(1, formats.answers()));
  }

  private static String parts(Map<String, Long> counts) {
    return String.join(
        ", ",
        counts.entrySet().stream()
            .map(entry -> entry.getKey() + " %,d".formatted(entry.getValue()))
            .toList());
  }

  private static String percent(double share) {
    return "%.1f %%".formatted(share * 100);
  }

  private static String duration(double seconds) {
    if (seconds < 100) {
      return "%.0f s".formatted(Math.max(1, seconds));
    }
    long minutes = Math.round(seconds / 60);
    return minutes < 100
        ? minutes + " min"
        : minutes < 60 * 48
            ? "%d h %02d min".formatted(minutes / 60, minutes % 60)
            : "%.1f days".formatted(minutes / 60.0 / 24);
  }

  private static String histogram(Statistics numbers) {
    StringBuilder text = new StringBuilder();
    int most = numbers.histogram().values().stream().mapToInt(it -> it).max().orElse(1);
    numbers
        .histogram()
        .forEach((bound, rows) ->
            text.append(
                "  up to %,7d  %,9d  %s\n"
                    .formatted(bound, rows, "█".repeat(Math.ceilDiv(rows * BAR, most)))));
    return text.isEmpty() ? "" : "tokens per conversation\n" + text;
  }

  private long stepsPerEpoch(Statistics numbers) {
    return (numbers.rows() + batchSize - 1) / batchSize;
  }

  private OptionalDouble epochSeconds(Statistics numbers) {
    return tokensPerSecond.isPresent() && numbers.tokens() > 0
        ? OptionalDouble.of(numbers.tokens() / tokensPerSecond.getAsDouble())
        : OptionalDouble.empty();
  }

  /**
   * Everything, for programs.
   *
   * @param shown rows with their tokens; may be empty
   */
  String json(CheckReport report, List<Map<String, Object>> shown) {
    var root = new LinkedHashMap<String, Object>();
    root.put("files", report.notes());
    root.put("findings", report.findings().stream().map(CheckPrinter::finding).toList());
    root.put("statistics", statistics(report.statistics()));
    if (!shown.isEmpty()) {
      root.put("rows", shown);
    }
    return JsonMapper.shared().writerWithDefaultPrettyPrinter().writeValueAsString(root) + "\n";
  }

  private static Map<String, Object> finding(Finding finding) {
    var map = new LinkedHashMap<String, Object>();
    map.put("severity", finding.severity().name().toLowerCase(Locale.ROOT));
    map.put("code", finding.code());
    map.put("message", finding.message());
    map.put("advice", finding.advice());
    map.put("count", finding.count());
    map.put("places", finding.places().stream().map(CheckPrinter::place).toList());
    return map;
  }

  private static Map<String, Object> place(Finding.Place place) {
    var where = new LinkedHashMap<String, Object>();
    if (place.origin().file() != null) {
      where.put("file", place.origin().file().toString());
      where.put("line", place.origin().line());
    }
    where.put("remark", place.remark());
    return where;
  }

  private Map<String, Object> statistics(Statistics numbers) {
    var map = new LinkedHashMap<String, Object>();
    map.put("rows", numbers.rows());
    map.put("characters_by_role", numbers.charactersByRole());
    if (numbers.tokens() > 0) {
      map.put("tokens", numbers.tokens());
      map.put("target_tokens", numbers.targetTokens());
      map.put("target_share", numbers.targetShare());
      map.put("tokens_by_role", numbers.tokensByRole());
      var lengths = new LinkedHashMap<String, Object>();
      for (int percent : List.of(5, 50, 95)) {
        lengths.put("p" + percent, numbers.percentile(percent / 100.0));
      }
      lengths.put("longest", numbers.percentile(1));
      map.put("length", lengths);
      var histogram = new LinkedHashMap<String, Object>();
      numbers.histogram().forEach((bound, rows) -> histogram.put("<=" + bound, rows));
      map.put("length_histogram", histogram);
      map.put("packing_efficiency", numbers.packingEfficiency(microBatchTokens));
    }
    map.put("answers", numbers.formats());
    map.put("sources", numbers.sources());
    map.put("steps_per_epoch", stepsPerEpoch(numbers));
    epochSeconds(numbers)
        .ifPresent(seconds -> {
          map.put("seconds_per_epoch", seconds);
          map.put("tokens_per_second", tokensPerSecond.getAsDouble());
        });
    return map;
  }
}
