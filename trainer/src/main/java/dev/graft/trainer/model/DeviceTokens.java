package dev.graft.trainer.model;

import dev.graft.trainer.kernels.Kernels;
import dev.graft.trainer.tensor.ElementType;
import dev.graft.trainer.tensor.Tensor;
import java.util.Arrays;

/**
 * A {@link TokenBatch} on the device, in memory laid out once.
 *
 * @param ids (1, T) I32
 * @param segmentStarts (1, T) I32
 * @param positions (1, T) I32
 * @param predictingRows (1, n) I32
 * @param targets (1, n) I32
 */
record DeviceTokens(
    Tensor ids, Tensor segmentStarts, Tensor positions, Tensor predictingRows, Tensor targets) {

  static DeviceTokens allocate(Kernels kernels, int tokens) {
    return new DeviceTokens(
        kernels.allocate(ElementType.I32, 1, tokens),
        kernels.allocate(ElementType.I32, 1, tokens),
        kernels.allocate(ElementType.I32, 1, tokens),
        kernels.allocate(ElementType.I32, 1, tokens),
        kernels.allocate(ElementType.I32, 1, tokens));
  }

  /**
   * Writes a batch to the device, with a sequence at its end that nobody learns from; it changes no
   * result, since no other sequence sees it.
   *
   * @param tokens T afterwards, at least as many as the batch has
   */
  DeviceTokens load(Kernels kernels, TokenBatch batch, int tokens) {
    int predictions = batch.targetTokens();
    DeviceTokens loaded =
        new DeviceTokens(
            ids.first(tokens),
            segmentStarts.first(tokens),
            positions.first(tokens),
            predictingRows.first(Math.max(1, predictions)),
            targets.first(Math.max(1, predictions)));
    kernels.write(ids.first(batch.tokens()), batch.ids());
    kernels.write(segmentStarts.first(batch.tokens()), batch.segmentStarts());
    kernels.write(positions.first(batch.tokens()), batch.positions());
    fill(kernels, batch.tokens(), tokens - batch.tokens());
    if (predictions > 0) {
      kernels.write(loaded.predictingRows, batch.predictingRows());
      kernels.write(loaded.targets, batch.targets());
    }
    return loaded;
  }

  private void fill(Kernels kernels, int start, int count) {
    if (count == 0) {
      return;
    }
    int[] filler = new int[count];
    kernels.write(ids.columns(start, count), filler);
    Arrays.setAll(filler, i -> i);
    kernels.write(positions.columns(start, count), filler);
    Arrays.fill(filler, start);
    kernels.write(segmentStarts.columns(start, count), filler);
  }
}
