package dev.graft.trainer.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.graft.modelio.checkpoint.Checkpoint;
import dev.graft.trainer.config.ConfigReader;
import dev.graft.trainer.config.Method;
import dev.graft.trainer.config.RunConfig;
import dev.graft.trainer.config.UserException;
import dev.graft.trainer.console.Console;
import dev.graft.trainer.full.FullWeights;
import dev.graft.trainer.model.Dropout;
import dev.graft.trainer.model.EmbeddingNoise;
import dev.graft.trainer.model.StackedRanks;
import dev.graft.trainer.model.TokenBatch;
import dev.graft.trainer.model.TrainingPass;
import dev.graft.trainer.runs.StopSignal;
import dev.graft.trainer.runtime.BaseModel;
import dev.graft.trainer.runtime.Meanwhile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Runs of {@code method: full}; how they go on after a break is with all other breaks. */
class FullFinetuningTest {

  private static final Path ROOT = Path.of(System.getProperty("graft.root", ".."));

  @TempDir Path folder;
  private SmallRun small;

  @BeforeEach
  void writeInputs() throws IOException {
    small = new SmallRun(folder);
  }

  private RunConfig config(String output, String... overrides) throws IOException {
    List<String> all = new ArrayList<>(List.of("method=full", "lora.rank=null"));
    all.addAll(List.of(overrides));
    return small.config(output, all.toArray(String[]::new));
  }

  @Test
  void theResultIsACheckpointThatSaysWhatTheRunSays() throws IOException {
    RunResult result = SmallRun.run(config("run", "evaluation.every=4"));

    assertThat(result.finalLoss().orElseThrow()).isLessThan(0.7 * result.baseLoss().orElseThrow());
    assertThat(result.result()).isEqualTo(small.output("run").resolve("model"));
    assertThat(names(small.output("run")))
        .contains("checkpoints", "config.yaml", "data.json", "metrics.jsonl", "model")
        .doesNotContain("adapter");
    assertThat(names(result.result())).containsAll(names(small.base()));
    // Rounded to the base's bfloat16 it is another model, but not by much.
    RunResult next = SmallRun.run(small.config("next", "base=" + result.result()));
    double loss = result.finalLoss().orElseThrow();
    assertThat(next.baseLoss().orElseThrow()).isCloseTo(loss, within(0.01 * loss));
  }

