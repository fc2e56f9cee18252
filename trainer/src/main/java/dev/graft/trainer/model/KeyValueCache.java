package dev.graft.trainer.model;

import dev.graft.modelio.ModelConfig;
import dev.graft.trainer.kernels.Kernels;
import dev.graft.trainer.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/** The keys and values of the tokens that sequences have read so far, for every layer. */
final class KeyValueCache {

  /**
   * @param keys (rows, G·hd) act, rotated
   * @param values (rows, G·hd) act
   */
  record Layer(Tensor keys, Tensor values) {}

  private final List<Layer> layers;
  private final int rows;

  KeyValueCache(Kernels kernels, ModelConfig config, int rows) {
    this.rows = rows;
    int columns = columns(config);
    List<Layer> made = new ArrayList<>();
    for (int i = 0; i < config.layers(); i++) {
      made.add(
          new Layer(
              kernels.allocate(kernels.activationType(), rows, columns),
              kernels.allocate(kernels.activationType(), rows, columns)));
    }
    this.layers = List.copyOf(made);
  }

  private static int columns(ModelConfig config) {
    return config.kvHeads() * config.headDim();
  }

  /** Bytes that one token takes in all layers together. */
  static long bytesPerToken(Kernels kernels, ModelConfig config) {
    return 2L * config.layers() * columns(config) * kernels.activationType().bytes();
  }

  Layer layer(int index) {
    return layers.get(index);
  }

  int rows() {
    return rows;
  }
}
