package dev.graft.trainer.lora;

import dev.graft.trainer.kernels.Kernels;
import dev.graft.trainer.tensor.ElementType;
import dev.graft.trainer.tensor.Tensor;
import java.util.SplittableRandom;

/**
 * The largest singular values of frozen weights with their vectors, by randomized subspace
 * iteration (Halko, Martinsson and Tropp 2011, algorithms 4.4 and 5.1): a few random rows are
 * multiplied with W Wᵀ again and again, made orthonormal in between, until they span the rows that
 * W stretches most. W is only ever multiplied with, where it lies.
 */
final class PrincipalComponents {

  /** Rows beyond those that are wanted, which make the wanted ones exact. */
  private static final int EXTRA = 8;

  /** A direction with less than this of the largest one's square is rounding. */
  private static final double NOTHING = 1e-12;

  /** bfloat16 numbers that a float32 number is the sum of. */
  private static final int PARTS_OF_FLOAT = 3;

  /**
   * The components of one weight, the largest first.
   *
   * @param values singular values; 0 where the weight has no more
   * @param left (rank, out), each row a singular vector
   * @param right (rank, in) likewise
   */
  @SuppressWarnings("ArrayRecordComponent") // handed over, never changed, never compared
  record Components(double[] values, double[][] left, double[][] right) {}

  private final Kernels kernels;
  private final int parts;
  private final Tensor operand; // (parts · largest k, widest) act
  private final Tensor product; // (parts · largest k, widest) float32

  /**
   * @param rank the largest that will be asked for
   * @param widest the longest side of a weight
   */
  PrincipalComponents(Kernels kernels, int rank, int widest) {
    this.kernels = kernels;
    this.parts = parts(kernels.activationType());
    int rows = parts * (rank + EXTRA);
    this.operand = kernels.allocate(kernels.activationType(), rows, widest);
    this.product = kernels.allocate(ElementType.F32, rows, widest);
  }

  /** Bytes that are allocated for it. */
  static long bytes(ElementType act, int rank, int widest) {
    return (long) parts(act) * (rank + EXTRA) * widest * (act.bytes() + Float.BYTES);
  }

  private static int parts(ElementType act) {
    return act == ElementType.F32 ? 1 : PARTS_OF_FLOAT;
  }

  /**
   * Computes.
   *
   * @param weight (out, in)
   * @param iterations how often W Wᵀ is applied beyond once
   */
  Components of(Tensor weight, int rank, int iterations, long seed) {
    int k = Math.min(rank + EXTRA, Math.min(weight.rows(), weight.columns()));
    SplittableRandom random = new SplittableRandom(seed);
    double[][] start = new double[k][weight.columns()];
    for (double[] row : start) {
      for (int i = 0; i < row.length; i++) {
        row[i] = random.nextGaussian();
      }
    }
    double[][] q = orthonormal(timesTransposed(start, weight)); // (k, out)
    for (int i = 0; i < iterations; i++) {
      q = orthonormal(timesTransposed(orthonormal(times(q, weight)), weight));
    }
    double[][] small = times(q, weight); // (k, in): Q W, whose singular vectors turn Q's
    SymmetricEigen eigen = SymmetricEigen.of(gram(small));
    double[] values = new double[rank];
    double[][] left = new double[rank][weight.rows()];
    double[][] right = new double[rank][weight.columns()];
    for (int i = 0; i < Math.min(rank, k); i++) {
      if (eigen.values()[i] > NOTHING * eigen.values()[0]) {
        values[i] = Math.sqrt(eigen.values()[i]);
        left[i] = combined(eigen.vectors()[i], q, 1);
        right[i] = combined(eigen.vectors()[i], small, 1 / values[i]);
      }
    }
    return new Components(values, left, right);
  }

  /** {@code x Wᵀ} of (k, in). */
  private double[][] timesTransposed(double[][] x, Tensor weight) {
    return multiplied(
        x, weight.columns(), weight.rows(), (in, out) -> kernels.linear(in, weight, out, false));
  }

  /** {@code x W} of (k, out). */
  private double[][] times(double[][] x, Tensor weight) {
    return multiplied(
        x,
        weight.rows(),
        weight.columns(),
        (in, out) -> kernels.linearBackwardInput(in, weight, out, false));
  }

  private interface Product {
    void compute(Tensor operand, Tensor product);
  }

  /**
   * A product in float32 precision, whatever type products read: x goes in as a sum of as many
   * matrices of that type as it takes.
   */
  private double[][] multiplied(double[][] x, int columns, int results, Product by) {
    Tensor in = operand.rows(0, parts * x.length).columns(0, columns);
    Tensor out = product.rows(0, parts * x.length).columns(0, results);
    float[] rest = new float[x.length * columns];
    for (int i = 0; i < rest.length; i++) {
      rest[i] = (float) x[i / columns][i % columns];
    }
    for (int part = 0; part < parts; part++) {
      Tensor rows = in.rows(part * x.length, x.length);
      kernels.write(rows, rest);
      float[] rounded = kernels.read(rows);
      for (int i = 0; i < rest.length; i++) {
        rest[i] -= rounded[i];
      }
    }
    by.compute(in, out);
    float[] products = kernels.read(out);
    double[][] sum = new double[x.length][results];
    for (int i = 0; i < products.length; i++) {
      sum[i / results % x.length][i % results] += products[i];
    }
    return sum;
  }

  /** Rows of the same span that are orthonormal; zero where there are fewer directions. */
  private static double[][] orthonormal(double[][] rows) {
    SymmetricEigen eigen = SymmetricEigen.of(gram(rows));
    double[][] orthonormal = new double[rows.length][rows[0].length];
    for (int i = 0; i < rows.length; i++) {
      double square = eigen.values()[i];
      if (square > NOTHING * eigen.values()[0]) {
        orthonormal[i] = combined(eigen.vectors()[i], rows, 1 / Math.sqrt(square));
      }
    }
    return orthonormal;
  }

  /** {@code rows rowsᵀ}. */
  private static double[][] gram(double[][] rows) {
    double[][] gram = new double[rows.length][rows.length];
    for (int i = 0; i < rows.length; i++) {
      for (int j = 0; j <= i; j++) {
        double sum = 0;
        for (int column = 0; column < rows[i].length; column++) {
          sum += rows[i][column] * rows[j][column];
        }
        gram[i][j] = sum;
        gram[j][i] = sum;
      }
    }
    return gram;
  }

  /** {@code factor · Σ weights · rows}. */
  private static double[] combined(double[] weights, double[][] rows, double factor) {
    double[] sum = new double[rows[0].length];
    for (int row = 0; row < rows.length; row++) {
      double weight = factor * weights[row];
      for (int column = 0; column < sum.length; column++) {
        sum[column] += weight * rows[row][column];
      }
    }
    return sum;
  }
}
