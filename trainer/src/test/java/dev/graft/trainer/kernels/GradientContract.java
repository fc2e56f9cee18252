package dev.graft.trainer.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import dev.graft.trainer.tensor.ElementType;
import dev.graft.trainer.tensor.Tensor;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * Every backward against its own forward: how {@code f = ½ ‖out + c‖²} changes along a direction,
 * by central differences and by the gradient. Everything goes through {@link Kernels}, whose {@link
 * Kernels#sumOfSquares} sums in double, so that the same checks run in any precision and on any
 * device. c keeps f from being blind to what a norm or a rotation leaves alone.
 */
public abstract class GradientContract {

  private static final AttentionShape SHAPE = new AttentionShape(4, 2, 6, 3);
  private static final int[] SEGMENTS = {0, 0, 0, 0, 0, 5, 6, 6};

  private final Random random = new Random(3);
  private Kernels kernels;

  /** New kernels with float32 activations, closed by the contract. */
  protected abstract Kernels create();

  /** How far to go along a direction, both ways. */
  protected abstract double step();

  /** What may separate the two derivatives, relative to a typical derivative. */
  protected abstract double tolerance();

  /** Directions in a space of this many dimensions. */
  protected abstract List<float[]> directions(int dimensions);

  @BeforeEach
  void open() {
    kernels = create();
  }

  @AfterEach
  void close() {
    kernels.close();
  }

  @Test
  void linear() {
    Tensor x = random(5, 7);
    Tensor w = random(3, 7);
    Tensor y = zeros(5, 3);
    Tensor dx = zeros(5, 7);
    Tensor dw = zeros(3, 7);
    Runnable forward = () -> kernels.linear(x, w, y, false);
    check(x, y, forward, dy -> kernels.linearBackwardInput(dy, w, dx, false), dx);
    check(w, y, forward, dy -> kernels.linearBackwardWeight(dy, x, dw, false), dw);
  }

  @Test
  void rmsNorm() {
    Tensor x = random(3, 7);
    Tensor weight = random(1, 7);
    Tensor y = zeros(3, 7);
    Tensor inverseRms = zeros(1, 3);
    Tensor dx = zeros(3, 7);
    Runnable forward = () -> kernels.rmsNorm(x, weight, 0.1f, y, inverseRms);
    check(x, y, forward, dy -> kernels.rmsNormBackward(dy, x, weight, inverseRms, dx), dx);
    Tensor dweight = zeros(1, 7);
    check(
        weight,
        y,
        forward,
        dy -> kernels.rmsNormBackwardWeight(dy, x, inverseRms, dweight),
        dweight);
  }

  @Test
  void scaleColumns() {
    Tensor x = random(5, 7);
    Tensor factors = random(1, 7);
    Tensor y = zeros(5, 7);
    Tensor dx = zeros(5, 7);
    Tensor dfactors = zeros(1, 7);
    Tensor ones = zeros(1, 7);
    kernels.write(ones, new float[] {1, 1, 1, 1, 1, 1, 1});
    Runnable forward = () -> kernels.scaleColumns(x, factors, y, false);
    check(x, y, forward, dy -> kernels.scaleColumns(dy, factors, dx, false), dx);
    check(
        factors,
        y,
        forward,
        dy -> kernels.scaleColumnsBackwardFactors(dy, x, ones, dfactors),
        dfactors);
  }

  @Test
  void embed() {
    Tensor table = random(4, 7);
    Tensor ids = integers(3, 0, 3, 2, 3);
    Tensor out = zeros(5, 7);
    Tensor dtable = zeros(4, 7);
    Runnable forward = () -> kernels.embed(ids, table, out);
    check(table, out, forward, dout -> kernels.embedBackward(ids, dout, dtable), dtable);
  }

  @Test
  void rope() {
    Tensor x = random(4, 12);
    Tensor y = zeros(4, 12);
    // Any numbers: the backward is the transpose even where cos² + sin² is not 1.
    Tensor cosine = random(9, 3);
    Tensor sine = random(9, 3);
    Tensor positions = integers(8, 0, 3, 5);
    Tensor dx = zeros(4, 12);
    Runnable forward =
        () -> {
          kernels.copy(x, y);
          kernels.rope(y, positions, cosine, sine);
        };
    check(
        x,
        y,
        forward,
        dy -> {
          kernels.copy(dy, dx);
          kernels.ropeBackward(dx, positions, cosine, sine);
        },
        dx);
  }

  @Test
  void attention() {
    int tokens = SEGMENTS.length;
    Tensor q = random(tokens, SHAPE.queryColumns());
    Tensor k = random(tokens, SHAPE.keyColumns());
    Tensor v = random(tokens, SHAPE.keyColumns());
    Tensor starts = integers(SEGMENTS);
    Tensor out = zeros(tokens, SHAPE.queryColumns());
    Tensor lse = zeros(SHAPE.heads(), tokens);
    Tensor dq = zeros(tokens, SHAPE.queryColumns());
    Tensor dk = zeros(tokens, SHAPE.keyColumns());
    Tensor dv = zeros(tokens, SHAPE.keyColumns());
    Runnable forward = () -> kernels.attention(q, k, v, starts, SHAPE, out, lse);
    Backward backward =
        dout -> kernels.attentionBackward(q, k, v, starts, SHAPE, out, lse, dout, dq, dk, dv);
    check(q, out, forward, backward, dq);
    check(k, out, forward, backward, dk);
    check(v, out, forward, backward, dv);
  }

  @Test
  void swiGlu() {
    Tensor gate = random(3, 7);
    Tensor up = random(3, 7);
    Tensor out = zeros(3, 7);
    Tensor dgate = zeros(3, 7);
    Tensor dup = zeros(3, 7);
    Runnable forward = () -> kernels.swiGlu(gate, up, out);
    Backward backward = dout -> kernels.swiGluBackward(gate, up, dout, dgate, dup);
    check(gate, out, forward, backward, dgate);
    check(up, out, forward, backward, dup);
  }

  @Test
  void dropout() {
    DropoutMask mask = new DropoutMask(0.4f, 17, 2, 3);
    Tensor x = random(3, 7);
    Tensor out = zeros(3, 7);
    Tensor dx = zeros(3, 7);
    Runnable forward = () -> kernels.dropout(x, mask, out, false);
    check(x, out, forward, dout -> kernels.dropout(dout, mask, dx, false), dx);
  }

  @Test
  void crossEntropy() {
    int rows = 3;
    Tensor logits = random(rows, 7);
    Tensor targets = integers(6, 0, 3);
    Tensor loss = zeros(1, rows);
    Tensor dlogits = zeros(rows, 7);
    float scale = 0.25f;
    Runnable forward = () -> kernels.crossEntropyLoss(logits, targets, loss);
    Backward backward =
        dloss -> {
          kernels.crossEntropy(logits, targets, scale, loss, dlogits);
          float[] each = kernels.read(dloss);
          for (int row = 0; row < rows; row++) {
            // The kernels take every dL/dloss to be the scale.
            kernels.scale(dlogits.rows(row, 1), each[row] / scale);
          }
        };
    check(logits, loss, forward, backward, dlogits);
  }

  /** Fills the gradient of an input, given the gradient of the output. */
  private interface Backward {

    void from(Tensor dout);
  }

  private void check(
      Tensor input, Tensor out, Runnable forward, Backward backward, Tensor gradient) {
    Tensor constant = random(out.rows(), out.columns());
    Tensor sum = zeros(out.rows(), out.columns());
    forward.run();
    halfSquare(out, constant, sum); // whose gradient is the sum
    kernels.zero(gradient);
    backward.from(sum);
    float[] slopes = kernels.read(gradient);
    double norm = 0;
    for (float slope : slopes) {
      norm += (double) slope * slope;
    }
    double typical = Math.sqrt(norm / slopes.length);
    assertThat(typical).isGreaterThan(0.01);

    Tensor start = zeros(input.rows(), input.columns());
    kernels.copy(input, start);
    Tensor move = zeros(input.rows(), input.columns());
    for (float[] direction : directions(slopes.length)) {
      double expected = 0;
      double length = 0;
      for (int i = 0; i < slopes.length; i++) {
        expected += (double) slopes[i] * direction[i];
        length += (double) direction[i] * direction[i];
      }
      double[] f = new double[2];
      for (int side = 0; side < 2; side++) {
        kernels.write(move, direction);
        kernels.scale(move, (float) (side == 0 ? -step() : step()));
        kernels.copy(start, input);
        kernels.add(move, input);
        forward.run();
        f[side] = halfSquare(out, constant, sum);
      }
      // The step that was taken, not the one that was asked for: float has no 1e-5.
      double difference = (f[1] - f[0]) / (2 * (double) (float) step());
      double scale = Math.abs(expected) + typical * Math.sqrt(length);
      assertThat(Math.abs(difference - expected))
          .as("by differences %s, by the backward %s", difference, expected)
          .isLessThanOrEqualTo(tolerance() * scale);
    }
    kernels.copy(start, input);
    forward.run();
  }

  private double halfSquare(Tensor out, Tensor constant, Tensor sum) {
    kernels.copy(constant, sum);
    kernels.add(out, sum);
    return kernels.sumOfSquares(sum) / 2;
  }

  private Tensor zeros(int rows, int columns) {
    return kernels.allocate(ElementType.F32, rows, columns);
  }

  private Tensor random(int rows, int columns) {
    float[] values = new float[rows * columns];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    Tensor tensor = zeros(rows, columns);
    kernels.write(tensor, values);
    return tensor;
  }

  private Tensor integers(int... values) {
    Tensor tensor = kernels.allocate(ElementType.I32, 1, values.length);
    kernels.write(tensor, values);
    return tensor;
  }
}
