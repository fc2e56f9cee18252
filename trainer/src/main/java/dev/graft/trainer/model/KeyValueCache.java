package dev.graft.trainer.model;

import dev.graft.modelio.ModelConfig;
import dev.graft.trainer.kernels.Kernels;
import dev.graft.trainer.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/** The keys and values of the tokens that a decoder has read so far, for every layer. */
final class KeyValueCache {

  /**
   * @param keys (capacity, G·hd) act, rotated
   * @param values (capacity, G·hd) act
   */
  record Layer(Tensor keys, Tensor values) {}

  private final List<Layer> layers;
  private final int capacity;
  private int length;

  KeyValueCache(Kernels kernels, ModelConfig config, int capacity) {
    this.capacity = capacity;
    int columns = config.kvHeads() * config.headDim();
    List<Layer> made = new ArrayList<>();
    for (int i = 0; i < config.layers(); i++) {
      made.add(
          new Layer(
              kernels.allocate(kernels.activationType(), capacity, columns),
              kernels.allocate(kernels.activationType(), capacity, columns)));
    }
    this.layers = List.copyOf(made);
  }

  Layer layer(int index) {
    return layers.get(index);
  }

  int length() {
    return length;
  }

  int capacity() {
    return capacity;
  }

  /** Makes room for new tokens and returns the new length. */
  int extend(int tokens) {
    if (length + tokens > capacity) {
      throw new IllegalStateException(
          "%d tokens do not fit a cache of %d that holds %d".formatted(tokens, capacity, length));
    }
    length += tokens;
    return length;
  }

  void clear() {
    length = 0;
  }
}
