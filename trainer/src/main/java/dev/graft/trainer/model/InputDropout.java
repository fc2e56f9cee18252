package dev.graft.trainer.model;

import dev.graft.trainer.kernels.DropoutMask;
import dev.graft.trainer.kernels.Kernels;
import dev.graft.trainer.tensor.Tensor;
import org.jspecify.annotations.Nullable;

/** Applies a {@link Dropout} to adapter inputs, with the memory it takes. */
final class InputDropout {

  /** Masks nothing. */
  static final InputDropout OFF = new InputDropout(Dropout.OFF, null);

  private final Dropout settings;
  private final @Nullable Tensor storage;

  /**
   * @param storage (T, widest input) act, contiguous; null only without dropout
   */
  InputDropout(Dropout settings, @Nullable Tensor storage) {
    this.settings = settings;
    this.storage = storage;
    if (isOn() && storage == null) {
      throw new IllegalArgumentException("dropout without memory for the masked input");
    }
  }

  boolean isOn() {
    return settings.rate() > 0;
  }

  /** The mask of one group's input: the same in the forward and in the backward. */
  DropoutMask mask(int layer, ProjectionGroup group) {
    return new DropoutMask(
        settings.rate(), settings.seed(), settings.microBatch(), group.place(layer));
  }

  /** What the adapter reads: x itself, or a masked copy that lives until the next call. */
  Tensor apply(Kernels kernels, Tensor x, int layer, ProjectionGroup group) {
    if (!isOn()) {
      return x;
    }
    Tensor masked = temporary(x.rows(), x.columns());
    kernels.dropout(x, mask(layer, group), masked, false);
    return masked;
  }

  /** The same memory for something else of an input's shape. */
  Tensor temporary(int rows, int columns) {
    if (storage == null) {
      throw new IllegalStateException("dropout is off");
    }
    return new Tensor(storage.buffer(), storage.offset(), storage.type(), rows, columns, columns);
  }
}
