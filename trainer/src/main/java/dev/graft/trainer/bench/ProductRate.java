package dev.graft.trainer.bench;

import dev.graft.modelio.ModelConfig;
import dev.graft.modelio.Projection;
import dev.graft.trainer.kernels.Kernels;
import dev.graft.trainer.tensor.ElementType;
import dev.graft.trainer.tensor.Tensor;
import java.lang.foreign.Arena;

/**
 * How fast this machine would train a model, told from its shape alone: as if a step were its base
 * products, forward and towards the input, and nothing else. One product of a common size is
 * measured, which takes a fraction of a second. The true rate is somewhat lower.
 */
public final class ProductRate {
  private static final int TOKENS = 256;
  private static final int WIDTH = 2048;
  private static final int ROUNDS = 3;

  private ProductRate() {}

  /** Tokens a second, at most. */
  public static double tokensPerSecond(ModelConfig model, Kernels kernels) {
    return flopsPerSecond(kernels) / (4.0 * weights(model));
  }

  private static double flopsPerSecond(Kernels kernels) {
    ElementType type = kernels.activationType();
    try (Arena arena = Arena.ofConfined()) {
      Tensor x = kernels.allocate(type, TOKENS, WIDTH);
      Tensor y = kernels.allocate(type, TOKENS, WIDTH);
      long bytes = (long) WIDTH * WIDTH * type.bytes();
      Tensor w = kernels.weight(type, WIDTH, WIDTH, arena.allocate(bytes, Long.BYTES));
      double shortest = Double.MAX_VALUE;
      // The first round compiles code and touches memory.
      for (int round = 0; round <= ROUNDS; round++) {
        double seconds =
            Clock.seconds(
                kernels,
                () -> {
                  kernels.linear(x, w, y, false);
                  kernels.linearBackwardInput(y, w, x, false);
                });
        shortest = round == 0 ? shortest : Math.min(shortest, seconds);
      }
      return 4.0 * TOKENS * WIDTH * WIDTH / shortest;
    }
  }

  /** The layers' seven products and the output projection. */
  private static long weights(ModelConfig model) {
    long layer = 0;
    for (Projection projection : Projection.values()) {
      layer += (long) projection.inFeatures(model) * projection.outFeatures(model);
    }
    return model.layers() * layer + (long) model.vocabSize() * model.hiddenSize();
  }
}
