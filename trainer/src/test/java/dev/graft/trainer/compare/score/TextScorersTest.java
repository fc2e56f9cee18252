package dev.graft.trainer.compare.score;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class TextScorersTest {

  /**
   * The first two are Lin's own example (2004, section 3.1): 0.75 and 0.5. All figures were
   * computed in Python, written from the papers: a recursive LCS, collections.Counter for n-grams
   * and words.
   */
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "police killed the gunman | police kill the gunman | 0.75 | 0.7624037649780017 |"
            + " 0.6666666666666666",
        "police killed the gunman | the gunman kill police | 0.5 | 0.624670603683175 |"
            + " 0.6666666666666666",
        "The patient is a 55-year-old man with a new onset of seizures. | Patient: 55 year old man;"
            + " seizures (new onset). | 0.6363636363636364 | 0.43246474876046925 |"
            + " 0.5882352941176471",
        "Der Patient klagt über Kopfschmerzen. | Der Patient hat Kopfschmerzen und Übelkeit. |"
            + " 0.5454545454545454 | 0.6065786988087033 | 0.5454545454545454",
        "amoxicillin 500 mg | amoxicillin 500 mg | 1 | 1 | 1",
        "abc | xyz | 0 | 0 | 0",
        "a | ab | 0 | 0.8333333333333334 | 0",
        "the | a | 0 | 0 | 1",
        "it''s the cat | its cat! | 0.3333333333333333 | 0.18846321407177477 | 1",
        "café 😀 ok | cafe 😀 ok | 0.5 | 0.32063492063492066 | 0.6666666666666666",
      })
  void asTheReferences(
      String reference, String answer, double rougeL, double chrf, double tokenF1) {
    String expected = reference.replace("''", "'");

    assertThat(RougeL.score(expected, answer)).as("ROUGE-L").isCloseTo(rougeL, within(1e-12));
    assertThat(Chrf.score(expected, answer)).as("chrF").isCloseTo(chrf, within(1e-12));
    assertThat(TokenF1.score(expected, answer)).as("F1").isCloseTo(tokenF1, within(1e-12));
  }

  @Test
  void nothingAgainstSomethingIsZero() {
    for (Scorer scorer : List.of(new RougeL(), new Chrf(), new TokenF1(), new Exact())) {
      assertThat(value(scorer, "some words here", "")).isZero();
      assertThat(value(scorer, "some words here", "some words here")).isEqualTo(1);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "GENHX, GENHX, 1, 1, 1",
    "GENHX, ' GENHX\n', 1, 1, 1",
    "GENHX, genhx., 0, 1, 1",
    "GENHX, '\"Genhx\"', 0, 1, 1",
    "GENHX, the GENHX section, 0, 0, 1",
    "GENHX, GEN HX, 0, 0, 0",
    "ﬁne  day, 'fine day', 0, 1, 1",
  })
  void degreesOfBeingTheSame(
      String reference, String answer, double exact, double normalized, double contains) {
    assertThat(value(new Exact(), reference, answer)).isEqualTo(exact);
    assertThat(value(new NormalizedExact(), reference, answer)).isEqualTo(normalized);
    assertThat(value(new Contains(List.of()), reference, answer)).isEqualTo(contains);
  }

  @Test
  void containsAllOfTheTexts() {
    Scorer scorer = new Contains(List.of("fact", "risk"));

    assertThat(value(scorer, "", "The FACT and the Risk.")).isEqualTo(1);
    assertThat(value(scorer, "", "The fact.")).isZero();
  }

  @Test
  void aPatternIsFoundOrGivenUp() {
    Scorer scorer = new Regex(Pattern.compile("\\b[A-Z]\\d\\d\\b"));

    assertThat(value(scorer, "", "It is I10, I think")).isEqualTo(1);
    assertThat(value(scorer, "", "It is i10")).isZero();
    Scorer endless = new Regex(Pattern.compile("^(a|aa)+\\1b$"));
    assertThatThrownBy(() -> value(endless, "", "a".repeat(60) + "c"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("takes too long");
  }

  @Test
  void aPartIsScoredAlone() {
    Scorer header = new OfPart(Pattern.compile("^\\s*\\*\\*(.+?)\\*\\*"), new Exact());

    assertThat(value(header, "**GENHX**\n\nText", "**GENHX**\n\nOther")).isEqualTo(1);
    assertThat(value(header, "**GENHX**\n\nText", "GENHX\n\nText")).isZero();
    assertThat(header.problemWith("**GENHX** x")).isEmpty();
    assertThat(header.problemWith("GENHX"))
        .hasValueSatisfying(why -> assertThat(why).contains("part"));
  }

  static double value(Scorer scorer, String reference, String answer) {
    Marks marks = scorer.mark(reference, answer);
    assertThat(marks.marks()).hasSameSizeAs(scorer.metrics());
    return marks.marks().getFirst().value();
  }
}
