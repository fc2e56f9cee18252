package dev.graft.trainer.compare.statistics;

import java.util.Arrays;
import java.util.Comparator;

/**
 * Holm's correction (1979, A simple sequentially rejective multiple test procedure): whoever looks
 * at many scorers must expect that one of them differs by chance.
 */
public final class Holm {

  private Holm() {}

  /**
   * Adjusted p-values, in the order given: of m values the i-th smallest is multiplied by m - i +
   * 1; none is smaller than one before it, none above 1.
   */
  public static double[] adjusted(double... pValues) {
    Integer[] order = new Integer[pValues.length];
    Arrays.setAll(order, i -> i);
    Arrays.sort(order, Comparator.comparingDouble(i -> pValues[i]));
    double[] adjusted = new double[pValues.length];
    double largest = 0;
    for (int rank = 0; rank < order.length; rank++) {
      largest = Math.max(largest, Math.min(1, (pValues.length - rank) * pValues[order[rank]]));
      adjusted[order[rank]] = largest;
    }
    return adjusted;
  }
}
