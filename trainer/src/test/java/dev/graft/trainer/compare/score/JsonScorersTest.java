package dev.graft.trainer.compare.score;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.graft.trainer.compare.score.Marks.FieldMark;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class JsonScorersTest {

  @TempDir Path folder;

  @ParameterizedTest
  @CsvSource({
    "name, text, 'Ann', 'ann', 1-0-0",
    "patient.age, number, 40, 41, 0-1-1",
    "patient.age, number(1), 40, 41, 1-0-0",
    "patient.age, number(0.1), 40.2, 40.3, 1-0-0",
    "patient.gone, text, 1, 1, 0-0-0",
  })
  void nestedPathsAndTypes(String path, String type, String one, String other, String counts) {
    String json = "{\"name\":\"%1$s\",\"patient\":{\"age\":%2$s}}";
    boolean name = path.equals("name");
    FieldMark field =
        mark(
            path,
            type,
            json.formatted(name ? one : "x", name ? "1" : one),
            json.formatted(name ? other : "x", name ? "1" : other));

    assertThat("%d-%d-%d".formatted(field.hits(), field.extra(), field.missed())).isEqualTo(counts);
  }

  @Test
  void listsOfObjectsAreWalked() {
    String reference = "{\"meds\":[{\"name\":\"a\",\"mg\":5},{\"name\":\"b\",\"mg\":10}]}";
    String answer = "{\"meds\":[{\"mg\":10,\"name\":\"b\"},{\"name\":\"c\",\"mg\":5}]}";

    assertThat(mark("meds[].name", "text", reference, answer))
        .extracting(FieldMark::hits, FieldMark::extra, FieldMark::missed)
        .containsExactly(1, 1, 1);
    assertThat(mark("meds[].mg", "number", reference, answer).isRight()).isTrue();
    // Objects are the same if their keys and values are, in any order.
    assertThat(mark("meds", "text", reference, answer).hits()).isEqualTo(1);
  }

  /** With a tolerance, 1.4 may go with 1 or 2; only one way pairs both. */
  @Test
  void toleranceFindsTheMostPairs() {
    assertThat(mark("v", "number(0.6)", "{\"v\":[1,2]}", "{\"v\":[1.5,0.4]}").hits()).isEqualTo(2);
  }

  private static FieldMark mark(String path, String type, String reference, String answer) {
    var scorer =
        new JsonFields(Map.of(path, FieldType.parse(type).orElseThrow()), Optional.empty());
    assertThat(scorer.problemWith(reference)).isEmpty();
    return scorer.mark(reference, answer).fields().getFirst();
  }

  @Test
  void validityIsTheSchemas() {
    JsonSchema schema =
        JsonSchema.of(
            "{\"type\":\"object\",\"required\":[\"a\"],\"additionalProperties\":false,"
                + "\"properties\":{\"a\":{\"type\":\"integer\",\"minimum\":1}}}");
    var scorer = new JsonFields(Map.of(), Optional.of(schema));

    assertThat(scorer.mark("", "{\"a\":1}").marks().getFirst().value()).isEqualTo(1);
    assertThat(scorer.mark("", "```json\n{\"a\":1}\n```").marks().getFirst().value()).isEqualTo(1);
    for (String wrong : new String[] {"{\"a\":0}", "{}", "{\"a\":1,\"b\":2}", "[1]", "no"}) {
      assertThat(scorer.mark("", wrong).marks().getFirst().value()).as(wrong).isZero();
    }
    assertThat(scorer.problemWith("{\"a\":0}").orElseThrow()).contains("schema", "/a");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "nonsense",
        "[1]",
        "{\"type\":\"strnig\"}",
        "{\"properties\":[]}",
        "{\"type\":\"object\",\"type\":\"object\"}",
        "{\"$schema\":\"https://example.invalid/none\"}",
        "{\"$ref\":\"https://example.invalid/none.json\"}",
      })
  void whatIsNoSchemaIsRefused(String text) {
    assertThatThrownBy(() -> JsonSchema.of(text))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageStartingWith("it is");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "2025-02-14 | 2025-02-14",
        "2025/2/14 | 2025-02-14",
        "2025-02-14T09:30:00Z | 2025-02-14",
        "20250214 | 2025-02-14",
        "14.02.2025 | 2025-02-14",
        "14. 2. 2025 | 2025-02-14",
        "02/14/2025 | 2025-02-14",
        "14/02/2025 | 2025-02-14",
        "03/04/2025 | 2025-03-04",
        "3-4-25 | 2025-04-03",
        "14 February 2025 | 2025-02-14",
        "14th of Feb. 2025 | 2025-02-14",
        "Friday, 14 February 2025 | 2025-02-14",
        "Feb 14, 2025 | 2025-02-14",
        "August 3rd 1999 | 1999-08-03",
        "3 Sept 2024 | 2024-09-03",
        "14. März 2025 | 2025-03-14",
        "1.1.69 | 1969-01-01",
      })
  void datesInCommonForms(String text, LocalDate date) {
    assertThat(Dates.parse(text, false)).contains(date);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"", "soon", "2025-02-30", "32.1.2025", "in 2 weeks", "14 Foo 2025", "2025"})
  void whatIsNoDate(String text) {
    assertThat(Dates.parse(text, false)).isEmpty();
  }

  @Test
  void dayFirstIsAChoice() {
    assertThat(Dates.parse("03/04/2025", true)).contains(LocalDate.of(2025, 4, 3));
  }

  @Test
  void codesByCategory() {
    assertThat(Codes.category("E11.9")).isEqualTo("E11");
    assertThat(Codes.category("e119")).isEqualTo("E11");
    assertThat(Codes.category("I10")).isEqualTo("I10");
    var whole = new Codes(Optional.empty(), Optional.empty());
    assertThat(whole.mark("I10, E11.9", "E11.9 I10").marks().getFirst().value()).isEqualTo(1);
    assertThat(whole.problemWith(" ")).isPresent();
  }

  @Test
  void tablesOfManyForms() throws IOException {
    Path csv = Files.writeString(folder.resolve("codes.csv"), "\"A00\",Cholera\nB01.1;Varicella\n");

    assertThat(CodeTable.read(csv, 1).codes()).containsExactlyInAnyOrder("A00", "B011");
    Path empty = Files.writeString(folder.resolve("empty.csv"), "one\n");
    assertThatThrownBy(() -> CodeTable.read(empty, 2)).hasMessageContaining("column 2");
  }
}
