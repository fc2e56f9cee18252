package dev.graft.trainer.kernels.reference;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.graft.trainer.kernels.AttentionShape;
import dev.graft.trainer.kernels.DropoutMask;
import dev.graft.trainer.kernels.Philox;
import dev.graft.trainer.kernels.UniformNoise;
import dev.graft.trainer.tensor.ElementType;
import dev.graft.trainer.tensor.HostArrays;
import dev.graft.trainer.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.Random;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * The definition checked against plain loops that share nothing with it, so that an error of ND4J
 * or of ours cannot hide by being in both. Derivatives: {@link ReferenceGradientsTest}.
 */
class ReferenceDefinitionTest {

  /** Results are read as float32, of magnitude below 16. */
  private static final Offset<Double> CLOSE = Offset.offset(1e-6);

  private final ReferenceKernels kernels = new ReferenceKernels(DataType.DOUBLE, ElementType.F32);
  private final Random random = new Random(11);

  @AfterEach
  void close() {
    kernels.close();
  }

  @Test
  void linearMultipliesByTheTranspose() {
    Tensor x = random(3, 5);
    Tensor w = random(4, 5);
    Tensor y = random(3, 4);
    double[][] expected = numbers(y);
    for (int i = 0; i < 3; i++) {
      for (int j = 0; j < 4; j++) {
        for (int k = 0; k < 5; k++) {
          expected[i][j] += numbers(x)[i][k] * numbers(w)[j][k];
        }
      }
    }
    kernels.linear(x, w, y, true);
    assertSame(y, expected);
  }

  @Test
  void rmsNormDividesByTheRootMeanSquare() {
    Tensor x = random(3, 7);
    Tensor weight = random(1, 7);
    Tensor y = random(3, 7);
    Tensor inverseRms = random(1, 3);
    double[][] expected = new double[3][7];
    double[][] expectedInverse = new double[1][3];
    for (int t = 0; t < 3; t++) {
      double sum = 0;
      for (double value : numbers(x)[t]) {
        sum += value * value;
      }
      expectedInverse[0][t] = 1 / Math.sqrt(sum / 7 + 0.01f);
      for (int i = 0; i < 7; i++) {
        expected[t][i] = numbers(x)[t][i] * expectedInverse[0][t] * numbers(weight)[0][i];
      }
    }
    kernels.rmsNorm(x, weight, 0.01f, y, inverseRms);
    assertSame(y, expected);
    assertSame(inverseRms, expectedInverse);
  }

  @Test
  void ropeTurnsEachPairAsAComplexNumber() {
    int half = 3;
    Tensor x = random(4, 2 * 2 * half);
    Tensor cosine = random(10, half);
    Tensor sine = random(10, half);
    int[] positions = {7, 0, 3, 9};
    double[][] before = numbers(x);
    double[][] expected = new double[4][2 * 2 * half];
    for (int t = 0; t < 4; t++) {
      for (int head = 0; head < 2; head++) {
        for (int i = 0; i < half; i++) {
          int real = head * 2 * half + i;
          double c = numbers(cosine)[positions[t]][i];
          double s = numbers(sine)[positions[t]][i];
          // (real + i imaginary) · (c + i s)
          expected[t][real] = before[t][real] * c - before[t][real + half] * s;
          expected[t][real + half] = before[t][real] * s + before[t][real + half] * c;
        }
      }
    }
    kernels.rope(x, integers(positions), cosine, sine);
    assertSame(x, expected);
  }

