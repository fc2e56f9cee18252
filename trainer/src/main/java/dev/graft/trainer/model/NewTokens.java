package dev.graft.trainer.model;

import dev.graft.trainer.kernels.AttentionShape;
import dev.graft.trainer.kernels.Kernels;
import dev.graft.trainer.model.KeyValueCache.Layer;
import dev.graft.trainer.tensor.Tensor;

/** Where the keys and values of tokens that are being read go, and which ones these tokens see. */
sealed interface NewTokens {

  /**
   * Puts new keys and values into a layer's cache.
   *
   * @param k (T, G·hd) act, rotated
   * @param v (T, G·hd) act
   */
  void store(Kernels kernels, Tensor k, Tensor v, Layer cache);

  /**
   * Attention of the new tokens, whose own keys and values are in the cache already.
   *
   * @param q (T, H·hd) act
   * @param out (T, H·hd) act
   */
  void attend(Kernels kernels, Tensor q, Layer cache, AttentionShape shape, Tensor out);

  /**
   * Several tokens of one sequence.
   *
   * @param start the sequence's first row in the cache
   * @param length its tokens, the new ones included
   */
  record OfOneSequence(int start, int length) implements NewTokens {

    @Override
    public void store(Kernels kernels, Tensor k, Tensor v, Layer cache) {
      int first = start + length - k.rows();
      kernels.copy(k, cache.keys().rows(first, k.rows()));
      kernels.copy(v, cache.values().rows(first, v.rows()));
    }

    @Override
    public void attend(Kernels kernels, Tensor q, Layer cache, AttentionShape shape, Tensor out) {
      Tensor keys = cache.keys().rows(start, length);
      kernels.cachedAttention(q, keys, cache.values().rows(start, length), length, shape, out);
    }
  }

  /**
   * One token of each of several sequences.
   *
   * @param starts (T) the sequences' first rows in the cache
   * @param lengths (T) their tokens, the new one included
   * @param rows (1, T) I32: the cache rows of the new tokens
   */
  @SuppressWarnings("ArrayRecordComponent") // handed over, never changed, never compared
  record OneOfEach(int[] starts, int[] lengths, Tensor rows) implements NewTokens {

    @Override
    public void store(Kernels kernels, Tensor k, Tensor v, Layer cache) {
      kernels.scatterRows(k, rows, cache.keys());
      kernels.scatterRows(v, rows, cache.values());
    }

    @Override
    public void attend(Kernels kernels, Tensor q, Layer cache, AttentionShape shape, Tensor out) {
      kernels.cachedAttentionOfEach(q, cache.keys(), cache.values(), starts, lengths, shape, out);
    }
  }
}
