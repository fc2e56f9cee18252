package dev.graft.trainer.compare.statistics;

import java.util.Arrays;

/**
 * What was measured on n examples, and the figure made of it: the mean of K ratios of sums,
 *
 * <pre>v = (1/K) Σ_k (Σ_i numerator[k][i]) / (Σ_i denominator[k][i])</pre>
 *
 * <p>A plain mean is K = 1 with denominators of 1. A micro-averaged F1 is K = 1 with 2·TP over 2·TP
 * + FP + FN; a macro-averaged one has a ratio for each class. Ratios whose denominators sum to 0
 * are left out of the mean over K. With {@code exponential} the figure is exp(v): a perplexity is
 * exp(Σ negative log-likelihoods / Σ tokens).
 *
 * <p>An example that was not measured is NaN in every numerator; see {@link #isMeasured}.
 */
@SuppressWarnings("ArrayRecordComponent") // columns of numbers, never compared
public record Observations(double[][] numerators, double[][] denominators, boolean exponential) {

  /**
   * @throws IllegalArgumentException unless all rows have one length and there are as many
   *     denominators as numerators
   */
  public Observations {
    if (numerators.length == 0 || numerators.length != denominators.length) {
      throw new IllegalArgumentException("as many denominators as numerators are needed");
    }
    for (int k = 0; k < numerators.length; k++) {
      if (numerators[k].length != numerators[0].length
          || denominators[k].length != numerators[0].length) {
        throw new IllegalArgumentException("rows of different lengths");
      }
    }
  }

  /** Values whose mean counts; NaN where an example was not measured. */
  public static Observations ofValues(double... values) {
    double[] ones = new double[values.length];
    Arrays.fill(ones, 1);
    return new Observations(new double[][] {values}, new double[][] {ones}, false);
  }

  /** The number of examples, measured or not. */
  public int size() {
    return numerators[0].length;
  }

  /** Whether there is a value for this example. */
  public boolean isMeasured(int example) {
    return !Double.isNaN(numerators[0][example]);
  }

  /** How many examples have a value. */
  public int measured() {
    int count = 0;
    for (int i = 0; i < size(); i++) {
      count += isMeasured(i) ? 1 : 0;
    }
    return count;
  }

  /** The measured examples only, in their order. */
  public Observations onlyMeasured() {
    return only(examplesWhere(this, this));
  }

  /** The numbers of the examples that both have. */
  static int[] examplesWhere(Observations a, Observations b) {
    int[] kept = new int[a.size()];
    int count = 0;
    for (int i = 0; i < a.size(); i++) {
      if (a.isMeasured(i) && b.isMeasured(i)) {
        kept[count++] = i;
      }
    }
    return Arrays.copyOf(kept, count);
  }

  Observations only(int[] examples) {
    return new Observations(
        picked(numerators, examples), picked(denominators, examples), exponential);
  }

  private static double[][] picked(double[][] rows, int[] examples) {
    double[][] picked = new double[rows.length][examples.length];
    for (int k = 0; k < rows.length; k++) {
      for (int i = 0; i < examples.length; i++) {
        picked[k][i] = rows[k][examples[i]];
      }
    }
    return picked;
  }

  /** The figure over all measured examples; NaN where nothing was measured. */
  public double value() {
    double[] tops = new double[numerators.length];
    double[] bottoms = new double[numerators.length];
    for (int k = 0; k < tops.length; k++) {
      for (int i = 0; i < size(); i++) {
        if (isMeasured(i)) {
          tops[k] += numerators[k][i];
          bottoms[k] += denominators[k][i];
        }
      }
    }
    return figure(tops, bottoms);
  }

  /** The figure of sums. */
  double figure(double[] tops, double[] bottoms) {
    double sum = 0;
    int ratios = 0;
    for (int k = 0; k < tops.length; k++) {
      if (bottoms[k] != 0) {
        sum += tops[k] / bottoms[k];
        ratios++;
      }
    }
    double mean = sum / ratios;
    return exponential ? Math.exp(mean) : mean;
  }

  /**
   * What each example contributes to the figure, so that their mean is 0 and the figure's standard
   * error is their standard deviation over √n: the influence function of a mean of ratios (the
   * linearisation of Cochran 1977, Sampling Techniques, section 6.4). For a plain mean it is the
   * value less the mean.
   *
   * @return (n), for observations that are all measured
   */
  double[] influences() {
    int n = size();
    double[] influences = new double[n];
    int ratios = 0;
    for (int k = 0; k < numerators.length; k++) {
      ratios += Arrays.stream(denominators[k]).sum() != 0 ? 1 : 0;
    }
    for (int k = 0; k < numerators.length; k++) {
      double bottom = Arrays.stream(denominators[k]).sum();
      if (bottom == 0) {
        continue;
      }
      double ratio = Arrays.stream(numerators[k]).sum() / bottom;
      for (int i = 0; i < n; i++) {
        influences[i] += (numerators[k][i] - ratio * denominators[k][i]) * n / bottom / ratios;
      }
    }
    if (exponential) {
      double value = value();
      for (int i = 0; i < n; i++) {
        influences[i] *= value;
      }
    }
    return influences;
  }

  /** Whether every measured value is 0 or 1 and only their mean counts. */
  public boolean isRightOrWrong() {
    if (numerators.length != 1 || exponential) {
      return false;
    }
    for (int i = 0; i < size(); i++) {
      double value = numerators[0][i];
      if (isMeasured(i) && ((value != 0 && value != 1) || denominators[0][i] != 1)) {
        return false;
      }
    }
    return true;
  }
}