  @Test
  void attentionAveragesTheValuesThatAQuerySees() {
    AttentionShape shape = new AttentionShape(4, 2, 6, 3);
    int[] starts = {0, 1, 1, 1, 1, 5};
    Tensor q = random(6, shape.queryColumns());
    Tensor k = random(6, shape.keyColumns());
    Tensor v = random(6, shape.keyColumns());
    Tensor out = random(6, shape.queryColumns());
    Tensor logSumExp = random(4, 6);
    kernels.attention(q, k, v, integers(starts), shape, out, logSumExp);
    for (int t = 0; t < 6; t++) {
      int first = Math.max(starts[t], t - shape.window() + 1);
      for (int h = 0; h < 4; h++) {
        double[] expected = new double[6];
        double sum = attend(q, k, v, t, t, first, h, shape, expected);
        for (int i = 0; i < 6; i++) {
          assertThat(numbers(out)[t][h * 6 + i]).isCloseTo(expected[i], CLOSE);
        }
        assertThat(numbers(logSumExp)[h][t]).isCloseTo(Math.log(sum), CLOSE);
      }
    }
  }

  @Test
  void cachedAttentionPutsItsQueriesAtTheEnd() {
    AttentionShape shape = new AttentionShape(4, 2, 6, 4);
    Tensor q = random(2, shape.queryColumns());
    Tensor keys = random(9, shape.keyColumns());
    Tensor values = random(9, shape.keyColumns());
    Tensor out = random(2, shape.queryColumns());
    kernels.cachedAttention(q, keys, values, 7, shape, out);
    for (int i = 0; i < 2; i++) {
      int position = 7 - 2 + i;
      for (int h = 0; h < 4; h++) {
        double[] expected = new double[6];
        attend(q, keys, values, i, position, position - 3, h, shape, expected);
        for (int j = 0; j < 6; j++) {
          assertThat(numbers(out)[i][h * 6 + j]).isCloseTo(expected[j], CLOSE);
        }
      }
    }
  }

  /** One query and head over the keys first to last; returns the softmax's denominator. */
  private double attend(
      Tensor q,
      Tensor k,
      Tensor v,
      int query,
      int last,
      int first,
      int h,
      AttentionShape shape,
      double[] out) {
    int hd = shape.headDim();
    int group = h / (shape.heads() / shape.keyValueHeads());
    double sum = 0;
    for (int key = first; key <= last; key++) {
      double score = 0;
      for (int i = 0; i < hd; i++) {
        score += numbers(q)[query][h * hd + i] * numbers(k)[key][group * hd + i];
      }
      double weight = Math.exp(score / Math.sqrt(hd));
      sum += weight;
      for (int i = 0; i < hd; i++) {
        out[i] += weight * numbers(v)[key][group * hd + i];
      }
    }
    for (int i = 0; i < hd; i++) {
      out[i] /= sum;
    }
    return sum;
  }

  @Test
  void swiGluGatesWithTheSigmoidLinearUnit() {
    Tensor gate = random(3, 5);
    Tensor up = random(3, 5);
    Tensor out = random(3, 5);
    kernels.swiGlu(gate, up, out);
    for (int t = 0; t < 3; t++) {
      for (int i = 0; i < 5; i++) {
        double z = numbers(gate)[t][i];
        assertThat(numbers(out)[t][i]).isCloseTo(z / (1 + Math.exp(-z)) * numbers(up)[t][i], CLOSE);
      }
    }
  }

  @Test
  void crossEntropyIsMinusTheLogOfTheTargetsProbability() {
    Tensor logits = random(3, 5);
    int[] targets = {4, 0, 2};
    Tensor loss = random(1, 3);
    Tensor alone = random(1, 3);
    Tensor dlogits = random(3, 5);
    kernels.crossEntropy(logits, integers(targets), 0.5f, loss, dlogits);
    kernels.crossEntropyLoss(logits, integers(targets), alone);
    for (int t = 0; t < 3; t++) {
      double sum = 0;
      for (double logit : numbers(logits)[t]) {
        sum += Math.exp(logit);
      }
      double expected = -Math.log(Math.exp(numbers(logits)[t][targets[t]]) / sum);
      assertThat(numbers(loss)[0][t]).isCloseTo(expected, CLOSE);
      assertThat(numbers(alone)[0][t]).isCloseTo(expected, CLOSE);
      for (int i = 0; i < 5; i++) {
        double probability = Math.exp(numbers(logits)[t][i]) / sum;
        assertThat(numbers(dlogits)[t][i])
            .isCloseTo(0.5 * (probability - (i == targets[t] ? 1 : 0)), CLOSE);
      }
    }
  }

