package dev.graft.trainer.cli;

import dev.graft.tokenizer.check.CheckReport;
import dev.graft.tokenizer.check.Finding;
import dev.graft.tokenizer.check.Statistics;
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
 */
record CheckPrinter(int batchSize, int microBatchTokens, OptionalDouble tokensPerSecond) {

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
      for (Finding.Place place : finding.places()) {
        text.append("  - ").append(place).append('\n');
      }
      if (finding.count() > finding.places().size() && !finding.places().isEmpty()) {
        text.append("  - … and %,d more\n".formatted(finding.count() - finding.places().size()));
      }
    }
    text.append('\n');
    statistics(report.statistics())
        .forEach((name, value) ->
            text.append("%-22s %s\n".formatted(name.replace('_', ' '), words(value))));
    long errors =
        report.findings().stream().filter(f -> f.severity() == Finding.Severity.ERROR).count();
    text.append(
        "\n%d kinds of errors, %d of warnings\n"
            .formatted(errors, report.findings().size() - errors));
    return text.toString();
  }

  private static String words(Object value) {
    return switch (value) {
      case Map<?, ?> map -> {
        StringBuilder words = new StringBuilder();
        map.forEach((key, it) ->
            words.append(words.isEmpty() ? "" : ", ").append(key).append(": ").append(words(it)));
        yield words.toString();
      }
      case Long whole -> "%,d".formatted(whole);
      case Integer whole -> "%,d".formatted(whole);
      case Double number -> "%.3f".formatted(number);
      default -> value.toString();
    };
  }

  String json(CheckReport report) {
    var root = new LinkedHashMap<String, Object>();
    root.put("files", report.notes());
    root.put("findings", report.findings().stream().map(CheckPrinter::finding).toList());
    root.put("statistics", statistics(report.statistics()));
    return JsonMapper.shared().writerWithDefaultPrettyPrinter().writeValueAsString(root) + "\n";
  }

  private static Map<String, Object> finding(Finding finding) {
    var map = new LinkedHashMap<String, Object>();
    map.put("severity", finding.severity().name().toLowerCase(Locale.ROOT));
    map.put("code", finding.code());
    map.put("message", finding.message());
    map.put("advice", finding.advice());
    map.put("count", finding.count());
    map.put(
        "places",
        finding.places().stream()
            .map(place -> {
              var where = new LinkedHashMap<String, Object>();
              where.put("file", String.valueOf(place.origin().file()));
              where.put("line", place.origin().line());
              where.put("remark", place.remark());
              return where;
            })
            .toList());
    return map;
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
      tokensPerSecond.ifPresent(rate -> map.put("seconds_per_epoch", numbers.tokens() / rate));
    }
    map.put("steps_per_epoch", (numbers.rows() + batchSize - 1) / batchSize);
    return map;
  }
}
