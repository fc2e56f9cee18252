package dev.graft.trainer.model;

import dev.graft.trainer.kernels.Kernels;
import dev.graft.trainer.tensor.ElementType;
import dev.graft.trainer.tensor.Tensor;

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

  /** Writes a batch to the device. */
  DeviceTokens load(Kernels kernels, TokenBatch batch) {
    int tokens = batch.tokens();
    int predictions = batch.targetTokens();
    DeviceTokens loaded =
        new DeviceTokens(
            ids.first(tokens),
            segmentStarts.first(tokens),
            positions.first(tokens),
            predictingRows.first(Math.max(1, predictions)),
            targets.first(Math.max(1, predictions)));
    kernels.write(loaded.ids, batch.ids());
    kernels.write(loaded.segmentStarts, batch.segmentStarts());
    kernels.write(loaded.positions, batch.positions());
    if (predictions > 0) {
      kernels.write(loaded.predictingRows, batch.predictingRows());
      kernels.write(loaded.targets, batch.targets());
    }
    return loaded;
  }
}
