package dev.graft.modelio.merge;

import dev.graft.modelio.ModelConfig;
import dev.graft.modelio.ModelWeights;
import dev.graft.modelio.TensorView;
import dev.graft.modelio.peft.LoraWeights;
import dev.graft.modelio.peft.PeftAdapter;
import dev.graft.modelio.rows.RowSource;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A base model with an adapter merged in: {@code W + scale · B · A} in float32, row by row as the
 * rows are asked for, rounded nowhere. Without an adapter, the base model.
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
        merged.put(name, new MergedRows(base.tensor(name), lora, scale));
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

  /** The sum of the squares of scale · B · A over the rows computed so far; 0 for the others. */
  double updateSquares(String name) {
    @Nullable MergedRows rows = merged.get(name);
    return rows == null ? 0 : rows.updateSquares();
  }

  /** One merged projection. */
  private static final class MergedRows implements RowSource {
    private final RowSource base;
    private final LoraWeights lora;
    private final float scale;
    private final double[] updateSquares;

    MergedRows(TensorView base, LoraWeights lora, float scale) {
      this.base = RowSource.of(base);
      this.lora = lora;
      this.scale = scale;
      this.updateSquares = new double[lora.outFeatures()];
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
      for (int r = 0; r < lora.rank(); r++) {
        float weight = scale * lora.b()[index * lora.rank() + r];
        int from = r * target.length;
        for (int i = 0; i < target.length; i++) {
          update[i] += weight * lora.a()[from + i];
        }
      }
      base.row(index, target);
      double squares = 0;
      for (int i = 0; i < target.length; i++) {
        target[i] += update[i];
        squares += (double) update[i] * update[i];
      }
      updateSquares[index] = squares;
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
