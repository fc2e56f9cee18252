package dev.graft.trainer.compare.score;

import dev.graft.trainer.compare.score.Marks.FieldMark;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import tools.jackson.databind.JsonNode;

/**
 * JSON answers, field by field.
 *
 * <p>A field is a path (see {@link Json#at}) and has a set of values in either text: none where it
 * is absent or null, one for a scalar, its elements for a list, each counted once. A value of the
 * answer that is the {@linkplain FieldType#same same} as one of the reference, each used once, is a
 * hit (TP); others of the answer are extra (FP), others of the reference missed (FN). An answer
 * that is not JSON, even in a fenced block, has no values: all are missed.
 *
 * <ul>
 *   <li>{@code f1}: micro-averaged over fields and answers, 2ΣTP / (2ΣTP + ΣFP + ΣFN)
 *   <li>{@code macro-f1}: the same for each field, averaged over the fields that occur
 *   <li>{@code all-fields}: share of answers with no extra and no missed value
 *   <li>{@code parses}: share of answers that are JSON, fenced or not; {@code parses-strict}: that
 *       are JSON and nothing else, no key twice
 *   <li>{@code valid}: where there is a schema, share of answers that are JSON, fenced or not, and
 *       valid against it
 * </ul>
 *
 * @param fields types by path, in the order in which they are reported
 * @param schema absent where nothing is validated
 */
public record JsonFields(Map<String, FieldType> fields, Optional<JsonSchema> schema)
    implements Scorer {

  public JsonFields {
    fields = java.util.Collections.unmodifiableMap(new LinkedHashMap<>(fields));
  }

  @Override
  public List<Metric> metrics() {
    var metrics = new ArrayList<Metric>();
    if (!fields.isEmpty()) {
      metrics.add(Metric.of("f1", "F1 of all fields' values, micro-averaged"));
      metrics.add(Metric.of("macro-f1", "mean of the fields' F1"));
      metrics.add(Metric.of("all-fields", "share of answers with every field right"));
    }
    if (schema.isPresent()) {
      metrics.add(Metric.of("valid", "share of answers that are valid against the schema"));
    }
    metrics.add(Metric.of("parses", "share of answers that are JSON, in a fenced block or not"));
    metrics.add(Metric.of("parses-strict", "share of answers that are JSON and nothing else"));
    return metrics;
  }

  @Override
  public Optional<String> problemWith(String reference) {
    Optional<JsonNode> json = Json.lenient(reference);
    if (json.isEmpty()) {
      return Optional.of("it is not JSON");
    }
    return schema.flatMap(it -> it.problemWith(json.get())).map(why -> "the schema says: " + why);
  }

  @Override
  public Marks mark(String reference, String answer) {
    Optional<JsonNode> expected = Json.lenient(reference);
    Optional<JsonNode> given = Json.lenient(answer);
    var marks = new ArrayList<Mark>();
    var details = new ArrayList<FieldMark>();
    if (!fields.isEmpty()) {
      fields.forEach((path, type) -> details.add(field(path, type, expected, given)));
      marks.add(micro(details));
      marks.add(macro(details));
      marks.add(Mark.of(given.isPresent() && details.stream().allMatch(FieldMark::isRight)));
    }
    schema.ifPresent(
        it -> marks.add(Mark.of(given.isPresent() && it.problemWith(given.get()).isEmpty())));
    marks.add(Mark.of(given.isPresent()));
    marks.add(Mark.of(Json.strict(answer).isPresent()));
    return new Marks(marks, details);
  }

  private static FieldMark field(
      String path, FieldType type, Optional<JsonNode> expected, Optional<JsonNode> given) {
    List<JsonNode> wanted = distinct(values(expected, path), type);
    List<JsonNode> found = distinct(values(given, path), type);
    int hits = matches(wanted, found, type);
    return new FieldMark(
        path, hits, found.size() - hits, wanted.size() - hits, words(wanted), words(found));
  }

  private static List<JsonNode> values(Optional<JsonNode> json, String path) {
    return json.map(it -> Json.at(it, path)).orElse(List.of());
  }

  private static List<JsonNode> distinct(List<JsonNode> values, FieldType type) {
    var distinct = new ArrayList<JsonNode>();
    for (JsonNode value : values) {
      if (distinct.stream().noneMatch(known -> type.same(known, value))) {
        distinct.add(value);
      }
    }
    return distinct;
  }

  /** The most pairs of same values, each value in one pair at most (augmenting paths). */
  private static int matches(List<JsonNode> wanted, List<JsonNode> found, FieldType type) {
    int[] partner = new int[found.size()];
    java.util.Arrays.fill(partner, -1);
    int matches = 0;
    for (int i = 0; i < wanted.size(); i++) {
      matches += augment(i, wanted, found, type, partner, new boolean[found.size()]) ? 1 : 0;
    }
    return matches;
  }

  private static boolean augment(
      int one,
      List<JsonNode> wanted,
      List<JsonNode> found,
      FieldType type,
      int[] partner,
      boolean[] tried) {
    for (int j = 0; j < found.size(); j++) {
      if (!tried[j] && type.same(wanted.get(one), found.get(j))) {
        tried[j] = true;
        if (partner[j] < 0 || augment(partner[j], wanted, found, type, partner, tried)) {
          partner[j] = one;
          return true;
        }
      }
    }
    return false;
  }

  private static String words(List<JsonNode> values) {
    return values.stream().map(Json::text).collect(Collectors.joining("; "));
  }

  private static Mark micro(List<FieldMark> fields) {
    double hits = 0;
    double errors = 0;
    for (FieldMark field : fields) {
      hits += field.hits();
      errors += field.extra() + field.missed();
    }
    return Mark.ratio(2 * hits, 2 * hits + errors);
  }

  private static Mark macro(List<FieldMark> fields) {
    double[] tops = new double[fields.size()];
    double[] bottoms = new double[fields.size()];
    for (int k = 0; k < tops.length; k++) {
      FieldMark field = fields.get(k);
      tops[k] = 2.0 * field.hits();
      bottoms[k] = tops[k] + field.extra() + field.missed();
    }
    return new Mark(tops, bottoms);
  }
}
