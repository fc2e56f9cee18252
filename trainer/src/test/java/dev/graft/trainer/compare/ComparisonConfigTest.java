package dev.graft.trainer.compare;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.graft.trainer.compare.config.CompareConfig;
import dev.graft.trainer.compare.config.ContestantConfig;
import dev.graft.trainer.compare.config.PriceConfig;
import dev.graft.trainer.compare.config.ScorerConfig;
import dev.graft.trainer.config.UserException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What a configuration may say, in its file and by overrides. */
class ComparisonConfigTest extends MedicalComparison {

  @Test
  void badConfigurationsNameKeyAndLine() {
    assertThatThrownBy(() -> run("data: data.jsonl\ncontestants:\n  a: {kind: recordd, file: x}\n"))
        .hasMessageMatching(
            "(?s).*compare.yaml:3: contestants.a.kind: is 'recordd', one of .*; did you mean"
                + " recorded\\?");
    assertThatThrownBy(() -> run(RECORDED.replace("file: perfect", "fil: perfect") + SCORERS))
        .hasMessageContaining(
            "compare.yaml:5: contestants.claude.fil: unknown key; did you mean file?");
    assertThatThrownBy(() -> run(RECORDED + SCORERS.replace("text: chrf", "text: chrff")))
        .hasMessageContaining("scorers.text.kind: is 'chrff'")
        .hasMessageContaining("did you mean chrf?");
    assertThatThrownBy(() -> run(RECORDED + "baseline: nobody\n" + SCORERS))
        .hasMessageContaining("baseline: 'nobody' is none of the contestants");
    assertThatThrownBy(() -> run(RECORDED + SCORERS.replace("date\n", "datum\n")))
        .hasMessageContaining("fields.follow_up_date: 'datum' is none of");
    assertThatThrownBy(() -> run("data: data.jsonl\n"))
        .hasMessageContaining("contestants: is missing");
    assertThatThrownBy(() -> run(RECORDED + SCORERS + "data: twice\n"))
        .hasMessageContaining("data: is set a second time");
  }

  private CompareConfig overridden(String... overrides) throws IOException {
    Path file = Files.writeString(folder.resolve("compare.yaml"), RECORDED + SCORERS);
    return CompareConfig.read(file, List.of(overrides));
  }

  @Test
  void anyKeyCanBeOverridden() throws IOException {
    assertThat(overridden("limit=7").limit()).hasValue(7);
    assertThat(overridden("limit=7", "limit=null").limit()).isEmpty();
    assertThat(overridden("statistics.resamples=500").statistics().resamples()).isEqualTo(500);
    assertThat(overridden("prices.adapter.input=2.5").prices())
        .containsEntry("adapter", new PriceConfig(2.5, 10));
    Path other = folder.resolve("perfect.jsonl");
    assertThat(overridden("contestants.adapter.file=" + other).contestants().get("adapter"))
        .isInstanceOfSatisfying(
            ContestantConfig.Recorded.class,
            it -> {
              assertThat(it.file()).isEqualTo(other);
              assertThat(it.fields()).containsEntry("answer", "completion.text");
            });
    assertThat(overridden("contestants.adapter.fields.answer=text").contestants().get("adapter"))
        .isInstanceOfSatisfying(
            ContestantConfig.Recorded.class,
            it -> assertThat(it.fields()).containsEntry("answer", "text"));
    assertThat(overridden("scorers.text=rouge-l").scorers().get("text"))
        .isEqualTo(new ScorerConfig.RougeL(Optional.empty()));
    assertThat(overridden("scorers.text.part=(a|b)").scorers().get("text"))
        .isEqualTo(new ScorerConfig.Chrf(Optional.of("(a|b)")));
  }

  @Test
  void namesWithDotsCanBeOverridden() throws IOException {
    Path file =
        Files.writeString(
            folder.resolve("compare.yaml"), RECORDED.replace("adapter", "v1.5") + SCORERS);
    CompareConfig config = CompareConfig.read(file, List.of("prices.v1.5.input=2.5"));

    assertThat(Objects.requireNonNull(config.prices().get("v1.5")).input()).isEqualTo(2.5);
  }

  @Test
  void overridesAreAsStrictAsTheFile() {
    assertThatThrownBy(() -> overridden("limt=7"))
        .hasMessage("--set limt=7: limt: unknown key; did you mean limit?");
    assertThatThrownBy(() -> overridden("limit=many"))
        .hasMessage("--set limit=many: limit: is 'many', a whole number is needed");
    assertThatThrownBy(() -> overridden("limit"))
        .hasMessageContaining("--set limit: write --set key=value");
    assertThatThrownBy(() -> overridden("statistics=7"))
        .hasMessageContaining("--set statistics=7: statistics is a section");
    assertThatThrownBy(() -> overridden("data=null")).hasMessageContaining("data: is missing");
    assertThatThrownBy(() -> overridden("scorers.text=chrff"))
        .hasMessageContaining("--set scorers.text=chrff: scorers.text.kind: is 'chrff'")
        .hasMessageContaining("did you mean chrf?");
    assertThatThrownBy(() -> overridden("contestants.adapter.kind=claude"))
        .hasMessageContaining("contestants.adapter.file: unknown key");
    assertThatThrownBy(() -> overridden("limit.x=1"))
        .hasMessageContaining("limit: holds keys of its own, a value is needed");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{'type':'strnig'}       | it is no schema",
        "{'type':                | it is not JSON",
        "['a', 'list']           | it is not an object, so it is no schema",
        "{'$ref':'#/nowhere'}    | it is no schema",
        "just words              | it is not JSON"
      })
  void aSchemaThatIsNoneIsRefused(String schema, String problem) throws IOException {
    Files.writeString(folder.resolve("schema.json"), schema.replace('\'', '"'));

    assertThatThrownBy(
            () -> run(RECORDED + "scorers:\n  json: {kind: json, schema: schema.json}\n"))
        .isInstanceOf(UserException.class)
        .hasMessageContaining("scorers.json: schema: ")
        .hasMessageContaining("schema.json: " + problem);
  }
}
