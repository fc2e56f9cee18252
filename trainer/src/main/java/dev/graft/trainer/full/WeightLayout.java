package dev.graft.trainer.full;

import dev.graft.modelio.ModelConfig;
import dev.graft.modelio.TensorNames;
import dev.graft.trainer.model.ParameterGroup;
import dev.graft.trainer.model.ParameterGroup.Kind;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Where each weight of a model lies in the flat vector of parameters: the linear layers' first,
 * then the embedding, then the norms, each in the order of the forward pass.
 *
 * @param weights by the names of a Hugging Face checkpoint; an output projection that is tied to
 *     the embedding is not among them
 * @param groups what lies where
 * @param size length of the vector
 */
record WeightLayout(Map<String, Weight> weights, List<ParameterGroup> groups, long size) {

  /** In the order in which they lie. */
  private static final List<Kind> KINDS = List.of(Kind.WEIGHT, Kind.EMBEDDING, Kind.NORM);

  /**
   * One weight.
   *
   * @param rows 1 for a vector
   * @param offset index of its first number
   */
  record Weight(String name, Kind kind, int rows, int columns, long offset) {

    long size() {
      return (long) rows * columns;
    }
  }

  static WeightLayout of(ModelConfig config) {
    Map<String, Weight> weights = new LinkedHashMap<>();
    List<ParameterGroup> groups = new ArrayList<>();
    long offset = 0;
    for (Kind kind : KINDS) {
      long from = offset;
      for (Map.Entry<String, List<Long>> tensor : TensorNames.shapes(config).entrySet()) {
        if (kindOf(tensor.getKey(), tensor.getValue()) == kind) {
          Weight weight = weight(tensor.getKey(), kind, tensor.getValue(), offset);
          weights.put(weight.name, weight);
          offset += weight.size();
        }
      }
      groups.add(new ParameterGroup(kind, from, offset - from));
    }
    return new WeightLayout(weights, List.copyOf(groups), offset);
  }

  private static Kind kindOf(String name, List<Long> shape) {
    if (name.equals(TensorNames.EMBED_TOKENS)) {
      return Kind.EMBEDDING;
    }
    return shape.size() == 1 ? Kind.NORM : Kind.WEIGHT;
  }

  private static Weight weight(String name, Kind kind, List<Long> shape, long offset) {
    int rows = shape.size() == 1 ? 1 : Math.toIntExact(shape.getFirst());
    return new Weight(name, kind, rows, Math.toIntExact(shape.getLast()), offset);
  }

  /** The weight that a name stands for: a tied output projection is the embedding. */
  Weight of(String name) {
    Weight weight = weights.get(name);
    if (weight == null && name.equals(TensorNames.LM_HEAD)) {
      weight = weights.get(TensorNames.EMBED_TOKENS);
    }
    if (weight == null) {
      throw new IllegalArgumentException("no weight " + name);
    }
    return weight;
  }

  /** Whether products read a weight under this name; look-ups and norms read the masters. */
  static boolean isMultiplied(String name, Weight weight) {
    return weight.kind == Kind.WEIGHT || name.equals(TensorNames.LM_HEAD);
  }
}
