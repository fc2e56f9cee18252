package dev.graft.trainer.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.entry;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ConfigReaderTest {

  private static final String MINIMAL =
      """
      base: model
      data:
        train: train.jsonl
      """;

  private static RunConfig read(String yaml, String... overrides) {
    return ConfigReader.fromText(yaml, "recipe.yaml", List.of(overrides));
  }

  @Test
  void theSmallestConfigurationHasTheDocumentedDefaults() {
    RunConfig config = read(MINIMAL);

    assertThat(config.base()).isEqualTo(Path.of("model").toAbsolutePath().toString());
    assertThat(config.data().train())
        .containsExactly(DataSource.of(Path.of("train.jsonl").toAbsolutePath().normalize()));
    assertThat(config.data().validation()).isEmpty();
    assertThat(config.data().hasValidation()).isFalse();
    assertThat(config.data().format()).isEqualTo(DataFormat.AUTO);
    assertThat(config.data().template()).isEqualTo("auto");
    assertThat(config.data().maxLength()).isEmpty();
    assertThat(config.data().packing()).isTrue();
    assertThat(config.lora().rank()).isEqualTo(16);
    assertThat(config.lora().alpha()).isEqualTo(32);
    assertThat(config.lora().dropout()).isZero();
    assertThat(config.lora().targets()).isEqualTo(LoraTargets.ALL_LINEAR);
    assertThat(config.lora().rslora()).isFalse();
    assertThat(config.lora().initFrom()).isEmpty();
    assertThat(config.training().epochs()).hasValue(3);
    assertThat(config.training().maxSteps()).isEmpty();
    assertThat(config.training().batchSize()).isEqualTo(8);
    assertThat(config.training().learningRate()).isEqualTo(2e-4);
    assertThat(config.training().schedule()).isEqualTo(Schedule.COSINE);
    assertThat(config.training().warmupRatio()).hasValue(0.03);
    assertThat(config.training().seed()).isEqualTo(42);
    assertThat(config.evaluation().every()).isEmpty();
    assertThat(config.checkpoint()).isEqualTo(new CheckpointConfig(50, 3, RunOutcome.BEST));
    assertThat(config.precision()).isEqualTo(Precision.AUTO);
    assertThat(config.output()).isEqualTo(Path.of("runs/recipe.yaml"));
  }

  @Test
  void nestedAndDottedKeysSayTheSame() {
    assertThat(read(MINIMAL + "lora.rank: 4\ntraining:\n  learning-rate: 1e-3\n"))
        .isEqualTo(read(MINIMAL + "lora: {rank: 4}\ntraining.learning-rate: 0.001\n"));
  }

  @Test
  void overridesWinAndTheLastOfThemWins() {
    RunConfig config =
        read(
            MINIMAL + "lora:\n  rank: 4\n",
            "lora.rank=8",
            "lora.rank=32",
            "lora.targets=q_proj, v_proj",
            "data.train=[a.jsonl, 'b,c.jsonl']",
            "training.epochs=0.5",
            "output=runs/a: b",
            "precision=f32");

    assertThat(config.lora().rank()).isEqualTo(32);
    assertThat(config.lora().targets()).containsExactly("q_proj", "v_proj");
    assertThat(config.data().train())
        .extracting(source -> source.files().getFirst().getFileName().toString())
        .containsExactly("a.jsonl", "b,c.jsonl");
    assertThat(config.training().epochs()).hasValue(0.5);
    assertThat(config.output()).isEqualTo(Path.of("runs/a: b"));
    assertThat(config.precision()).isEqualTo(Precision.F32);
  }

  @Test
  void sourcesWithWeights() {
    String yaml =
        """
        base: model
        data:
          train:
            - a.jsonl
            - {path: [b.csv, c.csv], weight: 0.5, columns: [prompt=Question, completion=Answer]}
            - path: d.jsonl
              weight: 3
              format: messages
        """;
    DataConfig data = read(yaml).data();
    assertThat(data.train()).extracting(DataSource::weight).containsExactly(1.0, 0.5, 3.0);
    assertThat(data.train().get(0)).isEqualTo(DataSource.of(Path.of("a.jsonl").toAbsolutePath()));
    assertThat(data.train().get(1).files()).hasSize(2);
    assertThat(data.columnsOf(data.train().get(1))).containsEntry("completion", "Answer");
    assertThat(data.formatOf(data.train().get(1))).isEqualTo(DataFormat.AUTO);
    assertThat(data.formatOf(data.train().get(2))).isEqualTo(DataFormat.MESSAGES);

    RunConfig config = read(yaml);
    assertThat(ConfigReader.fromText(config.toYaml(), "recipe.yaml", List.of())).isEqualTo(config);
    assertThat(read(MINIMAL, "data.train=[{path: a.jsonl, weight: 2}, b.jsonl]").data().train())
        .extracting(DataSource::weight)
        .containsExactly(2.0, 1.0);
  }

  @Test
  void filesOfAPattern(@TempDir Path folder) throws IOException {
    for (String name : List.of("b.jsonl", "a.jsonl", "c.txt", "deep/d.jsonl")) {
      Files.createDirectories(folder.resolve(name).getParent());
      Files.writeString(folder.resolve(name), "{}");
    }
    Path yaml = folder.resolve("run.yaml");
    Files.createDirectories(folder.resolve("model"));
    Files.writeString(yaml, "base: model\ndata:\n  train: '*.jsonl'\n");
    assertThat(ConfigReader.read(yaml, List.of()).data().train())
        .extracting(source -> folder.relativize(source.files().getFirst()).toString())
        .containsExactly("a.jsonl", "b.jsonl");
    String deep = "data.train={path: '" + folder + "/**.jsonl', weight: 0.5}";
    assertThat(ConfigReader.read(yaml, List.of(deep)).data().train())
        .singleElement()
        .satisfies(source -> {
          assertThat(source.files()).hasSize(3);
          assertThat(source.weight()).isEqualTo(0.5);
        });
    assertThatThrownBy(() -> ConfigReader.read(yaml, List.of("data.train=*.parquet")))
        .isInstanceOf(ConfigException.class)
        .hasMessageContaining("no file matches '*.parquet'");
  }

  @Test
  void nullUnsets() {
    String yaml = MINIMAL + "training:\n  max-steps: 7\n  seed: 5\n  batch-size: ~\n";

    TrainingConfig training = read(yaml, "training.max-steps=null", "training.seed=").training();

    assertThat(training.maxSteps()).isEmpty();
    assertThat(training.epochs()).hasValue(3);
    assertThat(training.seed()).isEqualTo(42);
    assertThat(training.batchSize()).isEqualTo(8);
  }

  @Test
  void defaultsGiveWayToTheirCounterparts() {
    TrainingConfig training =
        read(MINIMAL + "training:\n  max-steps: 10\n  warmup-steps: 3\n").training();

    assertThat(training.epochs()).isEqualTo(OptionalDouble.empty());
    assertThat(training.maxSteps()).isEqualTo(OptionalInt.of(10));
    assertThat(training.warmupRatio()).isEmpty();
    assertThat(training.warmupSteps(10)).isEqualTo(3);
  }

  @Test
  void aShareOfWarmupIsRoundedUp() {
    assertThat(read(MINIMAL, "training.warmup-ratio=0.1").training().warmupSteps(11)).isEqualTo(2);
    assertThat(read(MINIMAL, "training.warmup-ratio=0").training().warmupSteps(11)).isZero();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "lora.rank: 0 | recipe.yaml:4: lora.rank: is 0, has to be from 1 to 4096",
        "lora.rank: 2.5 | recipe.yaml:4: lora.rank: is 2.5, a whole number is needed",
        "lora.rank: \"8\" | recipe.yaml:4: lora.rank: is '8', a whole number is needed",
        "lora.rank: 99999999999 | recipe.yaml:4: lora.rank: is 99999999999, which is too large",
        "lora.rank: [8] | recipe.yaml:4: lora.rank: is a list, a whole number is needed",
        "lora.rank: {a: 1} | recipe.yaml:4: lora.rank: holds keys of its own",
        "lora: 8 | recipe.yaml:4: lora: is a section; it holds rank, alpha",
        "lora.rnk: 8 | recipe.yaml:4: lora.rnk: unknown key; did you mean lora.rank?",
        "rank: 8 | recipe.yaml:4: rank: unknown key; did you mean lora.rank?",
        "learning_rate: 1 | unknown key; did you mean training.learning-rate?",
        "traning: {} | recipe.yaml:4: traning: unknown key; did you mean training?",
        "training.lr: 1 | training.lr: unknown key; training holds epochs, max-steps",
        "loRA.alpha: 8 | loRA.alpha: unknown key; did you mean lora.alpha?",
        "lora.alpha: 0 | recipe.yaml:4: lora.alpha: is 0.0, has to be above 0",
        "lora.alpha: .nan | recipe.yaml:4: lora.alpha: is .nan, a finite number is needed",
        "lora.alpha: 1e999 | a finite number is needed",
        "lora.dropout: 1 | recipe.yaml:4: lora.dropout: is 1.0, has to be in [0, 1)",
        "lora.plus-ratio: 0 | recipe.yaml:4: lora.plus-ratio: is 0.0, has to be above 0",
        "lora.targets: q_poj | 'q_poj' is not a target module; did you mean q_proj?",
        "lora.targets: [] | recipe.yaml:4: lora.targets: names no module",
        "lora.targets: [.*q_proj, v_proj] | '.*q_proj' is a regular expression, which stands alone",
        "lora.targets: (q_proj | lora.targets: '(q_proj' is not a regular expression: Unclosed",
        "lora.targets: [mlp.up_poj] | 'mlp.up_poj' is not a target module; did you mean up_proj?",
        "lora.layers: [3-1] | lora.layers: is '3-1', numbers from 0, and ranges like 0-3",
        "lora.layers: -1 | lora.layers: is -1, numbers from 0",
        "lora: {layers: 1, targets: .*q_proj} | lora.layers: and a regular expression as",
        "lora.rank-pattern: 8 | lora.rank-pattern: is 8, keys with numbers are needed",
        "lora.rank-pattern: {q_proj: 0} | lora.rank-pattern: q_proj: is 0, has to be from 1",
        "lora.rank-pattern: {q_proj: a} | lora.rank-pattern: is 'a', a whole number is needed",
        "lora.rank-pattern: {(: 8} | lora.rank-pattern: '(' is not a regular expression",
        "lora.alpha-pattern: {q_proj: -1} | lora.alpha-pattern: q_proj: is -1.0, has to be above 0",
        "lora.rslora: yes | recipe.yaml:4: lora.rslora: is 'yes', write true or false",
        "lora.init-from: 7 | is 7, text is needed; if that is its name, put it in quotes",
        "training.epochs: 0 | recipe.yaml:4: training.epochs: is 0.0, has to be above 0",
        "training.schedule: cosin | one of constant, linear, cosine, cosine-restarts, polynomial, wsd; did you mean cosine?",
        "training.schedule-cycles: 2 | has an effect with training.schedule: cosine-restarts only",
        "training: {schedule: linear, schedule-power: 1} | with training.schedule: polynomial only",
        "training: {schedule: cosine-restarts, schedule-cycles: 0} | is 0, has to be from 1 to",
        "training: {schedule: polynomial, schedule-power: 0} | is 0.0, has to be above 0",
        "training: {schedule: wsd, decay-ratio: 1.5} | is 1.5, has to be above 0 and at most 1",
        "training.decay-ratio: 0.5 | has an effect with training.schedule: wsd only; remove it",
        "training.decay-shape: linear | has an effect with training.schedule: wsd only; remove it",
        "training.min-learning-rate-ratio: 2 | is 2.0, has to be from 0 to 1",
        "training: {schedule: constant, min-learning-rate-ratio: 0.1} | has no effect with",
        "training.optimizer: adam | one of adamw, amsgrad, nadam, adabelief, rmsprop, sgd, lion; did",
        "training.momentum: 0.9 | has an effect with training.optimizer: sgd only; remove it",
        "training: {optimizer: lion, epsilon: 1.0e-8} | recipe.yaml:4: training.epsilon: has an",
        "training: {optimizer: rmsprop, beta1: 0.5} | adamw, amsgrad, nadam, adabelief, lion only",
        "training.beta2: 1 | training.beta2: is 1.0, has to be at least 0 and below 1",
        "training.epsilon: 0 | training.epsilon: is 0.0, has to be from 1.0E-30 to 1",
        "training.nesterov: true | needs training.optimizer: sgd and a training.momentum above 0",
        "training: {optimizer: sgd, momentum: 0, nesterov: true} | needs training.optimizer: sgd",
        "training.learning-rate: -1 | has to be above 0",
        "training: {warmup-steps: 1, warmup-ratio: 0.1} | cannot go together with",
        "data.validation: [{path: x, weight: 0}] | the source's weight: is 0.0, has to be above 0",
        "data.validation: [{path: x, wieght: 2}] | unknown key 'wieght' of a source; did you mean",
        "data.validation: [{weight: 2}] | a source without a path; write path: FILE",
        "data.validation: {path: x, format: jsonl} | the source's format: is 'jsonl', one of auto",
        "data.validation: {path: x, columns: [a]} | the source's columns: 'a' is not name=column",
        "data.validation: {path: x, path: y} | path",
        "data.validation: [{path: x, weight: 2}] | has a source with a weight",
        "data.validation-split: 1 | data.validation-split: 1.0 is not between 0 and 1",
        "data.max-length: 1 | has to be at least 2",
        "base: other | recipe.yaml:4: base: is set a second time; the first is at recipe.yaml:1",
        "data.train: x | recipe.yaml:4: data.train: is set a second time; the first is at",
        "output: '' | recipe.yaml:4: output: is empty",
        "device: gpu | one of auto, cpu, cuda",
        "kernels: *k | is an alias",
        "'output: [a' | is not YAML",
        "--- | a second document starts here",
      })
  void mistakesInTheFileAreNamed(String line, String message) {
    assertThatThrownBy(() -> read(MINIMAL + line + "\n"))
        .isInstanceOf(ConfigException.class)
        .hasMessageContaining(message);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "lora.rnk=8 | --set lora.rnk=8: lora.rnk: unknown key; did you mean lora.rank?",
        "lora.rank=0 | --set lora.rank=0: lora.rank: is 0, has to be",
        "lora.rank=eight | --set lora.rank=eight: lora.rank: is 'eight', a whole number",
        "lora.rank | --set lora.rank: write --set key=value",
        "lora={rank: 8} | lora is a section; set one of its keys: rank, alpha",
        "lora.targets=q_proj,,v_proj | lora.targets: is empty",
        "base=null | recipe.yaml: base: is missing",
        "training.schedule=[linear | is not a YAML value",
      })
  void mistakesInOverridesAreNamed(String override, String message) {
    assertThatThrownBy(() -> read(MINIMAL, override))
        .isInstanceOf(ConfigException.class)
        .hasMessageContaining(message);
  }

  @Test
  void whatIsRequiredIsAskedFor() {
    assertThatThrownBy(() -> read("base: x\n"))
        .hasMessageStartingWith("recipe.yaml: data.train: is missing; file of training examples");
    assertThatThrownBy(() -> read("")).hasMessageContaining("base: is missing");
    assertThatThrownBy(() -> read("- a\n")).hasMessageContaining("this is a list");
  }

  @Test
  void theResolvedConfigurationReadsBackEqual() {
    RunConfig plain = read(MINIMAL);
    RunConfig full =
        read(
            """
            base: hf://org/name
            data: {train: [a.jsonl, "with space: # and \\"quotes\\".jsonl"], validation: [b.jsonl],
                   format: tokens, template: plain, max-length: 77, packing: false}
            lora: {rank: 3, alpha: 7.25, dropout: 0.05, targets: [down_proj, q_proj],
                   rslora: true, init-from: some/adapter, layers: [5, 0-2, 6],
                   rank-pattern: {".*self_attn\\\\.q_proj": 8, down_proj: 4},
                   alpha-pattern: {down_proj: 1.5}}
            training: {max-steps: 10, batch-size: 6, micro-batch-tokens: 207, schedule: linear,
                       learning-rate: 5.000000000000001e-3, warmup-steps: 2, weight-decay: 1e-9,
                       max-grad-norm: 0.1, shuffle: false, seed: -9223372036854775808}
            evaluation: {every: 5}
            checkpoint: {every: 0, keep: 1}
            precision: bf16
            device: cpu
            kernels: reference
            output: "true"
            """);

    assertThat(read(plain.toYaml())).isEqualTo(plain);
    assertThat(read(full.toYaml())).isEqualTo(full);
    assertThat(full.lora().targets()).containsExactly("q_proj", "down_proj");
    assertThat(full.lora().scale()).isEqualTo(7.25 / Math.sqrt(3));
    assertThat(full.lora().layers()).containsExactly(new LayerRange(0, 2), new LayerRange(5, 6));
    assertThat(full.lora().rankPattern())
        .as("the first that matches counts")
        .containsExactly(entry(".*self_attn\\.q_proj", 8), entry("down_proj", 4));
    RunConfig expression = read(MINIMAL, "lora.targets=.*\\.(q|v)_proj");
    assertThat(expression.lora().targets()).containsExactly(".*\\.(q|v)_proj");
    assertThat(read(expression.toYaml())).isEqualTo(expression);
    LoraConfig overridden =
        read(MINIMAL, "lora.layers=1,3-4", "lora.rank-pattern={q_proj: 2}").lora();
    assertThat(overridden.layers()).containsExactly(new LayerRange(1, 1), new LayerRange(3, 4));
    assertThat(overridden.rankPattern()).containsExactly(entry("q_proj", 2));
  }

  @Test
  void constantsOfAnOptimizerAreResolvedWhereTheyApply() {
    for (OptimizerKind kind : OptimizerKind.values()) {
      RunConfig config = read(MINIMAL, "training.optimizer=" + ConfigKey.written(kind));
      assertThat(config.training().optimizerSettings()).isEqualTo(OptimizerSettings.of(kind, 0));
      assertThat(read(config.toYaml())).isEqualTo(config);
    }
    RunConfig sgd = read(MINIMAL, "training.optimizer=sgd", "training.nesterov=true");
    assertThat(sgd.training().momentum()).hasValue(0.9);
    assertThat(sgd.training().beta1()).isEmpty();
    assertThat(sgd.training().optimizerSettings().nesterov()).isTrue();
  }

  @Test
  void keysOfAScheduleAreResolvedWhereTheyApply() {
    RunConfig restarts = read(MINIMAL, "training.schedule=cosine-restarts");
    RunConfig wsd = read(MINIMAL, "training.schedule=wsd", "training.decay-shape=one-minus-sqrt");

    assertThat(restarts.training().scheduleCycles()).hasValue(2);
    assertThat(restarts.training().schedulePower()).isEmpty();
    assertThat(wsd.training().decayRatio()).hasValue(0.1);
    assertThat(wsd.training().scheduleShape().decayShape()).isEqualTo(DecayShape.ONE_MINUS_SQRT);
    assertThat(read(restarts.toYaml())).isEqualTo(restarts);
    assertThat(read(wsd.toYaml())).isEqualTo(wsd);
  }

  @Test
  void inputsAreLookedForBesideTheFileToo(@TempDir Path folder) throws IOException {
    Path file = Files.writeString(folder.resolve("here.yaml"), MINIMAL);
    Files.createDirectory(folder.resolve("model"));

    assertThatThrownBy(() -> ConfigReader.read(file, List.of()))
        .isInstanceOf(ConfigException.class)
        .hasMessageContaining("here.yaml:3: data.train: there is no 'train.jsonl' (looked for ")
        .hasMessageContaining(Path.of("train.jsonl").toAbsolutePath().toString())
        .hasMessageContaining(folder.resolve("train.jsonl").toString());

    Files.writeString(folder.resolve("train.jsonl"), "");
    RunConfig config = ConfigReader.read(file, List.of());
    assertThat(config.base()).isEqualTo(folder.resolve("model").toString());
    assertThat(config.data().train()).containsExactly(DataSource.of(folder.resolve("train.jsonl")));
    assertThat(config.output()).isEqualTo(Path.of("runs/here"));

    assertThatThrownBy(() -> ConfigReader.read(file, List.of("base=meta-llama/Llama-3.2-1B")))
        .hasMessageEndingWith(
            "for a model of the Hugging Face hub write hf://meta-llama/Llama-3.2-1B");
    assertThatThrownBy(() -> ConfigReader.read(file, List.of("data.template=chatlm")))
        .hasMessageContaining("there is no 'chatlm'")
        .hasMessageEndingWith(
            "it is one of auto, llama3, llama2, mistral, chatml, zephyr, plain; did you mean"
                + " chatml?");
    assertThatThrownBy(() -> ConfigReader.read(file, List.of("data.train=model/../train.jsonl")))
        .as("the command line means the current directory only")
        .hasMessageContaining("there is no 'model/../train.jsonl'");
  }

  @Test
  void anAdapterToStartFromSettlesItsOwnShape(@TempDir Path folder) throws IOException {
    Files.writeString(
        folder.resolve("adapter_config.json"),
        """
        {"r": 3, "lora_alpha": 7, "use_rslora": true, "target_modules": ["v_proj", "q_proj"],
         "layers_to_transform": [0, 1, 4], "rank_pattern": {"v_proj": 5}, "alpha_pattern": {}}
        """);
    String initFrom = "lora.init-from=" + folder;

    LoraConfig lora = read(MINIMAL, initFrom).lora();

    assertThat(lora.rank()).isEqualTo(3);
    assertThat(lora.alpha()).isEqualTo(7);
    assertThat(lora.rslora()).isTrue();
    assertThat(lora.targets()).containsExactly("q_proj", "v_proj");
    assertThat(lora.layers()).containsExactly(new LayerRange(0, 1), new LayerRange(4, 4));
    assertThat(lora.rankPattern()).containsExactly(entry("v_proj", 5));
    assertThat(
            read(
                    MINIMAL,
                    initFrom,
                    "lora.rank=3",
                    "lora.targets=q_proj,v_proj",
                    "lora.layers=4,0-1",
                    "lora.rank-pattern={v_proj: 5}")
                .lora())
        .isEqualTo(lora);
    assertThatThrownBy(() -> read(MINIMAL + "lora.rank: 8\n", initFrom))
        .hasMessageStartingWith(
            "recipe.yaml:4: lora.rank: is 8, but the adapter to start from has 3");
    assertThatThrownBy(() -> read(MINIMAL, initFrom, "lora.targets=all-linear"))
        .isInstanceOf(ConfigException.class)
        .hasMessageContaining("lora.targets: is a list, but the adapter");
  }

  @Test
  void filesThatAreNoConfigurationAreRefused(@TempDir Path folder) throws IOException {
    Path missing = folder.resolve("missing.yaml");
    assertThatThrownBy(() -> ConfigReader.read(missing, List.of()))
        .isInstanceOf(ConfigException.class)
        .hasMessageContaining("missing.yaml: there is no such file");
    assertThatThrownBy(() -> ConfigReader.read(folder, List.of()))
        .hasMessageContaining("is a folder");
    Path binary = Files.write(folder.resolve("binary.yaml"), new byte[] {(byte) 0xff, 0, 1});
    assertThatThrownBy(() -> ConfigReader.read(binary, List.of()))
        .hasMessageContaining("is not UTF-8 text");
    Path huge = Files.write(folder.resolve("huge.yaml"), new byte[(1 << 20) + 1]);
    assertThatThrownBy(() -> ConfigReader.read(huge, List.of()))
        .hasMessageContaining("which is no configuration");
  }

  @Test
  void theCommentedDefaultsAreTheDefaults() {
    String defaults =
        ConfigWriter.defaults()
            .replace("base: # required", "base: model")
            .replace("train: # required", "train: train.jsonl");

    assertThat(read(defaults)).isEqualTo(read(MINIMAL));
    assertThat(ConfigWriter.defaults()).doesNotContain("null");
    assertThat(ConfigKey.all()).allSatisfy(key -> assertThat(defaults).contains(key.name() + ":"));
  }
}
