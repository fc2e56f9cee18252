package dev.graft.trainer.kernels;

/**
 * The shape of a grouped-query attention.
 *
 * @param heads query heads H
 * @param keyValueHeads key and value heads G; query head h reads key head {@code h / (H / G)}
 * @param headDim elements per head
 * @param window how many keys a query sees, itself included; {@link #FULL} for all before it
 */
public record AttentionShape(int heads, int keyValueHeads, int headDim, int window) {

  /** A window that never ends. */
  public static final int FULL = Integer.MAX_VALUE;

  public AttentionShape {
    if (heads < 1 || keyValueHeads < 1 || heads % keyValueHeads != 0) {
      throw new IllegalArgumentException(
          "%d query heads cannot share %d key heads".formatted(heads, keyValueHeads));
    }
    if (headDim < 2 || headDim % 2 != 0 || window < 1) {
      throw new IllegalArgumentException("head dim %d, window %d".formatted(headDim, window));
    }
  }

  /** Columns of a query matrix. */
  public int queryColumns() {
    return heads * headDim;
  }

  /** Columns of a key or value matrix. */
  public int keyColumns() {
    return keyValueHeads * headDim;
  }

  /** How many query heads read one key head. */
  public int groupSize() {
    return heads / keyValueHeads;
  }

  /** Softmax scale: {@code 1 / sqrt(headDim)} (Vaswani et al. 2017, section 3.2.1). */
  public float scale() {
    return (float) (1 / Math.sqrt(headDim));
  }
}
