package dev.graft.trainer.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.graft.modelio.DType;
import dev.graft.modelio.ModelConfig;
import dev.graft.modelio.ModelWeights;
import dev.graft.modelio.TensorView;
import dev.graft.modelio.checkpoint.Checkpoint;
import dev.graft.modelio.peft.LoraWeights;
import dev.graft.modelio.peft.PeftConfig;
import dev.graft.modelio.peft.TargetModules;
import dev.graft.trainer.config.Recompute;
import dev.graft.trainer.kernels.Kernels;
import dev.graft.trainer.kernels.cpu.CpuKernels;
import dev.graft.trainer.kernels.reference.ReferenceKernels;
import dev.graft.trainer.lora.LoraAdapter;
import dev.graft.trainer.model.TokenBatch.Sequence;
import dev.graft.trainer.tensor.ElementType;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * DoRA (Liu et al. 2024) against its definition, {@code W' = m ⊙ (W + s BA) / ‖W + s BA‖}, with
 * that matrix written out in double, on a small random model of odd shapes.
 */
class DoraTest {

  private static final int VOCABULARY = OddModel.VOCABULARY;
  private static final TargetModules SOME =
      new TargetModules.Names(List.of("k_proj", "o_proj", "gate_proj", "down_proj"));
  private static final TargetModules ALL = new TargetModules.AllLinear();

  @TempDir Path folder;
  private Path base;

  @BeforeEach
  void writeBase() {
    base = OddModel.random().write(folder.resolve("base"));
  }

  private static PeftConfig config(TargetModules targets, boolean rslora) {
    return new PeftConfig(
        3, 7, 0, targets, rslora, "base", Map.of("down_proj", 5), Map.of(), null, true);
  }

  /** A model with an adapter that is far from its beginning. */
  private static final class Subject {
    final LoraAdapter adapter;
    final TrainingPass pass;
    final TokenBatch batch = batch();
    final Llama model;

    Subject(Kernels kernels, Checkpoint checkpoint, PeftConfig peft, Recompute recompute) {
      this.model = Llama.load(kernels, checkpoint);
      this.adapter = LoraAdapter.initialized(peft, model, 3);
      this.pass = model.trainingPass(64, adapter.ranks(), true, recompute);
    }

    Subject moved() {
      Random random = new Random(29);
      ParameterGroup magnitudes = adapter.groups().getLast();
      assertThat(magnitudes.kind()).isEqualTo(ParameterGroup.Kind.MAGNITUDE);
      for (long i = 0; i < adapter.size(); i++) {
        double before = adapter.parameters().getDouble(i);
        adapter
            .parameters()
            .putScalar(
                i,
                i < magnitudes.from()
                    ? 0.2 * random.nextGaussian()
                    : before * (1 + 0.3 * random.nextGaussian()));
      }
      adapter.refresh();
      return this;
    }

    INDArray gradient(Dropout dropout) {
      adapter.clearGradients();
      pass.lossAndGradient(batch, 1f, dropout);
      adapter.collectGradients();
      return adapter.gradients().dup();
    }
  }

  private static TokenBatch batch() {
    Random random = new Random(23);
    List<Sequence> sequences = new ArrayList<>();
    for (int length : new int[] {13, 1, 7, 22}) {
      boolean[] target = new boolean[length];
      for (int i = 0; i < length; i++) {
        target[i] = random.nextInt(3) > 0;
      }
      sequences.add(new Sequence(random.ints(length, 0, VOCABULARY).toArray(), target));
    }
    return TokenBatch.of(sequences);
  }

  private static Kernels exact() {
    return new ReferenceKernels(DataType.DOUBLE, ElementType.F32);
  }

  // ---- the definition, written out ----

  /** W + s BA of one module, (out, in). */
  private static double[][] sum(ModelWeights weights, PeftConfig config, LoraWeights lora) {
    float[] w = weights.tensor(lora.projection().path(lora.layer()) + ".weight").toFloats();
    double scale = config.scale(lora.layer(), lora.projection());
    int in = lora.inFeatures();
    double[][] sum = new double[lora.outFeatures()][in];
    for (int row = 0; row < sum.length; row++) {
      for (int column = 0; column < in; column++) {
        double update = 0;
        for (int r = 0; r < lora.rank(); r++) {
          update += (double) lora.b()[row * lora.rank() + r] * lora.a()[r * in + column];
        }
        sum[row][column] = w[row * in + column] + scale * update;
      }
    }
    return sum;
  }

  private static double length(double[] row) {
    return Math.sqrt(Arrays.stream(row).map(v -> v * v).sum());
  }

  /** The base with every adapted weight replaced by W'. */
  private static ModelWeights merged(ModelWeights weights, LoraAdapter adapter) {
    Map<String, TensorView> changed = new HashMap<>();
    for (LoraWeights lora : adapter.toPeft().weights()) {
      double[][] sum = sum(weights, adapter.config(), lora);
      float[] values = new float[sum.length * sum[0].length];
      for (int row = 0; row < sum.length; row++) {
        double gain = lora.magnitude()[row] / length(sum[row]);
        for (int column = 0; column < sum[row].length; column++) {
          values[row * sum[row].length + column] = (float) (gain * sum[row][column]);
        }
      }
      String name = lora.projection().path(lora.layer()) + ".weight";
      TensorView before = weights.tensor(name);
      ByteBuffer bytes =
          ByteBuffer.allocateDirect(4 * values.length).order(ByteOrder.nativeOrder());
      bytes.asFloatBuffer().put(values);
      changed.put(
          name, new TensorView(name, DType.F32, before.shape(), MemorySegment.ofBuffer(bytes)));
    }
    return new ModelWeights() {
      @Override
      public ModelConfig config() {
        return weights.config();
      }

      @Override
      public TensorView tensor(String name) {
        return changed.getOrDefault(name, weights.tensor(name));
      }
    };
  }

  @ParameterizedTest
  @CsvSource({"true, false", "false, true"})
  void theForwardIsThatOfTheMergedWeights(boolean all, boolean rslora) {
    try (Kernels kernels = exact();
        Kernels others = exact();
        Checkpoint checkpoint = Checkpoint.open(base)) {
      Subject subject =
          new Subject(kernels, checkpoint, config(all ? ALL : SOME, rslora), Recompute.NONE)
              .moved();
      Llama merged = Llama.load(others, merged(checkpoint, subject.adapter));
      double expected = merged.trainingPass(64, StackedRanks.NONE, false).loss(subject.batch);
      double actual = subject.pass.loss(subject.batch);
      // The merged weights are float32.
      assertThat(actual).isCloseTo(expected, within(2e-6 * expected));
      double bare =
          Llama.load(others, checkpoint).trainingPass(64, StackedRanks.NONE, false).loss(batch());
      assertThat(Math.abs(bare - expected)).isGreaterThan(1e-3 * expected);
    }
  }

  @Test
  void changesNothingAtItsBeginning() {
    try (Kernels kernels = exact();
        Checkpoint checkpoint = Checkpoint.open(base)) {
      Subject subject = new Subject(kernels, checkpoint, config(ALL, false), Recompute.NONE);
      double bare =
          Llama.load(kernels, checkpoint)
              .trainingPass(64, StackedRanks.NONE, false)
              .loss(subject.batch);
      // Magnitudes are float32.
      assertThat(subject.pass.loss(subject.batch)).isCloseTo(bare, within(1e-6 * bare));
    }
  }

  /**
   * Derivatives along random directions, by differences and by the gradient. The lengths are
   * constants in DoRA's backward (section 4.3): where a step changes the length of a row, its
   * magnitude is changed by the same factor, so that m / c stays as it was.
   */
  @ParameterizedTest
  @CsvSource({"true, 0", "false, 0", "true, 0.3"})
  void gradientsAreTheSlopesOfTheLossAtConstantLengths(boolean all, float rate) {
    Dropout dropout = new Dropout(rate, 5, 2);
    try (Kernels kernels = exact();
        Checkpoint checkpoint = Checkpoint.open(base)) {
      Subject subject =
          new Subject(kernels, checkpoint, config(all ? ALL : SOME, !all), Recompute.NONE).moved();
      LoraAdapter adapter = subject.adapter;
      INDArray gradient = subject.gradient(dropout);
      INDArray start = adapter.parameters().dup();
      double[] lengths = lengths(checkpoint, adapter);
      Random random = new Random(17);
      for (ParameterGroup group : adapter.groups()) {
        INDArray d = gradient.dup().muli(0);
        double size = 0;
        for (long i = group.from(); i < group.to(); i++) {
          size += Math.pow(gradient.getDouble(i), 2);
        }
        size = Math.sqrt(size / group.length());
        for (long i = group.from(); i < group.to(); i++) {
          // Half along the gradient, so that the slope is large against rounding.
          d.putScalar(i, gradient.getDouble(i) + size * random.nextGaussian());
        }
        d.divi(d.norm2Number());
        double slope = gradient.mul(d).sumNumber().doubleValue();
        double h = 1e-3;
        double[] loss = new double[2];
        for (int side = 0; side < 2; side++) {
          adapter.parameters().assign(start.add(d.mul(side == 0 ? -h : h)));
          keepGains(adapter, lengths, lengths(checkpoint, adapter));
          adapter.refresh();
          loss[side] = subject.pass.lossAndGradient(subject.batch, 1f, dropout);
        }
        double difference = (loss[1] - loss[0]) / (2 * h);
        assertThat(difference).as("%s", group).isCloseTo(slope, within(3e-3 * Math.abs(slope)));
      }
    }
  }

  /** ‖W + s BA‖ of every row of every module. */
  private static double[] lengths(ModelWeights weights, LoraAdapter adapter) {
    return adapter.toPeft().weights().stream()
        .flatMap(lora -> Arrays.stream(sum(weights, adapter.config(), lora)))
        .mapToDouble(DoraTest::length)
        .toArray();
  }

  private static void keepGains(LoraAdapter adapter, double[] before, double[] now) {
    ParameterGroup magnitudes = adapter.groups().getLast();
    assertThat(magnitudes.length()).isEqualTo(now.length);
    for (int i = 0; i < now.length; i++) {
      long at = magnitudes.from() + i;
      double m = adapter.parameters().getDouble(at);
      adapter.parameters().putScalar(at, m * now[i] / before[i]);
    }
  }

  @Test
  void cpuAndReferenceGiveTheSameGradients() {
    INDArray expected = gradient(exact(), Recompute.NONE);
    INDArray actual = gradient(new CpuKernels(ElementType.F32, 2), Recompute.NONE);
    double error = actual.sub(expected).norm2Number().doubleValue();
    assertThat(error).isLessThan(1e-5 * expected.norm2Number().doubleValue());
  }

  @Test
  void recomputingGivesTheSameBits() {
    for (ElementType act : new ElementType[] {ElementType.F32, ElementType.BF16}) {
      INDArray kept = gradient(new CpuKernels(act, 2), Recompute.NONE);
      INDArray recomputed = gradient(new CpuKernels(act, 2), Recompute.LAYERS);
      assertThat(recomputed.toFloatVector()).containsExactly(kept.toFloatVector());
    }
  }

  private INDArray gradient(Kernels made, Recompute recompute) {
    try (Kernels kernels = made;
        Checkpoint checkpoint = Checkpoint.open(base)) {
      return new Subject(kernels, checkpoint, config(ALL, false), recompute)
          .moved()
          .gradient(Dropout.OFF);
    }
  }

  /** Token by token and all at once, the model says the same. */
  @Test
  void decodingIsTheForward() {
    try (Kernels kernels = new CpuKernels(ElementType.F32, 2);
        Checkpoint checkpoint = Checkpoint.open(base)) {
      Subject subject =
          new Subject(kernels, checkpoint, config(ALL, false), Recompute.NONE).moved();
      int[] ids = new Random(3).ints(9, 0, VOCABULARY).toArray();
      boolean[] targets = new boolean[ids.length];
      Arrays.fill(targets, true);
      double expected = subject.pass.loss(TokenBatch.of(List.of(new Sequence(ids, targets))));
      Decoder decoder = subject.model.decoder(ids.length, subject.adapter.ranks());
      double actual = 0;
      for (int i = 0; i + 1 < ids.length; i++) {
        float[] logits = decoder.next(new int[] {ids[i]});
        double total = 0;
        for (float logit : logits) {
          total += Math.exp(logit);
        }
        actual += Math.log(total) - logits[ids[i + 1]];
      }
      assertThat(actual).isCloseTo(expected, within(1e-5 * expected));
    }
  }
}
