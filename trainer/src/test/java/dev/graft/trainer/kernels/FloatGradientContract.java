package dev.graft.trainer.kernels;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/**
 * Gradients in float32, along random directions of signs.
 *
 * <p>With step h the difference has an error of about h²/6 of the third derivative, and each output
 * a rounding error of 2^-24 that the difference divides by h. At h = 2^-7 both are near 1e-5 of a
 * derivative; derivatives of softmax and of long directions are a hundred times as curved.
 */
public abstract class FloatGradientContract extends GradientContract {

  @Override
  protected double step() {
    return 0x1p-7;
  }

  @Override
  protected double tolerance() {
    return 1e-3;
  }

  @Override
  protected List<float[]> directions(int dimensions) {
    Random random = new Random(dimensions);
    List<float[]> directions = new ArrayList<>();
    for (int i = 0; i < 16; i++) {
      float[] signs = new float[dimensions];
      for (int j = 0; j < dimensions; j++) {
        signs[j] = random.nextBoolean() ? 1 : -1;
      }
      directions.add(signs);
    }
    return directions;
  }
}
