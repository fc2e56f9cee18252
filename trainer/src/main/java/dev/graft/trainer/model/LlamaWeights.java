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
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/**
 * One tensor for each weight of a model: the weights themselves on the device, or their gradients.
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
    Map<String, Tensor> loaded = new HashMap<>();
    boolean tied = checkpoint.config().tieWordEmbeddings();
    return of(
        checkpoint.config(),
        name ->
            loaded.computeIfAbsent(
                tied && name.equals(TensorNames.LM_HEAD) ? TensorNames.EMBED_TOKENS : name,
                stored -> weight(kernels, checkpoint.tensor(stored))));
  }

  /**
   * Tensors by their names.
   *
   * @param named asked for {@code lm_head.weight} also where it is tied to the embedding
   */
  static LlamaWeights of(ModelConfig config, Function<String, Tensor> named) {
    List<Layer> layers = new ArrayList<>();
    for (int layer = 0; layer < config.layers(); layer++) {
      Map<Projection, Tensor> projections = new EnumMap<>(Projection.class);
      for (Projection projection : Projection.values()) {
        projections.put(projection, named.apply(TensorNames.layer(layer).projection(projection)));
      }
      layers.add(
          new Layer(
              named.apply(TensorNames.layer(layer).inputLayernorm()),
              named.apply(TensorNames.layer(layer).postAttentionLayernorm()),
              projections));
    }
    return new LlamaWeights(
        named.apply(TensorNames.EMBED_TOKENS),
        List.copyOf(layers),
        named.apply(TensorNames.NORM),
        named.apply(TensorNames.LM_HEAD));
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
