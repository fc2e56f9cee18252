package dev.graft.trainer.model;

import dev.graft.modelio.ModelConfig;
import dev.graft.trainer.kernels.Kernels;
import dev.graft.trainer.tensor.ElementType;
import dev.graft.trainer.tensor.Tensor;

/**
 * Cosines and sines of the rotary embedding for every position that can occur.
 *
 * @param cosine (P, hd/2) float32
 * @param sine (P, hd/2) float32
 */
record RotaryTable(Tensor cosine, Tensor sine) {

  static RotaryTable create(Kernels kernels, ModelConfig config, int positions) {
    double[] frequencies = config.inverseFrequencies();
    int half = frequencies.length;
    float[] cosines = new float[positions * half];
    float[] sines = new float[positions * half];
    for (int position = 0; position < positions; position++) {
      for (int i = 0; i < half; i++) {
        double angle = position * frequencies[i];
        cosines[position * half + i] = (float) Math.cos(angle);
        sines[position * half + i] = (float) Math.sin(angle);
      }
    }
    Tensor cosine = kernels.allocate(ElementType.F32, positions, half);
    Tensor sine = kernels.allocate(ElementType.F32, positions, half);
    kernels.write(cosine, cosines);
    kernels.write(sine, sines);
    return new RotaryTable(cosine, sine);
  }
}
