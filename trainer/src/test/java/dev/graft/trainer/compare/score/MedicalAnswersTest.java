package dev.graft.trainer.compare.score;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.graft.trainer.Conformance;
import dev.graft.trainer.compare.score.Marks.FieldMark;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Thirty answers of the medical kind, written by hand with what each of them should score: {@code
 * field: [hits, extra, missed]}, whether it parses, and its codes.
 */
class MedicalAnswersTest {

  /** The codes of the thirty that exist. */
  private static final CodeTable TABLE =
      new CodeTable(Set.of("J020", "J029", "J030", "I10", "I119", "E119", "E1165", "M54", "M545"));

  static JsonFields json(Optional<JsonSchema> schema) {
    var fields = new LinkedHashMap<String, FieldType>();
    fields.put("diagnosis_icd10", new FieldType.Code());
    fields.put("symptoms", new FieldType.Text());
    fields.put("prescribed_medications", new FieldType.Text());
    fields.put("follow_up_date", new FieldType.Date(false));
    return new JsonFields(fields, schema);
  }

  @Test
  void everyAnswerScoresAsByHand() throws IOException {
    for (JsonNode row : rows()) {
      String id = row.get("id").stringValue();
      Marks marks = json(Optional.empty()).mark(text(row, "reference"), text(row, "answer"));
      for (FieldMark field : marks.fields()) {
        JsonNode hand = row.get(field.field());
        assertThat(List.of(field.hits(), field.extra(), field.missed()))
            .as(id + " " + field.field())
            .containsExactly(
                hand.get(0).intValue(), hand.get(1).intValue(), hand.get(2).intValue());
      }
      assertThat(marks.marks().get(3).value()).as(id).isEqualTo(row.get("parses").intValue());
      assertThat(marks.marks().get(4).value()).as(id).isEqualTo(row.get("strict").intValue());
      Marks codes =
          new Codes(Optional.of("diagnosis_icd10"), Optional.of(TABLE))
              .mark(text(row, "reference"), text(row, "answer"));
      assertThat(codes.marks().get(0).value()).as(id).isEqualTo(row.get("exact").intValue());
      assertThat(codes.marks().get(1).value()).as(id).isEqualTo(row.get("category").intValue());
      assertThat(codes.marks().get(2).numerators()[0])
          .as(id)
          .isEqualTo(row.get("invented").intValue());
      assertThat(codes.marks().get(2).denominators()[0])
          .as(id)
          .isEqualTo(row.get("given").intValue());
    }
  }

  /**
   * By hand: 99 hits, 16 extra and 51 missed values, so micro F1 = 198 / 265; macro F1 is the mean
   * of 34 / 56, 86 / 104, 48 / 64 and 30 / 41; ten answers are right throughout.
   */
  @Test
  void theFiguresOfAllThirty() throws IOException {
    double[] sums = new double[5];
    double[] bottoms = new double[5];
    double[] fieldTops = new double[4];
    double[] fieldBottoms = new double[4];
    for (JsonNode row : rows()) {
      List<Mark> marks =
          json(Optional.empty()).mark(text(row, "reference"), text(row, "answer")).marks();
      for (int m = 0; m < 5; m++) {
        sums[m] += marks.get(m).numerators()[0];
        bottoms[m] += marks.get(m).denominators()[0];
      }
      for (int k = 0; k < 4; k++) {
        fieldTops[k] += marks.get(1).numerators()[k];
        fieldBottoms[k] += marks.get(1).denominators()[k];
      }
    }
    assertThat(sums[0] / bottoms[0]).isCloseTo(198 / 265.0, within(1e-12));
    assertThat(fieldTops).containsExactly(34, 86, 48, 30);
    assertThat(fieldBottoms).containsExactly(56, 104, 64, 41);
    assertThat(sums[2]).isEqualTo(10);
    assertThat(sums[3]).isEqualTo(26);
    assertThat(sums[4]).isEqualTo(24);
  }

  @Test
  void theRealTableKnowsTheSameCodes() throws IOException {
    CodeTable real =
        CodeTable.read(Conformance.path("data/icd10/icd10cm-order-Jan-2021.txt.gz"), 2);

    assertThat(real.codes()).hasSizeGreaterThan(90_000).containsAll(TABLE.codes());
    assertThat(List.of("I10.X", "E99.9", "hypertension")).noneMatch(real::has);
    assertThat(real.has("e11.9")).isTrue();
  }

  private static String text(JsonNode row, String key) {
    return row.get(key).stringValue();
  }

  static List<JsonNode> rows() throws IOException {
    try (InputStream in =
        MedicalAnswersTest.class.getResourceAsStream("/dev/graft/trainer/compare/medical.jsonl")) {
      String text = new String(in.readAllBytes(), StandardCharsets.UTF_8);
      var rows = new ArrayList<JsonNode>();
      text.lines().forEach(line -> rows.add(JsonMapper.shared().readTree(line)));
      assertThat(rows).hasSize(30);
      return rows;
    }
  }
}
