package dev.graft.trainer.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.graft.modelio.ModelIoException;
import dev.graft.modelio.checkpoint.Checkpoint;
import dev.graft.modelio.peft.PeftAdapter;
import dev.graft.tokenizer.DataException;
import dev.graft.trainer.config.ConfigReader;
import dev.graft.trainer.config.RunConfig;
import dev.graft.trainer.config.UserException;
import dev.graft.trainer.console.Console;
import dev.graft.trainer.runs.StopSignal;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Whole runs on {@link SmallRun}. */
class LoraFinetuningTest {

  @TempDir Path folder;
  private SmallRun small;
  private Path data;

  @BeforeEach
  void writeInputs() throws IOException {
    small = new SmallRun(folder);
    data = small.data();
  }

  private RunConfig config(String output, String... overrides) throws IOException {
    return small.config(output, overrides);
  }

  private static RunResult run(RunConfig config) {
    return SmallRun.run(config);
  }

  @Test
  void learnsAndLeavesARunsFolder() throws IOException {
    RunResult result = run(config("run"));
    assertThat(result.steps()).isEqualTo(12);
    assertThat(result.finalLoss().orElseThrow()).isLessThan(0.9 * result.baseLoss().orElseThrow());
    try (Checkpoint base = Checkpoint.open(folder.resolve("base"))) {
      PeftAdapter adapter = PeftAdapter.read(result.result(), base.config());
      assertThat(adapter.weights()).hasSize(14);
      assertThat(adapter.config().rank()).isEqualTo(4);
    }
    assertThat(names(folder.resolve("run")))
        .containsExactlyInAnyOrder(
            "adapter",
            "checkpoints",
            "config.yaml",
            "data.json",
            "metrics.jsonl",
            "report.html",
            "run.json");
    assertThat(names(folder.resolve("run/checkpoints")))
        .containsExactlyInAnyOrder("step-000010", "step-000012");
  }

  @Test
  void warnsBeforeItLearnsWhatACommercialModelWrote() throws IOException {
    Files.writeString(
        data, Files.readString(data).replaceFirst("\\{", "{\"source\":\"claude-3-opus\","));
    var out = new ByteArrayOutputStream();
    var err = new ByteArrayOutputStream();
    var console =
        new Console(new PrintStream(out), new PrintStream(err), false, false, System::nanoTime);

    LoraFinetuning.run(
        config("run", "training.max-steps=1"), RunStart.NEW, console, new StopSignal());

    assertThat(err.toString(StandardCharsets.UTF_8))
        .contains("warning: 1 conversation names a commercial model as its source (claude-3-opus)");
    assertThat(folder.resolve("run/data.json")).content().contains("\"claude-3-opus\":1");
  }

  @Test
  void metricsHaveTheirKeys() throws IOException {
    run(config("run"));
    List<JsonNode> lines = new ArrayList<>();
    for (String line : Files.readAllLines(folder.resolve("run/metrics.jsonl"))) {
      lines.add(JsonMapper.shared().readTree(line));
    }
    List<JsonNode> steps =
        lines.stream().filter(l -> l.get("kind").asString().equals("step")).toList();
    assertThat(steps).hasSize(12);
    assertThat(steps.getFirst().propertyNames())
        .containsExactly(
            "kind",
            "step",
            "epoch",
            "loss",
            "grad_norm",
            "learning_rate",
            "target_tokens",
            "tokens",
            "tokens_per_second");
    assertThat(steps.getFirst().get("step").intValue()).isEqualTo(1);
    assertThat(lines.getFirst().get("kind").asString()).isEqualTo("evaluation");
  }

  @Test
  void theSameConfigGivesTheSameAdapterBitByBit() throws IOException {
    Path one = run(config("one", "lora.dropout=0.1")).result();
    Path other = run(config("other", "lora.dropout=0.1")).result();
    assertThat(one.resolve("adapter_model.safetensors"))
        .hasSameBinaryContentAs(other.resolve("adapter_model.safetensors"));
  }

