package dev.graft.trainer.compare.assess;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.graft.tokenizer.DataFormat;
import dev.graft.trainer.compare.assess.Assessment.Road;
import dev.graft.trainer.compare.assess.Assessment.Situation;
import dev.graft.trainer.config.UserException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AssessmentTest {

  private static DataFacts facts(int conversations, double formShare, double grounded) {
    return new DataFacts(
        conversations, "JSON with a", formShare, 0, List.of(10, 20, 30), 100, 400, grounded);
  }

  private static Situation situation(double perDay, boolean mayLeave) {
    return new Situation(
        OptionalDouble.of(perDay),
        OptionalDouble.empty(),
        OptionalDouble.of(3),
        OptionalDouble.of(15),
        OptionalDouble.of(162),
        mayLeave);
  }

  @Test
  void roadsByVolumeFormAndPlace() {
    assertThat(road(facts(5, 1, 0.8), situation(5000, true))).isEqualTo(Road.SYSTEM_PROMPT);
    assertThat(road(facts(60, 1, 0.8), situation(5000, true))).isEqualTo(Road.FEW_SHOT);
    assertThat(road(facts(800, 1, 0.8), situation(5000, true))).isEqualTo(Road.LORA);
    assertThat(road(facts(800, 1, 0.8), situation(500, true))).isEqualTo(Road.HOSTED_FINE_TUNING);
    assertThat(road(facts(800, 1, 0.8), situation(500, false))).isEqualTo(Road.LORA);
    assertThat(road(facts(800, 1, 0.8), situation(20, true))).isEqualTo(Road.FEW_SHOT);
    assertThat(road(facts(800, 0.3, 0.1), situation(5000, true))).isEqualTo(Road.RETRIEVAL);
  }

  private static Road road(DataFacts facts, Situation situation) {
    return Assessment.of(facts, situation).road();
  }

  /** 500 tokens in at 3 and 20 out at 15 a million are 0.0018 a request: 162 / 0.0018 / 30. */
  @Test
  void breakEvenByHand() {
    assertThat(Assessment.of(facts(800, 1, 0.8), situation(1000, true)).money())
        .contains(
            "hosted: about 500 tokens to read and 20 to write, 0.0018 a request",
            "hosted: 54.00 a month",
            "break-even: own hardware at 162.00 a month is cheaper from 3,000 requests a day");
  }

  @Test
  void theQuickstartIsOneForm() {
    Path data = Path.of(System.getProperty("graft.root", ".."), "configs/quickstart/train.jsonl");

    DataFacts facts = DataFacts.of(data, DataFormat.AUTO, Map.of());

    assertThat(facts.form())
        .isEqualTo("JSON with diagnosis_icd10, follow_up_date, prescribed_medications, symptoms");
    assertThat(facts.formShare()).isEqualTo(1);
    assertThat(facts.grounded()).isBetween(0.3, 1.0);
  }

  @Test
  void whatIsNoConversationIsSaid(@TempDir Path folder) throws Exception {
    Path tokens =
        Files.writeString(folder.resolve("t.jsonl"), "{\"input_ids\":[1,2],\"labels\":[-100,2]}\n");

    assertThatThrownBy(() -> DataFacts.of(tokens, DataFormat.AUTO, Map.of()))
        .isInstanceOf(UserException.class)
        .hasMessageContaining("needs conversations");
  }
}
