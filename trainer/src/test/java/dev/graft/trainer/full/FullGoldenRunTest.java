package dev.graft.trainer.full;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.graft.modelio.checkpoint.Checkpoint;
import dev.graft.modelio.safetensors.SafetensorsFile;
import dev.graft.trainer.config.OptimizerKind;
import dev.graft.trainer.config.OptimizerSettings;
import dev.graft.trainer.full.WeightLayout.Weight;
import dev.graft.trainer.kernels.Kernels;
import dev.graft.trainer.kernels.cpu.CpuKernels;
import dev.graft.trainer.kernels.reference.ReferenceKernels;
import dev.graft.trainer.model.Dropout;
import dev.graft.trainer.model.StackedRanks;
import dev.graft.trainer.model.TokenBatch;
import dev.graft.trainer.model.TrainingPass;
import dev.graft.trainer.optim.GradientClipping;
import dev.graft.trainer.optim.Optimizer;
import dev.graft.trainer.tensor.ElementType;
import java.io.IOException;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.nd4j.linalg.api.buffer.DataType;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Five steps of full fine-tuning against an independent computation in float64, whose gradients
 * come from no backward: {@code golden/make.py}, beside the numbers that it made.
 */
class FullGoldenRunTest {

  private static Path golden(String name) {
    URL folder = Objects.requireNonNull(FullGoldenRunTest.class.getResource("golden"));
    try {
      return Path.of(folder.toURI()).resolve(name);
    } catch (URISyntaxException e) {
      throw new IllegalStateException(e);
    }
  }

  @Test
  void theReferenceTakesTheSameFiveSteps() throws IOException {
    assertSameRun(new ReferenceKernels(DataType.DOUBLE, ElementType.F32), 5e-6, 5e-5, 1e-4);
  }

  @Test
  void theCpuTakesTheSameFiveSteps() throws IOException {
    assertSameRun(new CpuKernels(ElementType.F32, 2), 5e-6, 5e-5, 1e-3);
  }

  /**
   * Eight bits in rows of twelve numbers are coarse: what is far off here is wrong, not rounded.
   */
  @Test
  void bfloat16StaysNear() throws IOException {
    assertSameRun(new CpuKernels(ElementType.BF16, 2), 0.05, 0.3, 0.4);
  }

  /**
   * @param losses tolerance of losses, relative
   * @param norms tolerance of gradient norms, relative
   * @param moved tolerance of what the parameters moved by in all, as a share of it. Adam divides
   *     small gradients by their size, rounding included
   */
  private static void assertSameRun(Kernels made, double losses, double norms, double moved)
      throws IOException {
    JsonNode expected = JsonMapper.shared().readTree(Files.readString(golden("expected.json")));
    TokenBatch batch = batch(expected);
    try (Kernels kernels = made;
        Checkpoint checkpoint = Checkpoint.open(golden("model"))) {
      FullWeights weights = FullWeights.of(checkpoint, kernels);
      float[] start = weights.parameters().toFloatVector();
      TrainingPass pass = weights.model().trainingPass(batch.tokens(), StackedRanks.NONE, false);
      Optimizer optimizer =
          Optimizer.of(
              OptimizerSettings.of(OptimizerKind.ADAMW, expected.get("weight_decay").doubleValue()),
              weights.groups(),
              1);
      int targets = batch.targetTokens();
      for (int step = 0; step < 5; step++) {
        weights.clearGradients();
        double loss = pass.lossAndGradient(batch, 1f / targets, Dropout.OFF) / targets;
        weights.collectGradients();
        double norm =
            GradientClipping.clip(weights.gradients(), expected.get("max_grad_norm").doubleValue());
        assertNear("loss " + step, loss, expected.get("losses").get(step), losses);
        assertNear("norm " + step, norm, expected.get("grad_norms").get(step), norms);
        optimizer.step(
            weights.parameters(),
            weights.gradients(),
            expected.get("learning_rate").doubleValue(),
            step);
        weights.refresh();
      }
      assertNear("final loss", pass.loss(batch) / targets, expected.get("final_loss"), losses);
      assertThat(distance(weights.parameters().toFloatVector(), start)).isLessThan(moved);
    }
  }

  private static TokenBatch batch(JsonNode expected) {
    List<TokenBatch.Sequence> sequences = new ArrayList<>();
    for (JsonNode sequence : expected.get("sequences")) {
      int[] ids = sequence.get("ids").valueStream().mapToInt(JsonNode::intValue).toArray();
      boolean[] target = new boolean[ids.length];
      for (int i = 0; i < ids.length; i++) {
        target[i] = sequence.get("targets").get(i).intValue() == 1;
      }
      sequences.add(new TokenBatch.Sequence(ids, target));
    }
    return TokenBatch.of(sequences);
  }

  private static void assertNear(String what, double actual, JsonNode expected, double relative) {
    double value = expected.doubleValue();
    assertThat(actual).as(what).isCloseTo(value, within(relative * Math.abs(value)));
  }

  /** ‖actual - expected‖ / ‖expected - start‖, over all weights. */
  private static double distance(float[] actual, float[] start) {
    double difference = 0;
    double way = 0;
    try (Checkpoint checkpoint = Checkpoint.open(golden("model"));
        SafetensorsFile file = SafetensorsFile.open(golden("final.safetensors"))) {
      for (Weight weight : WeightLayout.of(checkpoint.config()).weights().values()) {
        float[] expected = file.tensor(weight.name()).toFloats();
        for (int i = 0; i < expected.length; i++) {
          int at = (int) weight.offset() + i;
          difference += Math.pow((double) actual[at] - expected[i], 2);
          way += Math.pow((double) expected[i] - start[at], 2);
        }
      }
    }
    return Math.sqrt(difference / way);
  }
}