  @Test
  void aSecondRunTakesTheTokensOfTheFirst() throws IOException {
    assertThat(said(config("run")))
        .noneMatch(line -> line.contains("of an earlier run"))
        .anyMatch(line -> line.contains("held out for validation: 6 of 31 rows"));
    Path cache = folder.resolve(TrainingData.CACHE);
    List<String> files = names(cache);
    assertThat(files).singleElement().asString().endsWith(".tokens");

    assertThat(said(config("run2")))
        .anyMatch(line -> line.contains("tokens of an earlier run on the same data: " + cache))
        .anyMatch(line -> line.contains("held out for validation: 6 of 31 rows"));
    for (String file : List.of("metrics.jsonl", "data.json", "adapter/adapter_model.safetensors")) {
      assertThat(content(folder.resolve("run2").resolve(file)))
          .isEqualTo(content(folder.resolve("run").resolve(file)));
    }

    Path tokens = cache.resolve(files.getFirst());
    byte[] damaged = Files.readAllBytes(tokens);
    damaged[damaged.length / 2] ^= 1;
    Files.write(tokens, damaged);
    assertThat(said(config("run3")))
        .anyMatch(line -> line.contains("is damaged or incomplete; the tokens are made again"));
    assertThat(content(folder.resolve("run3/data.json")))
        .isEqualTo(content(folder.resolve("run/data.json")));
    assertThat(names(cache)).isEqualTo(files);
  }

  @Test
  void aSecondRunSaysHowConversationsAreLaidOutToo() throws IOException {
    String prefix = "data     chat format: ";
    List<String> first = said(quickstart("run"));
    assertThat(first).filteredOn(line -> line.startsWith(prefix)).hasSize(1);
    assertThat(said(quickstart("run2")))
        .anyMatch(line -> line.contains("tokens of an earlier run on the same data"))
        .filteredOn(line -> line.startsWith(prefix))
        .containsExactlyElementsOf(first.stream().filter(line -> line.startsWith(prefix)).toList());
  }

  private RunConfig quickstart(String output) {
    return ConfigReader.read(
        Path.of(System.getProperty("graft.root", ".."), "configs/quickstart.yaml"),
        List.of(
            "output=" + folder.resolve(output), "training.max-steps=1", "training.batch-size=1"));
  }

  @Test
  void otherDataOrOptionsAreTokenizedAnew() throws IOException {
    run(config("run", "data.max-length=20"));
    assertThat(said(config("run2"))).noneMatch(line -> line.contains("of an earlier run"));
    Files.writeString(data, SmallRun.rows(30));
    assertThat(said(config("run3"))).noneMatch(line -> line.contains("of an earlier run"));
    assertThat(names(folder.resolve(TrainingData.CACHE))).hasSize(3);
    assertThat(said(config("run4", "data.cache=false")))
        .noneMatch(line -> line.contains("of an earlier run"));
    assertThat(names(folder.resolve(TrainingData.CACHE))).hasSize(3);
  }

  @Test
  void dataJsonNamesTheRowsOfBothSides() throws IOException {
    run(config("run"));
    JsonNode materials =
        JsonMapper.shared().readTree(Files.readString(folder.resolve("run/data.json")));
    List<Integer> lines = new ArrayList<>();
    for (String side : List.of("train", "validation")) {
      JsonNode file = materials.get(side).get(0);
      assertThat(file.get("file").stringValue()).isEqualTo(data.toString());
      assertThat(file.get("sha256").stringValue()).hasSize(64);
      assertThat(file.get("format").stringValue()).isEqualTo("tokens");
      assertThat(file.get("rows")).hasSize(side.equals("train") ? 25 : 6);
      file.get("rows").forEach(row -> lines.add(row.get("line").intValue()));
    }
    assertThat(lines).hasSize(31).doesNotHaveDuplicates();
  }

  @Test
  void sourcesAreDrawnByTheirWeights() throws IOException {
    Path other = folder.resolve("other.jsonl");
    Files.writeString(other, SmallRun.rows(10));
    List<String> said =
        said(
            config(
                "run",
                "data.train=[{path: " + data + ", weight: 0.5}, {path: " + other + ", weight: 2}]",
                "data.validation-split=null"));
    assertThat(said)
        .anyMatch(line -> line.contains("data.jsonl: 31 examples x 0.5 = 16 an epoch (44.4 %"))
        .anyMatch(line -> line.contains("other.jsonl: 10 examples x 2.0 = 20 an epoch (55.6 %"))
        .anyMatch(line -> line.contains("6 steps an epoch"));
  }

