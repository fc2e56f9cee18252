package dev.graft.trainer.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.graft.modelio.checkpoint.Checkpoint;
import dev.graft.modelio.peft.LoraWeights;
import dev.graft.modelio.peft.PeftAdapter;
import dev.graft.modelio.safetensors.SafetensorsFile;
import dev.graft.tokenizer.DataFormat;
import dev.graft.tokenizer.MaxLength;
import dev.graft.tokenizer.SequenceReader;
import dev.graft.tokenizer.TokenSequence;
import dev.graft.trainer.Conformance;
import dev.graft.trainer.config.Schedule;
import dev.graft.trainer.data.EpochOrder;
import dev.graft.trainer.data.Packing;
import dev.graft.trainer.kernels.Kernels;
import dev.graft.trainer.lora.LoraAdapter;
import dev.graft.trainer.model.Decoder;
import dev.graft.trainer.model.Llama;
import dev.graft.trainer.model.StackedRanks;
import dev.graft.trainer.model.TrainingPass;
import dev.graft.trainer.optim.LearningRateSchedule;
import dev.graft.trainer.optim.Optimizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * A LoRA run that an independent autograd computed in float64, step by step: losses, gradient
 * norms, first gradients, logits and the final adapter. Whatever kernels compute, these numbers
 * come out.
 */
abstract class GoldenRunContract {

  private final Path golden = Conformance.path("lora-training/stories260K");
  private Kernels kernels;
  private Checkpoint base;
  private Llama model;

  abstract Kernels kernels();

  /**
   * Relative tolerances; bfloat16 kernels have wider ones.
   *
   * @param cutting between a step in one piece and the same in several micro-batches
   */
  record Tolerance(
      double firstLoss, double laterLosses, double gradients, double logits, double cutting) {}

  Tolerance tolerance() {
    return new Tolerance(2e-5, 1e-3, 1e-4, 1e-4, 1e-5);
  }

  @BeforeEach
  void open() {
    base = Checkpoint.open(Conformance.path("models/stories260K-hf"));
    kernels = kernels();
    model = Llama.load(kernels, base);
  }

  @AfterEach
  void close() {
    kernels.close();
    base.close();
  }

  @Test
  void tenStepsGiveTheSameLossesNormsAndAdapter() throws IOException {
    JsonNode expected = json("expected.json");
    Trainer trainer = trainer(2048);
    EpochOrder order = order(examples(), 2048);
    for (int step = 0; step < 10; step++) {
      Trainer.Outcome outcome = trainer.step(step, order.step(step));
      double loss = expected.get("losses").get(step).doubleValue();
      double norm = expected.get("grad_norms").get(step).doubleValue();
      double tolerance = step == 0 ? tolerance().firstLoss : tolerance().laterLosses;
      assertThat(outcome.loss())
          .as("loss of step %d", step)
          .isCloseTo(loss, relative(loss, tolerance));
      assertThat(outcome.gradNorm())
          .as("gradient norm of step %d", step)
          .isCloseTo(norm, relative(norm, 10 * tolerance().laterLosses));
    }
    double finalLoss = expected.get("final_loss").doubleValue();
    assertThat(trainer.evaluate(order.step(10).microBatches()))
        .isCloseTo(finalLoss, relative(finalLoss, tolerance().laterLosses));
    PeftAdapter finalAdapter = PeftAdapter.read(golden.resolve("final_adapter"), base.config());
    assertThat(distance(peft(trainer), finalAdapter)).isLessThan(10 * tolerance().laterLosses);
  }

  @Test
  void firstGradientsAreEqualMatrixByMatrix() throws IOException {
    Trainer trainer = trainer(2048);
    TrainingPass pass = trainer.pass();
    var batch = order(examples(), 2048).step(0);
    trainer.trained().clearGradients();
    for (var microBatch : batch.microBatches()) {
      pass.lossAndGradient(
          microBatch, 1f / batch.targetTokens(), dev.graft.trainer.model.Dropout.OFF);
    }
    trainer.trained().collectGradients();
    trainer.trained().parameters().assign(trainer.trained().gradients());
    PeftAdapter gradients = peft(trainer);
    try (SafetensorsFile file = SafetensorsFile.open(golden.resolve("grads_step0.safetensors"))) {
      for (LoraWeights module : gradients.weights()) {
        String name = "base_model.model." + module.projection().path(module.layer());
        assertClose(name + ".lora_A.weight", module.a(), file);
        assertClose(name + ".lora_B.weight", module.b(), file);
      }
    }
  }

