package dev.graft.trainer.selftest;

/**
 * What a check found.
 *
 * @param error the largest in units of what is allowed, absolute
 * @param allowed where that error is; 0 where numbers have to be the same
 * @param failure what is wrong, or nothing
 */
public record Outcome(double error, double allowed, String failure) {

  /** All numbers were what they have to be. */
  static final Outcome EXACT = new Outcome(0, 0, "");

  /** Whether the kernels did what they have to. */
  public boolean passed() {
    return failure.isEmpty();
  }

  /** The error in units of what is allowed; infinite where no error is, or a number is none. */
  public double ratio() {
    if (error == 0) {
      return 0;
    }
    double ratio = error / allowed;
    return Double.isNaN(ratio) ? Double.POSITIVE_INFINITY : ratio;
  }

  /** The one with the larger error. */
  Outcome orWorse(Outcome other) {
    return other.ratio() > ratio() || other.ratio() == ratio() && other.allowed > allowed
        ? other
        : this;
  }

  Outcome failed(String why) {
    return new Outcome(error, allowed, why);
  }
}
