package dev.graft.trainer.lora;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.graft.modelio.DType;
import dev.graft.modelio.Projection;
import dev.graft.modelio.checkpoint.Checkpoint;
import dev.graft.modelio.peft.LoraWeights;
import dev.graft.modelio.peft.PeftAdapter;
import dev.graft.modelio.peft.PeftConfig;
import dev.graft.modelio.peft.TargetModules;
import dev.graft.trainer.kernels.Kernels;
import dev.graft.trainer.kernels.cpu.CpuKernels;
import dev.graft.trainer.kernels.reference.ReferenceKernels;
import dev.graft.trainer.model.Dropout;
import dev.graft.trainer.model.Llama;
import dev.graft.trainer.model.OddModel;
import dev.graft.trainer.model.StackedRanks;
import dev.graft.trainer.model.TokenBatch;
import dev.graft.trainer.model.TokenBatch.Sequence;
import dev.graft.trainer.model.TrainingPass;
import dev.graft.trainer.tensor.ElementType;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/** PiSSA (Meng et al. 2024) against its definition, on a small random model of odd shapes. */
class PissaTest {

  private static final int VOCABULARY = OddModel.VOCABULARY;
  private static final Beginning PISSA = new Beginning.PrincipalComponents(50);

  @TempDir Path folder;
  private Path base;

  @BeforeEach
  void writeBase() {
    base = OddModel.random().dtype(DType.BF16).write(folder.resolve("base"));
  }

  private static PeftConfig config(boolean rslora, boolean dora) {
    return new PeftConfig(
        3,
        7,
        0,
        new TargetModules.Names(List.of("q_proj", "v_proj", "o_proj", "up_proj", "down_proj")),
        rslora,
        "base",
        Map.of("down_proj", 5),
        Map.of("o_proj", 2.5),
        null,
        dora);
  }

