package dev.graft.modelio;

import java.util.List;

/**
 * How rotary position embeddings are stretched beyond the length a model was first trained on.
 * Definitions: {@code modeling_rope_utils.py} in Hugging Face transformers.
 */
public sealed interface RopeScaling {
  /** The original RoPE, {@code rope_type: default}. */
  record None() implements RopeScaling {}

  /** Every frequency divided by {@code factor}: positions are interpolated. */
  record Linear(double factor) implements RopeScaling {}

  /**
   * Llama 3.1's: long wavelengths are divided by {@code factor}, short ones kept, those between
   * blended.
   *
   * @param lowFreqFactor wavelengths above {@code originalMaxPositionEmbeddings / lowFreqFactor}
   *     are long
   * @param highFreqFactor wavelengths below {@code originalMaxPositionEmbeddings / highFreqFactor}
   *     are short
   */
  record Llama3(
      double factor, double lowFreqFactor, double highFreqFactor, int originalMaxPositionEmbeddings)
      implements RopeScaling {}

  /**
   * Every frequency divided by a number of its own, which is how GGUF files have Llama 3.1's.
   *
   * @param divisors headDim / 2 of them
   */
  record Divided(List<Double> divisors) implements RopeScaling {
    public Divided {
      divisors = List.copyOf(divisors);
    }
  }

  /**
   * The inverse frequencies: {@code theta^(-2i/headDim)} for i in 0 .. headDim/2 - 1, scaled.
   *
   * @return {@code (headDim / 2)} radians per position, in double precision
   */
  default double[] inverseFrequencies(double theta, int headDim) {
    double[] frequencies = new double[headDim / 2];
    for (int i = 0; i < frequencies.length; i++) {
      double frequency = Math.pow(theta, -2.0 * i / headDim);
      frequencies[i] =
          switch (this) {
            case None() -> frequency;
            case Linear(double factor) -> frequency / factor;
            case Llama3 llama3 -> scale(llama3, frequency);
            case Divided(List<Double> divisors) -> frequency / divisors.get(i);
          };
    }
    return frequencies;
  }

  private static double scale(Llama3 llama3, double frequency) {
    double rotations = llama3.originalMaxPositionEmbeddings() * frequency / (2 * Math.PI);
    if (rotations > llama3.highFreqFactor()) {
      return frequency;
    }
    if (rotations < llama3.lowFreqFactor()) {
      return frequency / llama3.factor();
    }
    double kept =
        (rotations - llama3.lowFreqFactor()) / (llama3.highFreqFactor() - llama3.lowFreqFactor());
    return (1 - kept) * frequency / llama3.factor() + kept * frequency;
  }
}
