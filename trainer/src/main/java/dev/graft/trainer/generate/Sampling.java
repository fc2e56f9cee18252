package dev.graft.trainer.generate;

/**
 * How the next token is chosen, see {@link Sampler}.
 *
 * @param temperature what logits are divided by; 0 always takes the most likely token
 * @param topP the sum of probabilities of the most likely tokens that are drawn from; 1 for all
 */
public record Sampling(double temperature, double topP) {

  /** Always the most likely token. */
  public static final Sampling GREEDY = new Sampling(0, 1);

  public Sampling {
    if (!(temperature >= 0) || !(topP > 0 && topP <= 1)) {
      throw new IllegalArgumentException("temperature %s, top-p %s".formatted(temperature, topP));
    }
  }

  /** A sampler of its own, for one text. */
  public Sampler sampler(long seed) {
    return new Sampler(temperature, topP, seed);
  }
}
