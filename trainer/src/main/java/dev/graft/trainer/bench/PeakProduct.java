package dev.graft.trainer.bench;

import dev.graft.trainer.kernels.Kernels;
import dev.graft.trainer.tensor.ElementType;
import dev.graft.trainer.tensor.Tensor;
import java.util.Random;

/**
 * How fast products can be at best: one product of large square matrices, {@code Y = X Wᵀ}, again
 * and again. Their numbers are random, since a processor that multiplies zeros draws less power and
 * may run faster than any step can.
 */
final class PeakProduct {

  private static final int ROUNDS = 3;
  private static final double ROUND_SECONDS = 0.3;
  private static final int ROWS_AT_ONCE = 256;

  private PeakProduct() {}

  /** The best of three rates, in 10⁹ floating-point operations a second. */
  static double gflops(Kernels kernels, int size) {
    ElementType type = kernels.activationType();
    Tensor x = random(kernels, type, size, 1);
    Tensor w = random(kernels, type, size, 2);
    Tensor y = kernels.allocate(type, size, size);
    Runnable product = () -> kernels.linear(x, w, y, false);
    product.run(); // chooses an algorithm, compiles code, touches memory
    double once = Clock.seconds(kernels, product);
    int times = (int) Math.max(1, Math.min(1000, ROUND_SECONDS / once));
    double shortest = Double.MAX_VALUE;
    for (int round = 0; round < ROUNDS; round++) {
      double seconds =
          Clock.seconds(
              kernels,
              () -> {
                for (int i = 0; i < times; i++) {
                  product.run();
                }
              });
      shortest = Math.min(shortest, seconds / times);
    }
    return 2.0 * size * size * size / shortest / 1e9;
  }

  private static Tensor random(Kernels kernels, ElementType type, int size, long seed) {
    Tensor tensor = kernels.allocate(type, size, size);
    Random random = new Random(seed);
    for (int from = 0; from < size; from += ROWS_AT_ONCE) {
      int rows = Math.min(ROWS_AT_ONCE, size - from);
      float[] values = new float[rows * size];
      for (int i = 0; i < values.length; i++) {
        values[i] = random.nextFloat() - 0.5f;
      }
      kernels.write(tensor.rows(from, rows), values);
    }
    return tensor;
  }
}