  private static Kernels exact() {
    return new ReferenceKernels(DataType.DOUBLE, ElementType.F32);
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

  private static void move(LoraAdapter adapter, double size) {
    Random random = new Random(29);
    for (long i = 0; i < adapter.size(); i++) {
      double before = adapter.parameters().getDouble(i);
      adapter.parameters().putScalar(i, before + size * random.nextGaussian());
    }
    adapter.refresh();
  }

  // ---- the singular values, by another algorithm ----

  /** Singular values and, as rows, left and right vectors: one-sided Jacobi in double. */
  @SuppressWarnings("ArrayRecordComponent") // never compared
  private record Svd(double[] values, double[][] left, double[][] right) {

    static Svd of(float[] w, int out, int in) {
      // Rows are turned against each other until all are orthogonal: they are then σ · right.
      double[][] rows = new double[out][in];
      double[][] turns = new double[out][out];
      for (int row = 0; row < out; row++) {
        turns[row][row] = 1;
        for (int column = 0; column < in; column++) {
          rows[row][column] = w[row * in + column];
        }
      }
      for (int sweep = 0; sweep < 40; sweep++) {
        for (int p = 0; p < out; p++) {
          for (int q = p + 1; q < out; q++) {
            double pp = dot(rows[p], rows[p]);
            double qq = dot(rows[q], rows[q]);
            double pq = dot(rows[p], rows[q]);
            if (Math.abs(pq) > 1e-15 * Math.sqrt(pp * qq)) {
              double angle = 0.5 * Math.atan2(2 * pq, pp - qq);
              turn(rows[p], rows[q], angle);
              turn(turns[p], turns[q], angle);
            }
          }
        }
      }
      List<Integer> order = new ArrayList<>();
      for (int i = 0; i < out; i++) {
        order.add(i);
      }
      order.sort((i, j) -> Double.compare(dot(rows[j], rows[j]), dot(rows[i], rows[i])));
      double[] values = new double[out];
      double[][] left = new double[out][];
      double[][] right = new double[out][in];
      for (int i = 0; i < out; i++) {
        double[] row = rows[order.get(i)];
        values[i] = Math.sqrt(dot(row, row));
        left[i] = turns[order.get(i)];
        for (int column = 0; column < in; column++) {
          right[i][column] = row[column] / values[i];
        }
      }
      return new Svd(values, left, right);
    }

    private static void turn(double[] p, double[] q, double angle) {
      double c = Math.cos(angle);
      double s = Math.sin(angle);
      for (int i = 0; i < p.length; i++) {
        double was = p[i];
        p[i] = c * was + s * q[i];
        q[i] = c * q[i] - s * was;
      }
    }

    private static double dot(double[] a, double[] b) {
      double sum = 0;
      for (int i = 0; i < a.length; i++) {
        sum += a[i] * b[i];
      }
      return sum;
    }
  }

  /** The part of W that the largest components make, row-major. */
  private static double[] largest(Svd svd, int rank, int in) {
    double[] sum = new double[svd.left.length * in];
    for (int i = 0; i < rank; i++) {
      for (int at = 0; at < sum.length; at++) {
        sum[at] += svd.values[i] * svd.left[i][at / in] * svd.right[i][at % in];
      }
    }
    return sum;
  }

  private static double distance(double[] a, double[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += Math.pow(a[i] - b[i], 2);
    }
    return Math.sqrt(sum);
  }

  @Test
  void saysHowFarItIs() {
    List<String> told = new ArrayList<>();
    try (Kernels kernels = new CpuKernels(ElementType.F32, 2);
        Checkpoint checkpoint = Checkpoint.open(base)) {
      Llama model = Llama.load(kernels, checkpoint);
      LoraAdapter.initialized(
          config(false, false), model, 3, PISSA, (done, all) -> told.add(done + "/" + all));
    }
    assertThat(told).hasSize(10).startsWith("1/10").endsWith("10/10");
  }

  /** At the beginning s · BA is the best approximation of W of its rank, split in equal halves. */
  @ParameterizedTest
  @ValueSource(strings = {"exact", "F32", "BF16"})
  void beginsWithThePrincipalComponents(String which) {
    Kernels made = which.equals("exact") ? exact() : new CpuKernels(ElementType.valueOf(which), 2);
    try (Kernels kernels = made;
        Checkpoint checkpoint = Checkpoint.open(base)) {
      Llama model = Llama.load(kernels, checkpoint);
      PeftConfig config = config(false, false);
      LoraAdapter adapter = LoraAdapter.initialized(config, model, 3, PISSA);
      for (LoraWeights plain : adapter.toPeft().weights()) {
        Projection projection = plain.projection();
        int rank = config.rank(plain.layer(), projection);
        int in = plain.inFeatures();
        int out = plain.outFeatures();
        double scale = config.scale(plain.layer(), projection);
        float[] w = checkpoint.tensor(projection.path(plain.layer()) + ".weight").toFloats();
        Svd svd = Svd.of(w, out, in);
        double[] product = new double[out * in];
        for (int at = 0; at < product.length; at++) {
          for (int r = 0; r < rank; r++) {
            // [A; A - A₀] and [B - B₀, B₀]: the first rows of A, the last columns of B.
            double b = plain.b()[at / in * plain.rank() + rank + r];
            product[at] += scale * b * plain.a()[r * in + at % in];
          }
        }
        double[] best = largest(svd, rank, in);
        double size = distance(best, new double[best.length]);
        assertThat(distance(product, best)).isLessThan(1e-4 * size);
        for (int r = 0; r < rank; r++) {
          double lengthOfA = 0;
          for (int column = 0; column < in; column++) {
            lengthOfA += Math.pow(plain.a()[r * in + column], 2);
          }
          assertThat(lengthOfA).isCloseTo(svd.values[r] / scale, within(1e-4 * svd.values[r]));
        }
      }
    }
  }

  /** Fewer components than asked for, and one dimension that is 1. */
  @Test
  void aWeightOfLowRankHasNoMoreComponents() {
    try (Kernels kernels = new CpuKernels(ElementType.F32, 1)) {
      float[] w = new float[7 * 31];
      for (int i = 0; i < w.length; i++) {
        w[i] = (i / 31 + 1) * (float) Math.sin(i % 31 + 1);
      }
      var weight = kernels.allocate(ElementType.F32, 7, 31);
      kernels.write(weight, w);
      var found = new PrincipalComponents(kernels, 5, 31).of(weight, 5, 2, 9);
      assertThat(found.values()[0]).isCloseTo(Svd.of(w, 7, 31).values[0], within(1e-3));
      assertThat(found.values()[1]).isZero();
      var row = new PrincipalComponents(kernels, 3, 31).of(weight.rows(2, 1), 3, 0, 9);
      double length = 0;
      for (int i = 2 * 31; i < 3 * 31; i++) {
        length += (double) w[i] * w[i];
      }
      assertThat(row.values()[0]).isCloseTo(Math.sqrt(length), within(1e-4));
      assertThat(row.values()[2]).isZero();
    }
  }

  // ---- the function ----

  @ParameterizedTest
  @CsvSource({"false, false", "true, false", "false, true"})
  void changesNothingAtItsBeginningAndIsPlainLoraOfTwiceTheRankAfterwards(
      boolean rslora, boolean dora) {
    try (Kernels kernels = exact();
        Kernels others = exact();
        Checkpoint checkpoint = Checkpoint.open(base)) {
      Llama model = Llama.load(kernels, checkpoint);
      double bare = model.trainingPass(64, StackedRanks.NONE, false).loss(batch());
      LoraAdapter adapter = LoraAdapter.initialized(config(rslora, dora), model, 3, PISSA);
      TrainingPass pass = model.trainingPass(64, adapter.ranks(), false);
      assertThat(pass.loss(batch())).isCloseTo(bare, within((dora ? 1e-6 : 1e-12) * bare));
      float[] before = adapter.parameters().toFloatVector();

      move(adapter, 0.05);
      double moved = pass.loss(batch());
      assertThat(Math.abs(moved - bare)).isGreaterThan(1e-3 * bare);
      PeftAdapter plain = adapter.toPeft();
      assertThat(plain.config().rank()).isEqualTo(6);
      Llama other = Llama.load(others, checkpoint);
      LoraAdapter loaded = LoraAdapter.of(plain, other);
      assertThat(other.trainingPass(64, loaded.ranks(), false).loss(batch()))
          .isCloseTo(moved, within(1e-6 * moved));
      assertUpdatesAreDifferences(adapter, before, plain);
    }
  }

  /** {@code s' B'A' = s (BA - B₀A₀)}, from the parameters before and after. */
  private static void assertUpdatesAreDifferences(
      LoraAdapter adapter, float[] before, PeftAdapter plain) {
    float[] after = adapter.parameters().toFloatVector();
    int a = 0;
    int b = (int) adapter.groups().get(1).from();
    for (LoraWeights lora : plain.weights()) {
      int rank = lora.rank() / 2;
      int in = lora.inFeatures();
      double scale = adapter.config().scale(lora.layer(), lora.projection());
      double plainScale = plain.config().scale(lora.layer(), lora.projection());
      for (int row = 0; row < lora.outFeatures(); row += 7) {
        for (int column = 0; column < in; column++) {
          double expected = 0;
          for (int r = 0; r < rank; r++) {
            int inA = a + r * in + column;
            int inB = b + row * rank + r;
            expected += (double) after[inB] * after[inA] - (double) before[inB] * before[inA];
          }
          double actual = 0;
          for (int r = 0; r < lora.rank(); r++) {
            actual += (double) lora.b()[row * lora.rank() + r] * lora.a()[r * in + column];
          }
          assertThat(plainScale * actual).isCloseTo(scale * expected, within(1e-6));
        }
      }
      a += rank * in;
      b += rank * lora.outFeatures();
    }
  }

  /** Derivatives along random directions, by differences and by the gradient. */
  @ParameterizedTest
  @ValueSource(floats = {0, 0.3f})
  void gradientsAreTheSlopesOfTheLoss(float rate) {
    Dropout dropout = new Dropout(rate, 5, 2);
    try (Kernels kernels = exact();
        Checkpoint checkpoint = Checkpoint.open(base)) {
      Llama model = Llama.load(kernels, checkpoint);
      LoraAdapter adapter = LoraAdapter.initialized(config(false, false), model, 3, PISSA);
      TrainingPass pass = model.trainingPass(64, adapter.ranks(), true);
      move(adapter, 0.1);
      INDArray start = adapter.parameters().dup();
      adapter.clearGradients();
      pass.lossAndGradient(batch(), 1f, dropout);
      adapter.collectGradients();
      INDArray gradient = adapter.gradients().dup();
      Random random = new Random(17);
      for (int direction = 0; direction < 3; direction++) {
        INDArray d = gradient.dup();
        double size = gradient.norm2Number().doubleValue() / Math.sqrt((double) d.length());
        for (int i = 0; i < d.length(); i++) {
          d.putScalar(i, gradient.getDouble(i) + size * random.nextGaussian());
        }
        d.divi(d.norm2Number());
        double slope = gradient.mul(d).sumNumber().doubleValue();
        double h = 1e-3;
        double[] loss = new double[2];
        for (int side = 0; side < 2; side++) {
          adapter.parameters().assign(start.add(d.mul(side == 0 ? -h : h)));
          adapter.refresh();
          loss[side] = pass.lossAndGradient(batch(), 1f, dropout);
        }
        double difference = (loss[1] - loss[0]) / (2 * h);
        assertThat(difference).isCloseTo(slope, within(3e-3 * Math.abs(slope)));
      }
    }
  }
}
