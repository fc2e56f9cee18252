package dev.graft.trainer.export;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * How far an artifact may be from base and adapter in the trainer.
 *
 * @param maxLogit the largest difference of a logit, in standard deviations of the logits. It is
 *     the worst of millions, mostly of a token that nobody would draw, so it is there to find the
 *     grossly wrong; what matters to a reader is bounded by the other two
 * @param meanKl in nats
 * @param equalShare the least share of equal greedy tokens
 * @param reason why these numbers
 */
record Tolerance(double maxLogit, double meanKl, double equalShare, String reason) {
  /**
   * An artifact may be at most this much of the way from base and adapter that the base alone is:
   * otherwise rounding has taken back what was learned, however small both are.
   */
  static final double SHARE_OF_EFFECT = 0.5;

  /** Below this mean KL from the base an adapter changes nothing that float32 could show. */
  static final double NO_EFFECT = 1e-9;

  /**
   * The tolerance for weights of a type.
   *
   * @param lossless whether the artifact keeps every weight as the trainer has it
   */
  static Tolerance of(String type, boolean lossless) {
    if (lossless) {
      return new Tolerance(
          1e-3,
          1e-6,
          0.99,
          "nothing is rounded to fewer bits, so only the order of float32 sums may differ");
    }
    return switch (type) {
      case "f32" ->
          new Tolerance(
              1e-3,
              1e-6,
              0.99,
              "merged in float32: each weight is rounded by at most 2^-24 of itself");
      case "f16" ->
          new Tolerance(
              0.05,
              1e-3,
              0.95,
              "f16: each weight is rounded by at most 2^-11 of itself (half a unit in the last of"
                  + " its 11 bits)");
      case "bf16" ->
          new Tolerance(
              1,
              1e-2,
              0.9,
              "bf16: each weight is rounded by at most 2^-8 of itself (half a unit in the last of"
                  + " its 8 bits)");
      case "q8_0" ->
          new Tolerance(
              2,
              1e-2,
              0.9,
              "q8_0: each weight is rounded by at most 1/254 of the largest in its block of 32");
      default -> throw new IllegalArgumentException("no tolerance for " + type);
    };
  }

  /**
   * What is beyond the tolerance, a sentence each; empty where all is well.
   *
   * @param effect how far the base without the adapter is
   */
  List<String> violations(Divergence found, Divergence effect) {
    List<String> violations = new ArrayList<>();
    double inSpreads = found.maxLogit() / found.spread();
    if (!(inSpreads <= maxLogit)) {
      violations.add(
          say(
              "the largest logit difference is %.3g standard deviations, %.3g are tolerated",
              inSpreads, maxLogit));
    }
    if (!(found.meanKl() <= meanKl)) {
      violations.add(
          say("the mean KL divergence is %.3g nats, %.3g are tolerated", found.meanKl(), meanKl));
    }
    if (!(found.equalShare() >= equalShare)) {
      violations.add(
          say(
              "%.1f %% of the greedy tokens are equal, %.1f %% are needed",
              100 * found.equalShare(), 100 * equalShare));
    }
    if (effect.meanKl() > NO_EFFECT && found.meanKl() > SHARE_OF_EFFECT * effect.meanKl()) {
      violations.add(
          say(
              "it is %.2g nats from base and adapter, the base alone %.2g: rounding takes back most"
                  + " of what was learned",
              found.meanKl(), effect.meanKl()));
    }
    return violations;
  }

  @SuppressWarnings("AnnotateFormatMethod")
  private static String say(String format, Object... values) {
    return String.format(Locale.ROOT, format, values);
  }
}
