package dev.graft.trainer.generate;

import java.util.Arrays;
import java.util.SplittableRandom;

/**
 * Chooses the next token from logits: greedily, or at random within the nucleus (Holtzman et al.
 * 2020, section 3.1). The same seed gives the same choices for the same logits.
 */
public final class Sampler {

  /** Probabilities below this share of the largest cannot matter to a float sum; left out early. */
  private static final double NEGLIGIBLE = 1e-12;

  private final double temperature;
  private final double topP;
  private final SplittableRandom random;

  /**
   * @param temperature what logits are divided by; 0 always takes the most likely token
   * @param topP the smallest set of most likely tokens whose probabilities reach this sum is drawn
   *     from; 1 for all
   * @throws IllegalArgumentException for a negative temperature or a topP outside (0, 1]
   */
  public Sampler(double temperature, double topP, long seed) {
    if (!(temperature >= 0) || !(topP > 0 && topP <= 1)) {
      throw new IllegalArgumentException("temperature %s, top-p %s".formatted(temperature, topP));
    }
    this.temperature = temperature;
    this.topP = topP;
    this.random = new SplittableRandom(seed);
  }

  /** One that always takes the most likely token, the first where several are. */
  public static Sampler greedy() {
    return new Sampler(0, 1, 0);
  }

  /** The id of the chosen token. */
  public int next(float[] logits) {
    int best = mostLikely(logits);
    if (temperature == 0) {
      return best;
    }
    return draw(candidates(logits, logits[best]));
  }

  private static int mostLikely(float[] logits) {
    int best = 0;
    for (int i = 1; i < logits.length; i++) {
      if (logits[i] > logits[best]) {
        best = i;
      }
    }
    return best;
  }

  private record Candidate(int id, double weight) {}

  /** All tokens that can be drawn, most likely first, with weights relative to the largest. */
  private Candidate[] candidates(float[] logits, float largest) {
    Candidate[] candidates = new Candidate[logits.length];
    int count = 0;
    for (int id = 0; id < logits.length; id++) {
      double weight = Math.exp((logits[id] - (double) largest) / temperature);
      if (weight > NEGLIGIBLE) {
        candidates[count++] = new Candidate(id, weight);
      }
    }
    Candidate[] sorted = Arrays.copyOf(candidates, count);
    Arrays.sort(sorted, (a, b) -> Double.compare(b.weight, a.weight));
    return sorted;
  }

  private int draw(Candidate[] candidates) {
    double total = 0;
    for (Candidate candidate : candidates) {
      total += candidate.weight;
    }
    double nucleus = 0;
    int kept = 0;
    while (kept < candidates.length && nucleus < topP * total) {
      nucleus += candidates[kept++].weight;
    }
    double point = random.nextDouble() * nucleus;
    for (int i = 0; i < kept; i++) {
      point -= candidates[i].weight;
      if (point < 0) {
        return candidates[i].id;
      }
    }
    return candidates[kept - 1].id;
  }
}