  @Test
  void rowsAreFoundAndPutBack() {
    Tensor x = random(4, 3);
    Tensor some = random(2, 3);
    kernels.gatherRows(x, integers(3, 1), some);
    assertSame(some, new double[][] {numbers(x)[3], numbers(x)[1]});
    Tensor embedded = random(3, 3);
    kernels.embed(integers(2, 2, 0), x, embedded);
    assertSame(embedded, new double[][] {numbers(x)[2], numbers(x)[2], numbers(x)[0]});
    Tensor target = random(4, 3);
    double[][] expected = numbers(target);
    expected[2] = numbers(some)[0];
    expected[0] = numbers(some)[1];
    kernels.scatterRows(some, integers(2, 0), target);
    assertSame(target, expected);
  }

  @Test
  void dropoutAsksPhiloxForEachElement() {
    DropoutMask mask = new DropoutMask(0.3f, 0x0123456789abcdefL, 5, 9);
    Tensor x = random(3, 7);
    Tensor out = random(3, 7);
    kernels.dropout(x, mask, out, false);
    int[] lanes = new int[4];
    int dropped = 0;
    for (int i = 0; i < 21; i++) {
      Philox.block(0x0123456789abcdefL, i / 4, (5L << 32) | 9, lanes);
      boolean keep = Integer.toUnsignedLong(lanes[i % 4]) >= 0.3f * 0x1p32;
      dropped += keep ? 0 : 1;
      double expected = keep ? numbers(x)[i / 7][i % 7] / (1 - 0.3) : 0;
      assertThat(numbers(out)[i / 7][i % 7]).isCloseTo(expected, CLOSE);
    }
    assertThat(dropped).isBetween(1, 20);
  }

  @Test
  void noiseAsksPhiloxForEachElement() {
    Tensor x = random(3, 7);
    Tensor amplitudes = random(1, 3);
    double[][] expected = numbers(x);
    int[] lanes = new int[4];
    for (int i = 0; i < 21; i++) {
      Philox.block(0x0123456789abcdefL, i / 4, (5L << 32) | 0xFFFFFFFFL, lanes);
      // From -1, inclusive, to 1 in steps of 2^-23.
      double u = Math.floor(Integer.toUnsignedLong(lanes[i % 4]) / 256.0) / (1 << 23) - 1;
      assertThat(u).isBetween(-1.0, 1.0);
      expected[i / 7][i % 7] += numbers(amplitudes)[0][i / 7] * u;
    }
    kernels.addNoise(x, amplitudes, new UniformNoise(0x0123456789abcdefL, 5, -1));
    assertSame(x, expected);
  }

  @Test
  void smallOperationsDoWhatTheySay() {
    Tensor x = random(2, 3);
    Tensor y = random(2, 3);
    double[][] sum = numbers(y);
    double squares = 0;
    for (int t = 0; t < 2; t++) {
      for (int i = 0; i < 3; i++) {
        sum[t][i] += numbers(x)[t][i];
        squares += numbers(x)[t][i] * numbers(x)[t][i];
      }
    }
    assertThat(kernels.sumOfSquares(x)).isCloseTo(squares, Offset.offset(1e-12));
    kernels.add(x, y);
    assertSame(y, sum);
    kernels.scale(y, -2);
    assertThat(numbers(y)[1][2]).isCloseTo(-2 * sum[1][2], CLOSE);
    kernels.copy(y, x);
    assertSame(x, numbers(y));
    kernels.zero(x);
    assertSame(x, new double[2][3]);
  }

