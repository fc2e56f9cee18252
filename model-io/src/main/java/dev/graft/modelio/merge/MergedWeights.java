package dev.graft.modelio.merge;

import dev.graft.modelio.ModelConfig;
import dev.graft.modelio.ModelWeights;
import dev.graft.modelio.TensorView;
import dev.graft.modelio.peft.LoraWeights;
import dev.graft.modelio.peft.PeftAdapter;
import dev.graft.modelio.peft.VocabularyLora;
import dev.graft.modelio.rows.RowSource;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A base model with an adapter merged in: {@code W + scale · B · A} in float32, with DoRA each row
 * at the length that was learned, row by row as the rows are asked for, rounded nowhere. Without an
 * adapter, the base model.
 */
public final class MergedWeights {
  private final ModelWeights base;
  private final Map<String, MergedRows> merged = new HashMap<>();

  /**
   * Nothing is computed yet.
   *
   * @param adapter of this base's shapes; absent for the base alone
   */
  public MergedWeights(ModelWeights base, Optional<PeftAdapter> adapter) {
    this.base = base;
    adapter.ifPresent(present -> {
      for (LoraWeights lora : present.weights()) {
        String name = lora.projection().path(lora.layer()) + ".weight";
        float scale = (float) present.config().scale(lora.layer(), lora.projection());
        merged.put(
            name,
            new MergedRows(
                base.tensor(name), lora.b(), lora.a(), lora.rank(), lora.magnitude(), scale));
      }
      for (VocabularyLora lora : present.vocabulary()) {
        String name = lora.module().weight();
        float scale = (float) present.config().scale(lora.module().path());
        merged.put(
            name,
            new MergedRows(
                base.tensor(name), lora.tokens(), lora.hidden(), lora.rank(), new float[0], scale));
      }
    });
  }

  /** The base's configuration, which is the merged model's. */
  public ModelConfig config() {
    return base.config();
  }

  /** A weight of the base as it is stored. */
  public TensorView baseTensor(String name) {
    return base.tensor(name);
  }

  /** Whether the adapter changes a tensor. */
  public boolean changes(String name) {
    return merged.containsKey(name);
  }

  /** A weight of the merged model. */
  public RowSource rows(String name) {
    @Nullable RowSource rows = merged.get(name);
    return rows == null ? RowSource.of(base.tensor(name)) : rows;
  }

  /**
   * The sum of the squares of what the adapter changes over the rows computed so far; 0 for the
   * others.
   */
  double updateSquares(String name) {
    @Nullable MergedRows rows = merged.get(name);
    return rows == null ? 0 : rows.updateSquares();
  }

  /**
   * One merged weight, W + scale · left · right.
   *
   * <p>left is (out, rank), right (rank, in), and the magnitudes (out), or none.
   */
  private static final class MergedRows implements RowSource {
    private final RowSource base;
    private final float[] left;
    private final float[] right;
    private final int rank;
    private final float[] magnitude;
    private final float scale;
    private final double[] updateSquares;

    MergedRows(
        TensorView base, float[] left, float[] right, int rank, float[] magnitude, float scale) {
      this.base = RowSource.of(base);
      this.left = left;
      this.right = right;
      this.rank = rank;
      this.magnitude = magnitude;
      this.scale = scale;
      this.updateSquares = new double[left.length / rank];
    }

    @Override
    public int rows() {
      return base.rows();
    }

    @Override
    public int columns() {
      return base.columns();
    }

    @Override
    public void row(int index, float[] target) {
      float[] update = new float[target.length];
      for (int r = 0; r < rank; r++) {
        float weight = scale * left[index * rank + r];
        int from = r * target.length;
        for (int i = 0; i < target.length; i++) {
          update[i] += weight * right[from + i];
        }
      }
      base.row(index, target);
      float gain = gain(index, target, update);
      double squares = 0;
      for (int i = 0; i < target.length; i++) {
        float before = target[i];
        target[i] = gain * (before + update[i]);
        // Without magnitudes the update itself: the sum has lost its last bits.
        double change = magnitude.length == 0 ? update[i] : (double) target[i] - before;
        squares += change * change;
      }
      updateSquares[index] = squares;
    }

    /** DoRA's m / ‖W + scale · B · A‖ of a row, as the trainer has it: 0 for a row of zeros. */
    private float gain(int index, float[] row, float[] update) {
      if (magnitude.length == 0) {
        return 1;
      }
      double squares = 0;
      for (int i = 0; i < row.length; i++) {
        double sum = (double) row[i] + update[i];
        squares += sum * sum;
      }
      return squares > 0 ? (float) (magnitude[index] / Math.sqrt(squares)) : 0;
    }

    double updateSquares() {
      double sum = 0;
      for (double squares : updateSquares) {
        sum += squares;
      }
      return sum;
    }
  }
}
