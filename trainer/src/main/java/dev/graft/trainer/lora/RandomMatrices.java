package dev.graft.trainer.lora;

import dev.graft.trainer.lora.ParameterLayout.Module;
import java.util.SplittableRandom;

/** What new adapters begin with, each matrix from a generator of its own. */
final class RandomMatrices {

  private RandomMatrices() {}

  /** Kaiming's bounds for a matrix with so many columns. */
  static float[] uniform(int size, int columns, long key) {
    SplittableRandom random = new SplittableRandom(key);
    double bound = 1 / Math.sqrt(columns);
    float[] values = new float[size];
    for (int i = 0; i < size; i++) {
      values[i] = (float) random.nextDouble(-bound, bound);
    }
    return values;
  }

  /** What PEFT's adapters of embeddings begin with; the tokens' matrix is zero. */
  static float[] gaussian(int size, long key) {
    SplittableRandom random = new SplittableRandom(key);
    float[] values = new float[size];
    for (int i = 0; i < size; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }

  static long key(Module module, long seed) {
    return key(module.projection().path(module.layer()), seed);
  }

  static long key(String path, long seed) {
    return seed * 0x9E3779B97F4A7C15L + path.hashCode();
  }
}
