package dev.graft.trainer.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.graft.trainer.config.ConfigReader;
import dev.graft.trainer.config.RunConfig;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** The command as a process of its own, on the quickstart's files: what only a process shows. */
@Timeout(300)
class MainProcessTest {

  private static final Path ROOT = Path.of(System.getProperty("graft.root", "..")).toAbsolutePath();
  private static final int SIGINT = 2;
  private static final Duration PATIENCE = Duration.ofMinutes(2);

  @TempDir Path folder;

  @Test
  void ctrlCSavesWhatWasTrainedAndSaysWhere() throws Exception {
    Path output = folder.resolve("run");
    Process run =
        graft("train", recipe(), "--set", "output=" + output, "--set", "training.epochs=99");
    Path metrics = output.resolve("metrics.jsonl");
    long deadline = System.nanoTime() + PATIENCE.toNanos();
    while (!Files.exists(metrics) || steps(metrics) < 2) {
      assertThat(run.isAlive()).as(read("out") + read("err")).isTrue();
      assertThat(System.nanoTime()).isLessThan(deadline);
      Thread.sleep(20);
    }
    assertThat(new ProcessBuilder("kill", stopSignal(), "" + run.pid()).start().waitFor()).isZero();

    assertThat(run.waitFor(PATIENCE.toSeconds(), TimeUnit.SECONDS)).isTrue();
    assertThat(run.exitValue()).as(read("err")).isZero();
    long steps = steps(metrics);
    assertThat(read("out"))
        .contains("stopping after this step and saving")
        .contains("stopped  after step " + steps + " of 1980")
        .contains("go on    ./graft train " + output + " --resume")
        .contains("adapter  " + output.resolve("adapter"));
    assertThat(output.resolve("adapter/adapter_model.safetensors")).exists();
    assertThat(output.resolve("checkpoints/step-%06d".formatted(steps))).isDirectory();
    RunConfig again = ConfigReader.read(output.resolve("config.yaml"), List.of());
    assertThat(again.training().epochs()).hasValue(99);
    assertThat(again.output()).isEqualTo(output);
  }

  @Test
  void ctrlCKeepsAComparisonsAnswersAndExitsWith130() throws Exception {
    Path model = ROOT.resolve("configs/quickstart/model");
    Path config =
        Files.writeString(
            folder.resolve("c.yaml"),
            """
            data: %s
            contestants:
              base: {kind: base, model: %s, max-tokens: 200, concurrency: 1}
              again: {kind: base, model: %s, max-tokens: 1, concurrency: 4}
            scorers: {text: rouge-l, likelihood: perplexity}
            statistics: {resamples: 100}
            output: card
            """
                .formatted(ROOT.resolve("configs/quickstart/validation.jsonl"), model, model));
    Path answers = folder.resolve("card/answers/base.jsonl");
    Process run = graft("compare", config.toString());
    long deadline = System.nanoTime() + PATIENCE.toNanos();
    while (!Files.exists(answers) || answers(answers) < 1) {
      assertThat(run.isAlive()).as(read("out") + read("err")).isTrue();
      assertThat(System.nanoTime()).isLessThan(deadline);
      Thread.sleep(20);
    }
    assertThat(new ProcessBuilder("kill", stopSignal(), "" + run.pid()).start().waitFor()).isZero();

    assertThat(run.waitFor(PATIENCE.toSeconds(), TimeUnit.SECONDS)).isTrue();
    assertThat(run.exitValue()).as(read("err")).isEqualTo(130);
    long kept = answers(answers);
    assertThat(kept).isBetween(1L, 39L);
    assertThat(read("out")).contains("stopped; what was answered is kept in card");
    assertThat(folder.resolve("card/scorecard.json")).doesNotExist();

    run = graft("compare", config.toString(), "--set", "contestants.base.concurrency=16");
    assertThat(run.waitFor()).as(read("err")).isZero();
    assertThat(read("out")).contains("base: %d to answer, %d kept".formatted(40 - kept, kept));
    assertThat(answers(answers)).isEqualTo(40);
    assertThat(folder.resolve("card/scorecard.html")).exists();
  }

  private static long answers(Path file) throws IOException {
    try (Stream<String> lines = Files.lines(file)) {
      return lines.filter(line -> line.startsWith("{\"id\"")).count();
    }
  }

  @Test
  void generateWritesTheTextAndNothingElse() throws Exception {
    String base = ROOT.resolve("configs/quickstart/model").toString();
    Process run =
        graft("generate", "--base", base, "--prompt", "A note", "--max-tokens", "3", "--quiet-not");
    assertThat(run.waitFor()).isEqualTo(2);
    assertThat(read("out")).isEmpty();

    run = graft("generate", "--base", base, "--prompt", "A note", "--max-tokens", "3");
    assertThat(run.waitFor()).as(read("err")).isZero();
    assertThat(read("out")).isNotEmpty().doesNotContain("A note").hasSizeLessThan(60);
  }

  /**
   * What Ctrl-C sends; or SIGTERM, which stops a run alike, where this very process was started
   * with SIGINT ignored, as shells start what runs in the background: children inherit that, and
   * Java leaves an ignored SIGINT alone.
   */
  private static String stopSignal() throws IOException {
    Path status = Path.of("/proc/self/status");
    if (!Files.exists(status)) {
      return "-INT";
    }
    String ignored =
        Files.readAllLines(status).stream()
            .filter(line -> line.startsWith("SigIgn:"))
            .map(line -> line.substring("SigIgn:".length()).strip())
            .findFirst()
            .orElse("0");
    boolean interruptIsIgnored = (Long.parseUnsignedLong(ignored, 16) & 1L << (SIGINT - 1)) != 0;
    return interruptIsIgnored ? "-TERM" : "-INT";
  }

  private static String recipe() {
    return ROOT.resolve("configs/quickstart.yaml").toString();
  }

  private static long steps(Path metrics) throws IOException {
    try (Stream<String> lines = Files.lines(metrics)) {
      return lines.filter(line -> line.startsWith("{\"kind\":\"step\"")).count();
    }
  }

  private String read(String stream) throws IOException {
    return Files.readString(folder.resolve(stream));
  }

  private Process graft(String... arguments) throws IOException {
    return GraftProcess.start(folder, GraftProcess.command(arguments));
  }
}
