package dev.graft.trainer.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.graft.trainer.console.Console;
import dev.graft.trainer.runs.EvaluationMetrics;
import dev.graft.trainer.runs.Metrics;
import dev.graft.trainer.runs.Sample;
import dev.graft.trainer.runs.StepMetrics;
import dev.graft.trainer.runs.StopSignal;
import dev.graft.trainer.runs.tensorboard.TensorBoard;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Event files, read by a reader that shares no code with what writes them. */
class TensorBoardTest {

  private static final Path READER = Path.of("src/test/python/read_events.py");

  @TempDir Path folder;
  private SmallRun small;

  @BeforeEach
  void writeInputs() throws IOException {
    small = new SmallRun(folder);
  }

  private static List<JsonNode> events(Path folder) throws Exception {
    Path module = Path.of(System.getProperty("graft.root", "..")).resolve("trainer");
    Path out = Files.createTempFile(folder.getParent(), "events", ".jsonl");
    Process python;
    try {
      python =
          new ProcessBuilder("python3", module.resolve(READER).toString(), folder.toString())
              .redirectOutput(out.toFile())
              .redirectErrorStream(true)
              .start();
    } catch (IOException e) {
      assumeTrue(false, "no python3 on this machine: event files are not read back");
      throw e;
    }
    assertThat(python.waitFor()).as(Files.readString(out)).isZero();
    var events = new ArrayList<JsonNode>();
    for (String line : Files.readAllLines(out, StandardCharsets.UTF_8)) {
      events.add(JsonMapper.shared().readTree(line));
    }
    return events;
  }

  /** Tag and step to value, as TensorBoard shows them: a START forgets its step and later ones. */
  private static Map<String, Float> shown(List<JsonNode> events) {
    var shown = new TreeMap<String, Float>();
    for (JsonNode event : events) {
      int step = event.get("step").intValue();
      if (event.path("session_status").asInt(0) == 1) {
        shown.keySet().removeIf(key -> stepOf(key) >= step);
      }
      for (JsonNode value : event.path("values")) {
        if (value.has("simple_value")) {
          String key = value.get("tag").asString() + " " + step;
          assertThat(shown).as("written once").doesNotContainKey(key);
          shown.put(key, value.get("simple_value").floatValue());
        }
      }
    }
    return shown;
  }

  private static int stepOf(String key) {
    return Integer.parseInt(key.substring(key.lastIndexOf(' ') + 1));
  }

  private static Map<String, Float> expected(Path run) {
    var expected = new TreeMap<String, Float>();
    Metrics metrics = Metrics.read(run.resolve("metrics.jsonl"));
    for (StepMetrics step : metrics.steps()) {
      expected.put("train/loss " + step.step(), (float) step.loss());
      expected.put("train/learning_rate " + step.step(), (float) step.learningRate());
      expected.put("train/grad_norm " + step.step(), (float) step.gradNorm());
      expected.put("train/tokens_per_second " + step.step(), (float) step.tokensPerSecond());
      expected.put("train/epoch " + step.step(), (float) step.epoch());
    }
    for (EvaluationMetrics evaluation : metrics.evaluations()) {
      expected.put("validation/loss " + evaluation.step(), (float) evaluation.loss());
      expected.put("validation/perplexity " + evaluation.step(), (float) evaluation.perplexity());
    }
    return expected;
  }

  private void run(RunStart start, StopSignal stop, String... settings) throws IOException {
    var all = new ArrayList<>(List.of(settings));
    all.add("logging.tensorboard=true");
    LoraFinetuning.run(
        small.config("run", all.toArray(String[]::new)), start, Console.silent(), stop);
  }

  private long files() throws IOException {
    try (Stream<Path> files = Files.list(small.output("run").resolve("tensorboard"))) {
      return files.count();
    }
  }

  @Test
  void aRunIsWrittenAsItsMetrics() throws Exception {
    run(RunStart.NEW, new StopSignal());
    List<JsonNode> events = events(small.output("run").resolve("tensorboard"));
    assertThat(events.getFirst().get("file_version").asString()).isEqualTo("brain.Event:2");
    assertThat(shown(events)).hasSizeGreaterThan(60).isEqualTo(expected(small.output("run")));
    assertThat(events)
        .allSatisfy(event -> assertThat(event.get("wall_time").doubleValue()).isGreaterThan(1.7e9));
  }

  @Test
  void aRunThatGoesOnForgetsTheStepsThatItDoesAgain() throws Exception {
    // The end at step 7 has a checkpoint; without it the run goes on from step 5.
    run(RunStart.NEW, new StopSignal(), "training.max-steps=7");
    dev.graft.modelio.AsideFolder.deleteTree(
        small.output("run").resolve("checkpoints/step-000007"));
    run(RunStart.RESUME, new StopSignal());

    assertThat(files()).isEqualTo(2);
    List<JsonNode> events = events(small.output("run").resolve("tensorboard"));
    assertThat(events)
        .filteredOn(event -> event.has("session_status"))
        .singleElement()
        .satisfies(event -> assertThat(event.get("step").intValue()).isEqualTo(6));
    assertThat(shown(events)).isEqualTo(expected(small.output("run")));

    run(RunStart.OVERWRITE, new StopSignal(), "training.max-steps=1");
    assertThat(files()).isEqualTo(1);
  }

  @Test
  void withoutTheKeyThereAreNone() throws IOException {
    SmallRun.run(small.config("run"));
    assertThat(small.output("run").resolve("tensorboard")).doesNotExist();
  }

  @Test
  void samplesAreTexts() throws Exception {
    Path events = folder.resolve("tensorboard");
    try (var board = new TensorBoard(events)) {
      board.begin(OptionalInt.empty());
      board.sample(
          new Sample(3, 0.5, 1, "my_data.jsonl line 2", "a\n```\nb", "é", "<b>", "# no heading"));
    }
    JsonNode value = events(events).get(1).get("values").get(0);
    assertThat(value.get("tag").asString()).isEqualTo("samples/1");
    assertThat(value.get("plugin").asString()).isEqualTo("text");
    assertThat(value.get("dtype").intValue()).isEqualTo(7);
    assertThat(value.get("shape").get(0).intValue()).isEqualTo(1);
    assertThat(value.get("data_class").intValue()).isEqualTo(2);
    assertThat(value.get("text").asString())
        .contains(
            "**my\\_data.jsonl line 2**", "    a\n    ```\n    b", "    é", "    # no heading");
  }
}
