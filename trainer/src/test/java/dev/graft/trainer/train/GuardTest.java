package dev.graft.trainer.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.graft.trainer.config.RunConfig;
import dev.graft.trainer.config.UserException;
import dev.graft.trainer.console.Console;
import dev.graft.trainer.runs.Metrics;
import dev.graft.trainer.runs.StepMetrics;
import dev.graft.trainer.runs.StopSignal;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Steps that would do harm, and ends before the last step. */
class GuardTest {

  /** So large that float32 parameters, and with them the loss, become infinite. */
  private static final String[] DIVERGING = {
    "training.learning-rate=1e30", "training.warmup-ratio=0", "training.max-grad-norm=0"
  };

  @TempDir Path folder;
  private SmallRun small;

  @BeforeEach
  void writeInputs() throws IOException {
    small = new SmallRun(folder);
  }

  private static String[] with(String[] some, String... more) {
    String[] all = Arrays.copyOf(some, some.length + more.length);
    System.arraycopy(more, 0, all, some.length, more.length);
    return all;
  }

  private Metrics metrics(String output) {
    return Metrics.read(small.output(output).resolve("metrics.jsonl"));
  }

  @Test
  void aLossThatIsNoNumberStopsTheRunAndNamesTheRows() throws IOException {
    RunConfig config = small.config("run", with(DIVERGING, "data.validation-split=null"));
    assertThatThrownBy(() -> SmallRun.run(config))
        .isInstanceOf(UserException.class)
        .hasMessageMatching("(?s)step \\d+: loss \\S+ and gradient norm \\S+ are not both finite.*")
        .hasMessageContaining(small.data() + " line ")
        .hasMessageContaining("the steps before it are saved")
        .hasMessageContaining("./graft train " + config.output() + " --resume --set");
    StepMetrics last = metrics("run").steps().getLast();
    assertThat(last.skipped()).isTrue();
    Path checkpoint =
        small.output("run").resolve("checkpoints/step-%06d".formatted(last.step() - 1));
    assertThat(checkpoint).isDirectory();
  }

  @Test
  void skippingGoesOnUntilTenFailInARow() throws IOException {
    RunConfig config =
        small.config(
            "run",
            with(
                DIVERGING,
                "data.validation-split=null",
                "training.on-bad-step=skip",
                "training.max-steps=40"));
    assertThatThrownBy(() -> SmallRun.run(config))
        .isInstanceOf(UserException.class)
        .hasMessageContaining("as in the 10 steps before")
        .hasMessageContaining("start again with a lower training.learning-rate");
    assertThat(metrics("run").steps().stream().filter(StepMetrics::skipped)).hasSize(11);
  }

  @Test
  void aSpikeIsSkippedAndTheUpdatesAroundItAreCountedWithoutIt() throws IOException {
    // One row of noise among rows that are all alike: its loss stays high while theirs falls.
    int[] noise = new Random(5).ints(24, 0, SmallRun.VOCABULARY).toArray();
    int[] alike = IntStream.range(0, 24).map(i -> 7 + i % 2).toArray();
    String row = "{\"input_ids\":%1$s,\"labels\":%1$s}\n";
    Files.writeString(
        small.data(),
        row.formatted(Arrays.toString(alike)).repeat(30) + row.formatted(Arrays.toString(noise)));
    RunConfig config =
        small.config(
            "run",
            "data.validation-split=null",
            "training.batch-size=1",
            "training.shuffle=false",
            "training.max-steps=62",
            "training.on-bad-step=skip",
            "training.spike-threshold=3");
    RunResult result = SmallRun.run(config);
    assertThat(result.steps()).isEqualTo(62);
    assertThat(metrics("run").steps().stream().filter(StepMetrics::skipped))
        .extracting(StepMetrics::step)
        .contains(31, 62);
    SavedState saved = SavedState.read(small.output("run").resolve("checkpoints/step-000062"));
    long skipped = metrics("run").steps().stream().filter(StepMetrics::skipped).count();
    assertThat(saved.state().updates()).isEqualTo(62 - (int) skipped);
  }

  @Test
  void theTrendIsMeanAndVariance() {
    double[] losses = new Random(3).doubles(40, 1, 3).toArray();
    LossTrend trend = LossTrend.NONE;
    for (double loss : losses) {
      trend = trend.plus(loss);
    }
    double mean = Arrays.stream(losses).average().orElseThrow();
    double variance =
        Arrays.stream(losses).map(x -> (x - mean) * (x - mean)).average().orElseThrow();
    assertThat(trend.mean()).isCloseTo(mean, within(1e-12));
    assertThat(trend.variance()).isCloseTo(variance, within(1e-12));
    assertThat(trend.limit(3)).isCloseTo(mean + 3 * Math.sqrt(variance), within(1e-12));
    assertThat(LossTrend.NONE.plus(1).limit(3)).isInfinite();
  }

  @Test
  void patienceEndsTheRunAndTheBestAdapterIsTheResult() throws IOException {
    RunConfig config =
        small.config(
            "run",
            "training.max-steps=200",
            "training.learning-rate=0.3",
            "training.schedule=constant",
            "evaluation.every=2",
            "early-stopping.patience=3",
            "checkpoint.keep=1");
    RunResult result = SmallRun.run(config);
    assertThat(result.ending()).isInstanceOf(Ending.Early.class);
    assertThat(((Ending.Early) result.ending()).reason())
        .isEqualTo("the validation loss has not become better in 3 evaluations");
    assertThat(result.resultStep()).isEqualTo(result.steps() - 6);
    double best =
        metrics("run").evaluations().stream()
            .filter(each -> each.step() > 0)
            .mapToDouble(each -> each.loss())
            .min()
            .orElseThrow();
    assertThat(result.finalLoss()).hasValue(best);
    Path kept =
        small
            .output("run")
            .resolve(
                "checkpoints/step-%06d/adapter_model.safetensors".formatted(result.resultStep()));
    assertThat(result.result().resolve("adapter_model.safetensors")).hasSameBinaryContentAs(kept);

    // A longer patience goes on from where it ended.
    RunResult more =
        LoraFinetuning.run(
            small.config(
                "run",
                "training.max-steps=200",
                "training.learning-rate=0.3",
                "training.schedule=constant",
                "evaluation.every=2",
                "early-stopping.patience=5",
                "checkpoint.keep=1",
                "checkpoint.result=last"),
            RunStart.RESUME,
            Console.silent(),
            new StopSignal());
    assertThat(more.steps()).isGreaterThan(result.steps());
    assertThat(more.resultStep()).isEqualTo(more.steps());
  }

  @Test
  void aTargetLossAndTimeEndTheRun() throws IOException {
    RunResult target =
        SmallRun.run(
            small.config("target", "evaluation.every=1", "early-stopping.target-loss=4.2"));
    assertThat(target.steps()).isLessThan(12);
    assertThat(target.finalLoss().orElseThrow()).isLessThan(4.2);
    RunResult time = SmallRun.run(small.config("time", "early-stopping.max-minutes=0.00001"));
    assertThat(time.steps()).isLessThan(12);
    assertThat(((Ending.Early) time.ending()).reason()).startsWith("it has trained for");
  }
}
