package dev.graft.trainer.model;

import dev.graft.modelio.ModelConfig;
import dev.graft.modelio.ModelWeights;
import dev.graft.modelio.Projection;
import dev.graft.modelio.TensorNames;
import dev.graft.modelio.TensorView;
import dev.graft.trainer.kernels.Kernels;
import dev.graft.trainer.tensor.ElementType;
import dev.graft.trainer.tensor.Tensor;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/**
 * The frozen weights of a base model on the device.
 *
 * @param embedding (V, d)
 * @param layers one for each decoder layer
 * @param finalNorm (1, d)
 * @param head (V, d); the embedding itself where the two are tied
 */
record LlamaWeights(Tensor embedding, List<Layer> layers, Tensor finalNorm, Tensor head) {

  /**
   * @param inputNorm (1, d) before attention
   * @param postAttentionNorm (1, d) before the MLP
   * @param projections (out, in) each
   */
  record Layer(Tensor inputNorm, Tensor postAttentionNorm, Map<Projection, Tensor> projections) {

    List<Tensor> of(ProjectionGroup group) {
      return group.members().stream().map(p -> projections.get(p)).toList();
    }
  }

  /** The weights of a file, which stays open as long as the kernels are used. */
  static LlamaWeights load(Kernels kernels, ModelWeights checkpoint) {
    ModelConfig config = checkpoint.config();
    List<Layer> layers = new ArrayList<>();
    for (int layer = 0; layer < config.layers(); layer++) {
      Map<Projection, Tensor> projections = new EnumMap<>(Projection.class);
      for (Projection projection : Projection.values()) {
        String name = projection.path(layer) + ".weight";
        projections.put(projection, weight(kernels, checkpoint.tensor(name)));
      }
      layers.add(
          new Layer(
              weight(kernels, checkpoint.tensor(TensorNames.layer(layer).inputLayernorm())),
              weight(kernels, checkpoint.tensor(TensorNames.layer(layer).postAttentionLayernorm())),
              projections));
    }
    Tensor embedding = weight(kernels, checkpoint.tensor(TensorNames.EMBED_TOKENS));
    Tensor head =
        config.tieWordEmbeddings()
            ? embedding
            : weight(kernels, checkpoint.tensor(TensorNames.LM_HEAD));
    Tensor finalNorm = weight(kernels, checkpoint.tensor(TensorNames.NORM));
    return new LlamaWeights(embedding, List.copyOf(layers), finalNorm, head);
  }

  private static Tensor weight(Kernels kernels, TensorView view) {
    ElementType type =
        switch (view.dtype()) {
          case F32 -> ElementType.F32;
          case BF16 -> ElementType.BF16;
          case F16 -> ElementType.F16;
          default -> throw new IllegalArgumentException(view.name() + " is " + view.dtype());
        };
    boolean vector = view.shape().size() == 1;
    int rows = vector ? 1 : Math.toIntExact(view.dim(0));
    int columns = Math.toIntExact(view.dim(vector ? 0 : 1));
    return kernels.weight(type, rows, columns, view.data());
  }
}
