package dev.graft.trainer.compare.score;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import tools.jackson.databind.JsonNode;

/**
 * Codes such as ICD-10's: the values of one field of JSON, or the whole text, parted by commas,
 * semicolons and white space. Codes are compared in their {@linkplain CodeTable#plain plain} form.
 *
 * <ul>
 *   <li>{@code exact}: share of answers whose set of codes is the reference's
 *   <li>{@code category}: the same with each code cut down to what stands before its dot; a code
 *       without a dot to its first three characters
 *   <li>{@code invented}: where there is a table, codes that are not in it as a share of all codes
 *       given (lower is better)
 * </ul>
 *
 * @param field path of the codes in JSON; absent for the whole text
 */
public record Codes(Optional<String> field, Optional<CodeTable> table) implements Scorer {

  @Override
  public List<Metric> metrics() {
    var metrics = new ArrayList<Metric>();
    metrics.add(Metric.of("exact", "share of answers with exactly the reference's codes"));
    metrics.add(Metric.of("category", "share of answers with the reference's categories"));
    if (table.isPresent()) {
      metrics.add(new Metric("invented", false, "share of the codes given that do not exist"));
    }
    return metrics;
  }

  @Override
  public Optional<String> problemWith(String reference) {
    List<String> codes = codes(reference);
    if (codes.isEmpty()) {
      return Optional.of("it has no code");
    }
    return table.flatMap(known ->
        codes.stream()
            .filter(code -> !known.has(code))
            .findFirst()
            .map(code -> "its code %s is not in the table".formatted(code)));
  }

  @Override
  public Marks mark(String reference, String answer) {
    List<String> wanted = codes(reference);
    List<String> given = codes(answer);
    Mark exact = Mark.of(!given.isEmpty() && plain(given).equals(plain(wanted)));
    Mark category = Mark.of(!given.isEmpty() && categories(given).equals(categories(wanted)));
    return table
        .map(known ->
            Marks.of(
                exact,
                category,
                Mark.ratio(given.stream().filter(code -> !known.has(code)).count(), given.size())))
        .orElseGet(() -> Marks.of(exact, category));
  }

  private List<String> codes(String text) {
    Stream<String> texts =
        field.isEmpty()
            ? Stream.of(text)
            : Json.lenient(text).map(json -> values(json, field.get())).orElse(Stream.of());
    return texts
        .flatMap(it -> Arrays.stream(it.split("[,;\\s]+")))
        .filter(it -> !CodeTable.plain(it).isEmpty())
        .distinct()
        .toList();
  }

  private static Stream<String> values(JsonNode json, String path) {
    return Json.at(json, path).stream().map(Json::text);
  }

  private static Set<String> plain(List<String> codes) {
    return codes.stream()
        .map(CodeTable::plain)
        .collect(Collectors.toCollection(LinkedHashSet::new));
  }

  private static Set<String> categories(List<String> codes) {
    return codes.stream().map(Codes::category).collect(Collectors.toCollection(LinkedHashSet::new));
  }

  /** {@code E11.9} and {@code E119} are of category {@code E11}. */
  static String category(String code) {
    int dot = code.indexOf('.');
    String before = CodeTable.plain(dot > 0 ? code.substring(0, dot) : code);
    return dot > 0 ? before : before.substring(0, Math.min(3, before.length()));
  }
}