  @Test
  void microBatchesOfAnySizeGiveTheSameStep() throws IOException {
    Trainer whole = trainer(4096);
    Trainer.Outcome expected = whole.step(0, order(examples(), 4096).step(0));
    Trainer pieces = trainer(200);
    Trainer.Outcome outcome = pieces.step(0, order(examples(), 200).step(0));
    assertThat(outcome.loss())
        .isCloseTo(expected.loss(), relative(expected.loss(), tolerance().cutting));
    assertThat(outcome.gradNorm())
        .isCloseTo(expected.gradNorm(), relative(expected.gradNorm(), tolerance().cutting));
  }

  @Test
  void logitsOfTheBaseAndOfTheFreshAdapter() throws IOException {
    int[] ids = examples().getFirst().inputIds();
    try (SafetensorsFile file = SafetensorsFile.open(golden.resolve("logits.safetensors"))) {
      assertLogits("base", file, logits(model.decoder(256, StackedRanks.NONE), ids));
      LoraAdapter adapter = initialAdapter();
      assertLogits("with_init_adapter", file, logits(model.decoder(256, adapter.ranks()), ids));
    }
  }

  private void assertLogits(String name, SafetensorsFile file, float[] logits) {
    String tensor = file.names().stream().filter(n -> n.contains(name)).findFirst().orElseThrow();
    float[] expected = file.tensor(tensor).toFloats();
    assertThat(logits).hasSize(expected.length);
    for (int i = 0; i < expected.length; i++) {
      assertThat((double) logits[i])
          .as("%s[%d]", name, i)
          .isCloseTo(expected[i], within(tolerance().logits * Math.max(1, Math.abs(expected[i]))));
    }
  }

  private static float[] logits(Decoder decoder, int[] ids) {
    List<float[]> chunks = new ArrayList<>();
    decoder.logits(ids, chunks::add);
    float[] all = new float[chunks.stream().mapToInt(c -> c.length).sum()];
    int at = 0;
    for (float[] chunk : chunks) {
      System.arraycopy(chunk, 0, all, at, chunk.length);
      at += chunk.length;
    }
    return all;
  }

  private Trainer trainer(int microBatchTokens) throws IOException {
    JsonNode setup = json("case.json");
    LoraAdapter adapter = initialAdapter();
    int longest = examples().stream().mapToInt(TokenSequence::length).max().orElseThrow();
    TrainingPass pass =
        model.trainingPass(Math.max(longest, microBatchTokens), adapter.ranks(), false);
    return new Trainer(
        pass,
        adapter,
        Optimizer.adamW(adapter.size(), setup.get("weight_decay").doubleValue()),
        new LearningRateSchedule(Schedule.CONSTANT, setup.get("lr").doubleValue(), 0, 10),
        0,
        0,
        setup.get("max_grad_norm").doubleValue());
  }

  private static PeftAdapter peft(Trainer trainer) {
    return ((LoraAdapter) trainer.trained()).toPeft();
  }

  private LoraAdapter initialAdapter() {
    return LoraAdapter.of(PeftAdapter.read(golden.resolve("init_adapter"), base.config()), model);
  }

  private List<TokenSequence> examples() {
    List<TokenSequence> examples = new ArrayList<>();
    try (SequenceReader reader =
        SequenceReader.open(
            golden.resolve("data.jsonl"),
            DataFormat.TOKENS,
            () -> {
              throw new AssertionError("tokens need no tokenizer");
            },
            new MaxLength(512))) {
      reader.forEach(examples::add);
    }
    return examples;
  }

  private static EpochOrder order(List<TokenSequence> examples, int microBatchTokens) {
    return new EpochOrder(
        examples, examples.size(), false, 0, new Packing(microBatchTokens, true), 256);
  }

  private JsonNode json(String name) throws IOException {
    return JsonMapper.shared().readTree(Files.readString(golden.resolve(name)));
  }

  private void assertClose(String name, float[] actual, SafetensorsFile file) {
    float[] expected = file.tensor(name).toFloats();
    assertThat(distance(actual, expected)).as(name).isLessThan(tolerance().gradients);
  }

  private static double distance(PeftAdapter actual, PeftAdapter expected) {
    double largest = 0;
    for (int i = 0; i < expected.weights().size(); i++) {
      LoraWeights a = actual.weights().get(i);
      LoraWeights e = expected.weights().get(i);
      largest = Math.max(largest, distance(a.a(), e.a()));
      largest = Math.max(largest, distance(a.b(), e.b()));
    }
    return largest;
  }

  /** ‖actual - expected‖ / ‖expected‖. */
  private static double distance(float[] actual, float[] expected) {
    double difference = 0;
    double norm = 0;
    for (int i = 0; i < expected.length; i++) {
      difference += Math.pow((double) actual[i] - expected[i], 2);
      norm += Math.pow(expected[i], 2);
    }
    return norm == 0 ? Math.sqrt(difference) : Math.sqrt(difference / norm);
  }

  private static org.assertj.core.data.Offset<Double> relative(double value, double tolerance) {
    return within(Math.abs(value) * tolerance);
  }
}