  @Test
  void rowsThatAreAlikeAreNotSplit() throws IOException {
    Files.writeString(data, SmallRun.rows(1).repeat(5));
    assertThatThrownBy(() -> run(config("run")))
        .isInstanceOf(UserException.class)
        .hasMessageStartingWith("data.validation-split: The rows cannot be divided");
    assertThat(folder.resolve("run")).doesNotExist();
    assertThat(folder.resolve(TrainingData.CACHE)).doesNotExist();
  }

  private static List<String> said(RunConfig config) {
    var bytes = new ByteArrayOutputStream();
    var out = new PrintStream(bytes, true, StandardCharsets.UTF_8);
    Console console = new Console(out, out, false, false, System::nanoTime);
    LoraFinetuning.run(config, RunStart.NEW, console, new StopSignal());
    return bytes.toString(StandardCharsets.UTF_8).lines().toList();
  }

  /** What a file holds, but for the times in it. */
  private static String content(Path file) throws IOException {
    return Files.readString(file, StandardCharsets.ISO_8859_1)
        .replaceAll("\"(tokens_per_second|seconds)\":[^,}]*", "");
  }

  @Test
  void continuesFromAnAdapter() throws IOException {
    Path first = run(config("first")).result();
    RunResult second = run(config("second", "lora.init-from=" + first));
    RunResult fresh = run(config("fresh", "training.max-steps=1"));
    assertThat(second.baseLoss().orElseThrow()).isLessThan(fresh.baseLoss().orElseThrow());
  }

  @Test
  void stopSavesWhatIsThere() throws IOException {
    StopSignal stop = new StopSignal();
    stop.request();
    RunResult result = LoraFinetuning.run(config("run"), RunStart.NEW, Console.silent(), stop);
    assertThat(result.stopped()).isTrue();
    assertThat(result.result().resolve("adapter_model.safetensors")).exists();
  }

  @Test
  void aFolderThatHoldsARunIsRefusedUnlessOverwritten() throws IOException {
    run(config("run"));
    RunConfig again = config("run", "training.max-steps=1");
    assertThatThrownBy(() -> run(again))
        .isInstanceOf(UserException.class)
        .hasMessageContaining("--overwrite");
    assertThat(names(folder.resolve("run/checkpoints"))).contains("step-000012");
    LoraFinetuning.run(again, RunStart.OVERWRITE, Console.silent(), new StopSignal());
    assertThat(names(folder.resolve("run/checkpoints"))).containsExactly("step-000001");
  }

  @Test
  void badInputIsNamedAndNothingIsWritten() throws IOException {
    Files.writeString(data, SmallRun.rows(20) + "{\"input_ids\":[1,999],\"labels\":[-100,999]}\n");
    assertThatThrownBy(() -> run(config("run")))
        .isInstanceOf(UserException.class)
        .hasMessageContaining("data.jsonl line 21")
        .hasMessageContaining("999");
    Files.writeString(data, SmallRun.rows(16) + "{\"input_ids\":[1,\n");
    assertThatThrownBy(() -> run(config("run")))
        .isInstanceOf(DataException.class)
        .hasMessageContaining("line 17");
    Files.writeString(data, "");
    assertThatThrownBy(() -> run(config("run")))
        .isInstanceOf(DataException.class)
        .hasMessageContaining("empty");
    Files.writeString(data, SmallRun.rows(10));
    Path shard = shards().getLast();
    Files.delete(shard);
    assertThatThrownBy(() -> run(config("run")))
        .isInstanceOf(ModelIoException.class)
        .hasMessageContaining(shard.getFileName().toString());
    assertThat(folder.resolve("run")).doesNotExist();
  }

  private List<Path> shards() throws IOException {
    try (var files = Files.list(folder.resolve("base"))) {
      return files.filter(f -> f.toString().endsWith(".safetensors")).sorted().toList();
    }
  }

  private static List<String> names(Path folder) throws IOException {
    try (var files = Files.list(folder)) {
      return files.map(f -> f.getFileName().toString()).toList();
    }
  }
}