  @Test
  void bfloat16IsRoundedToNearestEven() {
    for (DataType compute : new DataType[] {DataType.FLOAT, DataType.DOUBLE}) {
      try (ReferenceKernels rounding = new ReferenceKernels(compute, ElementType.BF16)) {
        // Halfway between neighbours of 1: down to the even one, up to the even one, and just over.
        float[] values = {1 + 0x1p-8f, 1 + 3 * 0x1p-8f, -1 - 0x1p-8f - 0x1p-20f, 0.3f};
        Tensor rounded = rounding.allocate(ElementType.BF16, 1, 4);
        rounding.write(rounded, values);
        assertThat(rounding.read(rounded))
            .containsExactly(1, 1 + 4 * 0x1p-8f, -1 - 2 * 0x1p-8f, 0.30078125f);
      }
    }
  }

  @Test
  void weightsAreLittleEndian() {
    byte[] half = {0x00, 0x3c, 0x00, (byte) 0xc0};
    byte[] brain = {(byte) 0x80, 0x3f, 0x00, (byte) 0xc0};
    assertThat(weight(ElementType.F16, half)).containsExactly(1, -2);
    assertThat(weight(ElementType.BF16, brain)).containsExactly(1, -2);
    byte[] full = {0, 0, (byte) 0x80, 0x3f, 0, 0, 0, (byte) 0xc0};
    assertThat(weight(ElementType.F32, full)).containsExactly(1, -2);
    assertThatThrownBy(() -> weight(ElementType.F32, half))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("4 bytes for F32(1, 2)");
  }

  private float[] weight(ElementType type, byte[] bytes) {
    return kernels.read(kernels.weight(type, 1, 2, MemorySegment.ofArray(bytes)));
  }

  @Test
  void parametersAreSharedInFloatAndCopiedInDouble() {
    INDArray master = HostArrays.matrix(DataType.FLOAT, 1, 2, new float[] {1, 2});
    Tensor copied = kernels.parameter(master);
    kernels.scale(copied, 3);
    assertThat(master.getFloat(0, 1)).isEqualTo(2);
    kernels.pull(copied);
    assertThat(master.getFloat(0, 1)).isEqualTo(6);
    master.putScalar(0, 1, 7);
    kernels.push(copied);
    assertThat(kernels.read(copied)).containsExactly(3, 7);
    try (ReferenceKernels floats = new ReferenceKernels(DataType.FLOAT, ElementType.F32)) {
      Tensor shared = floats.parameter(master);
      floats.scale(shared, 2);
      assertThat(master.getFloat(0, 1)).isEqualTo(14);
    }
    assertThat(master.getFloat(0, 0)).as("closing leaves the master alone").isEqualTo(6);
  }

  @Test
  void aResultOfTheWrongShapeIsRefused() {
    Tensor x = random(3, 5);
    Tensor narrow = random(3, 4);
    assertThatThrownBy(() -> kernels.copy(x, narrow))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("[3, 5] for F32(3, 4)");
  }

  private Tensor random(int rows, int columns) {
    float[] values = new float[rows * columns];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    Tensor tensor = kernels.allocate(ElementType.F32, rows, columns);
    kernels.write(tensor, values);
    return tensor;
  }

  private Tensor integers(int... values) {
    Tensor tensor = kernels.allocate(ElementType.I32, 1, values.length);
    kernels.write(tensor, values);
    return tensor;
  }

  private double[][] numbers(Tensor tensor) {
    float[] flat = kernels.read(tensor);
    double[][] rows = new double[tensor.rows()][tensor.columns()];
    for (int i = 0; i < flat.length; i++) {
      rows[i / tensor.columns()][i % tensor.columns()] = flat[i];
    }
    return rows;
  }

  private void assertSame(Tensor actual, double[][] expected) {
    double[][] numbers = numbers(actual);
    for (int t = 0; t < expected.length; t++) {
      assertThat(numbers[t]).containsExactly(expected[t], CLOSE);
    }
  }
}
