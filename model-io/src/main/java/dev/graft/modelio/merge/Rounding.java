package dev.graft.modelio.merge;

import dev.graft.modelio.rows.EncodedRows;
import dev.graft.modelio.rows.RowError;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * What storing a merged model has cost, compared with the same weights in float32.
 *
 * @param maxAbsolute the largest difference of a weight
 * @param worstTensor where that is; empty where nothing was rounded
 * @param maxRelative the largest difference of a weight relative to that weight
 * @param relativeToWeights the norm of all differences relative to the norm of the weights
 * @param relativeToUpdate the norm of the differences in the adapted tensors relative to the norm
 *     of what the adapter changes there: 1 means that rounding is as large as what was learned. NaN
 *     where the adapter changes nothing
 */
public record Rounding(
    double maxAbsolute,
    String worstTensor,
    double maxRelative,
    double relativeToWeights,
    double relativeToUpdate) {

  /** Sums over the tensors of a file while it is written. */
  public static final class Meter {
    private final MergedWeights weights;
    private final Map<String, EncodedRows> tensors = new LinkedHashMap<>();

    public Meter(MergedWeights weights) {
      this.weights = weights;
    }

    /** Has a tensor measured; gives back the rows. */
    public EncodedRows watch(String name, EncodedRows rows) {
      tensors.put(name, rows);
      return rows;
    }

    /** What it came to, once everything is written. */
    public Rounding total() {
      RowError all = RowError.NONE;
      double adaptedErrors = 0;
      double updates = 0;
      String worst = "";
      for (Map.Entry<String, EncodedRows> tensor : tensors.entrySet()) {
        RowError error = tensor.getValue().error();
        if (error.maxAbsolute() > all.maxAbsolute()) {
          worst = tensor.getKey();
        }
        all = all.plus(error);
        if (weights.changes(tensor.getKey())) {
          adaptedErrors += error.errorSquares();
          updates += weights.updateSquares(tensor.getKey());
        }
      }
      return new Rounding(
          all.maxAbsolute(),
          worst,
          all.maxRelative(),
          Math.sqrt(all.errorSquares() / Math.max(all.valueSquares(), Double.MIN_NORMAL)),
          Math.sqrt(adaptedErrors / updates));
    }
  }
}
