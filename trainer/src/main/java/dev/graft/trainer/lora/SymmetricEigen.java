package dev.graft.trainer.lora;

import java.util.Arrays;
import java.util.Comparator;
import java.util.stream.IntStream;

/**
 * Eigenvalues and eigenvectors of a small symmetric matrix, by Jacobi's rotations (Golub and Van
 * Loan, Matrix Computations, section 8.5): slow, and as exact as doubles are.
 *
 * @param values descending
 * @param vectors the i-th row belongs to the i-th value; orthonormal
 */
@SuppressWarnings("ArrayRecordComponent") // handed over, never changed, never compared
record SymmetricEigen(double[] values, double[][] vectors) {

  /** Each sweep squares what is left beside the diagonal; ten are plenty. */
  private static final int MOST_SWEEPS = 60;

  static SymmetricEigen of(double[][] matrix) {
    int n = matrix.length;
    double[][] a = Arrays.stream(matrix).map(double[]::clone).toArray(double[][]::new);
    double[][] vectors = new double[n][n];
    for (int i = 0; i < n; i++) {
      vectors[i][i] = 1;
    }
    for (int sweep = 0; sweep < MOST_SWEEPS && besideDiagonal(a) > 0; sweep++) {
      for (int p = 0; p < n; p++) {
        for (int q = p + 1; q < n; q++) {
          rotate(a, vectors, p, q);
        }
      }
    }
    Integer[] order =
        IntStream.range(0, n)
            .boxed()
            .sorted(Comparator.comparingDouble((Integer i) -> a[i][i]).reversed())
            .toArray(Integer[]::new);
    return new SymmetricEigen(
        Arrays.stream(order).mapToDouble(i -> a[i][i]).toArray(),
        Arrays.stream(order).map(i -> vectors[i]).toArray(double[][]::new));
  }

  /** The largest element beside the diagonal that is not lost against it; 0 when done. */
  private static double besideDiagonal(double[][] a) {
    double largest = 0;
    for (int p = 0; p < a.length; p++) {
      for (int q = p + 1; q < a.length; q++) {
        double size = Math.abs(a[p][q]);
        double diagonal = Math.sqrt(Math.abs(a[p][p] * a[q][q]));
        largest = Math.max(largest, size > 1e-16 * diagonal && size > 1e-300 ? size : 0);
      }
    }
    return largest;
  }

  /** Turns the plane of p and q such that their element beside the diagonal vanishes. */
  private static void rotate(double[][] a, double[][] vectors, int p, int q) {
    if (a[p][q] == 0) {
      return;
    }
    double theta = (a[q][q] - a[p][p]) / (2 * a[p][q]);
    double t = Math.copySign(1, theta) / (Math.abs(theta) + Math.hypot(theta, 1));
    double c = 1 / Math.hypot(t, 1);
    double s = t * c;
    for (int i = 0; i < a.length; i++) {
      double ip = a[i][p];
      double iq = a[i][q];
      a[i][p] = c * ip - s * iq;
      a[i][q] = s * ip + c * iq;
    }
    turn(a[p], a[q], c, s);
    turn(vectors[p], vectors[q], c, s);
    a[p][q] = 0;
    a[q][p] = 0;
  }

  private static void turn(double[] p, double[] q, double c, double s) {
    for (int i = 0; i < p.length; i++) {
      double was = p[i];
      p[i] = c * was - s * q[i];
      q[i] = s * was + c * q[i];
    }
  }
}
