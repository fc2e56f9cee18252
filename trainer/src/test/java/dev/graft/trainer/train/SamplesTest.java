package dev.graft.trainer.train;

import static org.assertj.core.api.Assertions.assertThat;

import dev.graft.tokenizer.Origin;
import dev.graft.tokenizer.TokenSequence;
import dev.graft.trainer.config.ConfigReader;
import dev.graft.trainer.config.RunConfig;
import dev.graft.trainer.console.Console;
import dev.graft.trainer.generate.Generator;
import dev.graft.trainer.generate.Sampler;
import dev.graft.trainer.runs.StopSignal;
import dev.graft.trainer.runtime.BaseModel;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Validation examples that are answered while the run goes on, on the quickstart's model. */
class SamplesTest {

  private static final Path ROOT = Path.of(System.getProperty("graft.root", "..")).toAbsolutePath();

  @TempDir Path folder;

  private RunConfig config(String output, String... more) {
    List<String> settings = new ArrayList<>();
    settings.add("output=" + folder.resolve(output));
    settings.add("training.max-steps=4");
    settings.add("evaluation.every=2");
    settings.add("evaluation.samples=2");
    settings.add("evaluation.sample-tokens=12");
    settings.add("precision=f32");
    settings.addAll(List.of(more));
    return ConfigReader.read(ROOT.resolve("configs/quickstart.yaml"), settings);
  }

  private List<JsonNode> lines(String output) throws IOException {
    List<JsonNode> lines = new ArrayList<>();
    for (String line : Files.readAllLines(folder.resolve(output).resolve("samples.jsonl"))) {
      lines.add(JsonMapper.shared().readTree(line));
    }
    return lines;
  }

  private static String answer(RunConfig config, Optional<Path> adapter, String prompt) {
    try (BaseModel base = RunSetup.openBase(config)) {
      var text = new StringBuilder();
      new Generator(base, adapter)
          .generate(
              base.tokenizer().encode(prompt), Sampler.greedy(), 12, text::append, () -> false);
      return text.toString();
    }
  }

  @Test
  void everyEvaluationAnswersTheSamePrompts() throws IOException {
    RunConfig config = config("run");
    RunResult result = LoraFinetuning.run(config, RunStart.NEW, Console.silent(), new StopSignal());
    List<JsonNode> lines = lines("run");
    assertThat(lines)
        .extracting(line -> line.get("step").intValue())
        .containsExactly(0, 0, 2, 2, 4, 4);
    for (int i = 0; i < 2; i++) {
      JsonNode first = lines.get(i);
      JsonNode last = lines.get(4 + i);
      assertThat(first.get("adapter")).as("B is zero").isEqualTo(first.get("base"));
      assertThat(last.get("base")).isEqualTo(first.get("base"));
      assertThat(last.get("prompt")).isEqualTo(first.get("prompt"));
      assertThat(last.get("row").stringValue()).endsWith("validation.jsonl line " + (i + 1));
      assertThat(last.get("expected").stringValue()).startsWith("{");
      assertThat(last.get("adapter").stringValue()).isNotEqualTo(last.get("base").stringValue());
    }
    // The same as generate would answer, with the adapter that was saved at this step.
    assertThat(result.resultStep()).isEqualTo(4);
    String prompt = lines.get(4).get("prompt").stringValue();
    assertThat(answer(config, Optional.empty(), prompt))
        .isEqualTo(lines.get(4).get("base").stringValue());
    assertThat(answer(config, Optional.of(result.result()), prompt))
        .isEqualTo(lines.get(4).get("adapter").stringValue());
  }

  @Test
  void thePlanHasWhatAnsweringAllocates() {
    RunConfig config = config("plan", "evaluation.samples=7");
    try (BaseModel base = RunSetup.openBase(config)) {
      RunSetup setup = new RunSetup(config, base, Console.silent());
      TrainingData data = setup.readData(false);
      MemoryNeed need = setup.planning(data).memoryNeed();
      TrainedModel made = setup.trained();
      long before = base.kernels().allocatedBytes();

      assertThat(setup.samples(data, made)).isPresent();

      long answering = base.kernels().allocatedBytes() - before;
      assertThat(need.memory().classes()).containsEntry("answering validation examples", answering);
      assertThat(need.options())
          .contains(
              new RunEstimate.Option(
                  "evaluation.samples=0",
                  need.memory().peak() - answering,
                  "no slower; no validation examples are answered"));
    }
    RunConfig without = config("plan", "evaluation.samples=0");
    try (BaseModel base = RunSetup.openBase(without)) {
      RunSetup setup = new RunSetup(without, base, Console.silent());
      assertThat(setup.planning(setup.readData(false)).memoryNeed().memory().classes())
          .doesNotContainKey("answering validation examples");
    }
  }

  @Test
  void aRunThatGoesOnHasTheSameLines() throws IOException {
    LoraFinetuning.run(config("whole"), RunStart.NEW, Console.silent(), new StopSignal());
    LoraFinetuning.run(
        config("parts", "early-stopping.target-loss=100"),
        RunStart.NEW,
        Console.silent(),
        new StopSignal());
    assertThat(lines("parts")).hasSize(4);
    LoraFinetuning.run(config("parts"), RunStart.RESUME, Console.silent(), new StopSignal());
    assertThat(lines("parts")).isEqualTo(lines("whole"));
  }

  @Test
  void anExampleIsCutBeforeItsLastAnswer() {
    boolean[] twoAnswers = {false, false, true, true, false, false, true, true, true, false};
    boolean[] none = {false, false};
    boolean[] all = {true, true};
    assertThat(ValidationSamples.answerStart(example(twoAnswers))).isEqualTo(6);
    assertThat(ValidationSamples.answerStart(example(none))).isZero();
    assertThat(ValidationSamples.answerStart(example(all))).isZero();
  }

  private static TokenSequence example(boolean[] target) {
    return new TokenSequence(new int[target.length], target, Origin.MEMORY);
  }
}