  private static List<String> names(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.map(file -> String.valueOf(file.getFileName())).sorted().toList();
    }
  }

  /** A result of an earlier step is that step's, although training went on. */
  @Test
  void theBestIsTheResult() throws IOException {
    RunResult result =
        SmallRun.run(config("run", "evaluation.every=2", "training.learning-rate=0.3"));
    RunResult best =
        SmallRun.run(
            config(
                "best",
                "evaluation.every=2",
                "training.learning-rate=0.3",
                "training.schedule=constant",
                "training.warmup-ratio=0.5"));
    int step = Math.min(result.resultStep(), best.resultStep());
    RunResult chosen = step == result.resultStep() ? result : best;
    assertThat(chosen.resultStep()).as("a rate that spoils what it began").isLessThan(12);
    try (BaseModel base = RunSetup.openBase(config("again"));
        Checkpoint written = Checkpoint.open(chosen.result())) {
      FullWeights weights = FullWeights.of(base.checkpoint(), base.kernels());
      Path checkpoint =
          chosen.result().resolveSibling("checkpoints/step-%06d".formatted(chosen.resultStep()));
      SavedState.restoreParameters(checkpoint, weights);
      Path expected = Files.createDirectory(folder.resolve("expected"));
      weights.writeResult(expected);
      for (Path file : written.files()) {
        assertThat(file).hasSameBinaryContentAs(expected.resolve(file.getFileName()));
      }
    }
  }

  /** The quickstart's model and notes. */
  @Test
  void aRealDataSetIsLearned() {
    RunConfig config =
        ConfigReader.read(
            ROOT.resolve("configs/quickstart-full.yaml"),
            List.of(
                "training.epochs=null",
                "training.max-steps=12",
                "output=" + folder.resolve("run")));
    RunResult result = SmallRun.run(config);
    assertThat(result.finalLoss().orElseThrow()).isLessThan(0.8 * result.baseLoss().orElseThrow());
    assertThat(result.result().resolve("tokenizer.json")).exists();
    assertThat(result.result().resolve("chat_template.jinja")).exists();
    assertThat(result.result().resolve("README.md")).as("the base's card").doesNotExist();
  }

  @Test
  void aFolderOfThatNameThatIsNoResultIsLeftAlone() throws IOException {
    Path mine = Files.createDirectories(small.output("run").resolve("model"));
    Files.writeString(mine.resolve("config.json"), "mine");
    assertThatThrownBy(() -> SmallRun.run(config("run")))
        .isInstanceOf(UserException.class)
        .hasMessageContaining("choose another output");
    SmallRun.run(small.config("run", "training.max-steps=1")); // an adapter goes elsewhere
    LoraFinetuning.run(
        small.config("run", "training.max-steps=1"),
        RunStart.OVERWRITE,
        Console.silent(),
        new StopSignal());
    assertThat(mine.resolve("config.json")).hasContent("mine");
  }

  @Test
  void aResultIsReplacedWithItsRun() throws IOException {
    SmallRun.run(config("run", "training.max-steps=2"));
    RunConfig lora = small.config("run", "training.max-steps=1");
    assertThatThrownBy(() -> SmallRun.run(lora)).isInstanceOf(UserException.class);
    LoraFinetuning.run(lora, RunStart.OVERWRITE, Console.silent(), new StopSignal());
    assertThat(names(small.output("run"))).contains("adapter").doesNotContain("model");
  }

  @Test
  void whatDoesNotFitIsRefusedWithTheAdviceToTrainAnAdapter() throws IOException {
    RunConfig config = config("run");
    try (BaseModel base = RunSetup.openBase(config)) {
      RunSetup setup = new RunSetup(config, base, Console.silent());
      MemoryNeed need = setup.planning(setup.readData(false)).memoryNeed();
      long weights = base.checkpoint().parameters();
      // Two moments, gradient and master, four bytes each; the base's own are not loaded.
      assertThat(need.memory().parameters()).isEqualTo(4 * weights);
      assertThat(need.memory().gradients()).isEqualTo(4 * weights);
      assertThat(need.memory().optimizer()).isEqualTo(8 * weights);
      assertThat(need.memory().baseCopies()).isZero();
      long asAdapter =
          need.options().stream()
              .filter(option -> option.setting().equals("method=lora"))
              .findFirst()
              .orElseThrow()
              .peak();
      assertThat(asAdapter).isLessThan(need.memory().peak());
      MemoryNeed tight =
          new MemoryNeed(
              need.memory(),
              OptionalLong.of(asAdapter),
              OptionalLong.of(asAdapter),
              Meanwhile.done(
                  need.options().stream()
                      .filter(it -> it.setting().startsWith("method"))
                      .toList()));
      assertThatThrownBy(() -> tight.check(Console.silent()))
          .isInstanceOf(UserException.class)
          .hasMessageContaining("--set method=lora");
    }
  }

  @Test
  void settingsOfAnAdapterAreRefused() throws IOException {
    assertThatThrownBy(() -> small.config("run", "method=full"))
        .isInstanceOf(UserException.class)
        .hasMessageContaining("run.yaml")
        .hasMessageContaining("lora.rank: there is no adapter with method: full");
    RunConfig config = config("run", "training.learning-rate=null");
    assertThat(config.method()).isEqualTo(Method.FULL);
    assertThat(config.training().learningRate()).isEqualTo(2e-5);
    assertThat(config.toYaml()).doesNotContain("lora:").contains("method: full");
    assertThat(ConfigReader.fromText(config.toYaml(), "again", List.of())).isEqualTo(config);
    assertThat(small.config("run").method()).isEqualTo(Method.LORA);
  }

  /** NEFTune's formula, drawn here by hand from the embedding that went in. */
  @Test
  void noiseIsOnTheEmbeddingsOfTrainingOnly() throws IOException {
    RunConfig config = config("run");
    try (BaseModel base = RunSetup.openBase(config)) {
      FullWeights weights = FullWeights.of(base.checkpoint(), base.kernels());
      TrainingPass pass = weights.model().trainingPass(32, StackedRanks.NONE, false);
      TokenBatch batch =
          TokenBatch.of(
              List.of(
                  new TokenBatch.Sequence(
                      new int[] {1, 2, 3, 4}, new boolean[] {false, true, true, true}),
                  new TokenBatch.Sequence(new int[] {7, 5, 9}, new boolean[] {false, true, true})));
      double plain = pass.lossAndGradient(batch, 1, Dropout.OFF);
      assertThat(pass.lossAndGradient(batch, 1, Dropout.OFF, new EmbeddingNoise(0, 5, 3)))
          .isEqualTo(plain);
      double noisy = pass.lossAndGradient(batch, 1, Dropout.OFF, new EmbeddingNoise(5, 5, 3));
      assertThat(noisy).isNotEqualTo(plain);
      assertThat(pass.lossAndGradient(batch, 1, Dropout.OFF, new EmbeddingNoise(5, 5, 3)))
          .as("drawn, not stored")
          .isEqualTo(noisy);
      assertThat(pass.lossAndGradient(batch, 1, Dropout.OFF, new EmbeddingNoise(5, 5, 4)))
          .isNotEqualTo(noisy);
      assertThat(pass.loss(batch)).as("evaluation").isEqualTo(plain);
    }
  }
}
