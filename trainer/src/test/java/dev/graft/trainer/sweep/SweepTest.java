package dev.graft.trainer.sweep;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.graft.trainer.config.ConfigException;
import dev.graft.trainer.config.ConfigReader;
import dev.graft.trainer.config.UserException;
import dev.graft.trainer.console.Console;
import dev.graft.trainer.runs.StopSignal;
import dev.graft.trainer.sweep.SweepRecord.Measure;
import dev.graft.trainer.sweep.SweepRecord.Run;
import dev.graft.trainer.sweep.SweepRecord.Status;
import dev.graft.trainer.train.SmallRun;
import java.io.ByteArrayOutputStream;
import java.io.FilterOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SweepTest {

  private static final String SHORT = "training.max-steps=5";
  private static final List<String> RATES = List.of("training.learning-rate=0.02,0.0001", SHORT);

  @TempDir Path folder;
  private SmallRun small;
  private Path yaml;

  @BeforeEach
  void writeInputs() throws IOException {
    small = new SmallRun(folder);
    yaml = small.yaml("alone");
  }

  private Path sweepFolder() {
    return folder.resolve("sweep");
  }

  private Sweep plan(List<String> settings) {
    return Sweep.plan(yaml, Grid.parse(settings), Optional.of(sweepFolder()));
  }

  private SweepRecord run(List<String> settings) {
    return plan(settings).run(Console.silent(), new StopSignal());
  }

  private static List<Double> losses(Path run, String kind) throws IOException {
    return Files.readAllLines(run.resolve("metrics.jsonl")).stream()
        .filter(line -> line.contains("\"kind\":\"" + kind + "\""))
        .map(line -> Pattern.compile("\"loss\":([^,}]+)").matcher(line).results())
        .map(found -> found.findFirst().map(MatchResult::group).orElseThrow())
        .map(text -> Double.parseDouble(text.substring("\"loss\":".length())))
        .toList();
  }

  @Test
  void runsAreRankedAndEachIsTheRunThatItWouldBeAlone() throws IOException {
    SweepRecord record = run(RATES);

    assertThat(record.rankedBy()).isEqualTo(Measure.VALIDATION_LOSS);
    assertThat(record.ranked())
        .extracting(Run::name)
        .containsExactly("learning-rate-0.02", "learning-rate-0.0001");
    List<Double> scores = losses(sweepFolder().resolve("learning-rate-0.02"), "evaluation");
    double lowest = scores.subList(1, scores.size()).stream().min(Double::compare).orElseThrow();
    assertThat(record.ranked().getFirst().loss()).hasValue(lowest);
    assertThat(SweepRecord.read(sweepFolder())).contains(record);

    SmallRun.run(ConfigReader.read(yaml, List.of("training.learning-rate=0.0001", SHORT)));
    assertThat(small.output("alone").resolve("adapter/adapter_model.safetensors"))
        .hasSameBinaryContentAs(
            sweepFolder().resolve("learning-rate-0.0001/adapter/adapter_model.safetensors"));
    assertThat(SweepTable.lines(record, plan(RATES).grid()))
        .hasSize(3)
        .satisfies(lines -> assertThat(lines.get(1)).startsWith("1  0.02 "));
  }

  /** Asks to stop when a run has shown so many steps, the second time that it does. */
  private static Console stoppingInTheSecondRun(StopSignal stop) {
    var said = new ByteArrayOutputStream();
    OutputStream watched =
        new FilterOutputStream(said) {
          @Override
          public void flush() throws IOException {
            super.flush();
            String text = said.toString(StandardCharsets.UTF_8);
            int second = text.indexOf("run 2 of");
            if (second > 0 && text.indexOf("step 3/", second) > 0) {
              stop.request();
            }
          }
        };
    var out = new PrintStream(watched, true, StandardCharsets.UTF_8);
    return new Console(out, out, true, 200, false, System::nanoTime);
  }

  @Test
  void whatWasBrokenOffGoesOnAndWhatIsFinishedIsNotRepeated() throws IOException {
    var stop = new StopSignal();
    SweepRecord stopped = plan(RATES).run(stoppingInTheSecondRun(stop), stop);
    assertThat(stopped.runs())
        .extracting(Run::status)
        .containsExactly(Status.FINISHED, Status.STOPPED);
    assertThat(stopped.runs().get(1).steps()).isEqualTo(3);
    Path first = sweepFolder().resolve("learning-rate-0.02");
    Files.writeString(first.resolve("metrics.jsonl"), "a run that was touched would cut this off");

    SweepRecord whole = run(RATES);

    assertThat(whole.runs()).extracting(Run::status).containsOnly(Status.FINISHED);
    assertThat(first.resolve("metrics.jsonl")).content().startsWith("a run that was touched");
    SmallRun.run(ConfigReader.read(yaml, List.of("training.learning-rate=0.0001", SHORT)));
    assertThat(small.output("alone").resolve("adapter/adapter_model.safetensors"))
        .hasSameBinaryContentAs(
            sweepFolder().resolve("learning-rate-0.0001/adapter/adapter_model.safetensors"));

    SweepRecord more = run(List.of("training.learning-rate=0.02,0.0001,0.001", SHORT));
    assertThat(more.ranked()).hasSize(3);
    assertThat(more.runs().getFirst()).isEqualTo(whole.runs().getFirst());

    assertThatThrownBy(() -> run(List.of(RATES.getFirst(), SHORT, "lora.rank=8")))
        .isInstanceOf(UserException.class)
        .hasMessageContaining("holds another run than this sweep's: lora.rank was 4, is 8");
  }

  @Test
  void aRunThatFailsIsReportedAndTheOthersGoOn() {
    SweepRecord record = run(List.of("training.learning-rate=1e30,0.02", "training.max-steps=4"));

    assertThat(record.runs())
        .extracting(Run::status)
        .containsExactly(Status.FAILED, Status.FINISHED);
    assertThat(record.runs().getFirst().note()).contains("not both finite numbers");
    assertThat(record.ranked()).extracting(Run::name).containsExactly("learning-rate-0.02");
  }

  @Test
  void withoutValidationTheLastStepsTrainingLossCounts() throws IOException {
    SweepRecord record = run(List.of("data.validation-split=null", "lora.rank=2"));

    assertThat(record.rankedBy()).isEqualTo(Measure.TRAINING_LOSS);
    List<Double> losses = losses(sweepFolder().resolve("run"), "step");
    double mean =
        losses.subList(2, 12).stream().mapToDouble(Double::doubleValue).average().orElseThrow();
    assertThat(record.runs().getFirst().loss().orElseThrow()).isCloseTo(mean, within(1e-12));
  }

  @Test
  void mistakesAreFoundBeforeAnythingIsTrained() {
    assertThatThrownBy(() -> plan(List.of("lora.rank=4,0")))
        .isInstanceOf(ConfigException.class)
        .hasMessageContaining("--set lora.rank=0: lora.rank: is 0");
    assertThatThrownBy(() -> plan(List.of("lora.rnk=4,8"))).hasMessageContaining("lora.rank?");
    assertThat(sweepFolder()).doesNotExist();
  }

  @Test
  void aRecordThatIsDamagedIsCalledThat() throws IOException {
    Files.createDirectories(sweepFolder());
    Files.writeString(sweepFolder().resolve("sweep.json"), "{\"version\":1");
    assertThatThrownBy(() -> run(RATES)).hasMessageContaining("is not the record of a sweep");
  }
}
