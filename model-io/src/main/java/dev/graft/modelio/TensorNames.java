package dev.graft.modelio;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Names of the tensors in a Llama or Mistral checkpoint, as Hugging Face writes them. */
public final class TensorNames {
  /** {@code [vocab, hidden]}: one row for each token. */
  public static final String EMBED_TOKENS = "model.embed_tokens.weight";

  /** {@code [hidden]}: the norm after the last layer. */
  public static final String NORM = "model.norm.weight";

  /** {@code [vocab, hidden]}: the output head; absent where it is tied to the embedding. */
  public static final String LM_HEAD = "lm_head.weight";

  private TensorNames() {}

  /** The names of one layer's tensors; layers count from 0. */
  public static Layer layer(int index) {
    return new Layer(index);
  }

  /**
   * Every tensor that a model with this configuration has, with its shape, in the order of the
   * forward pass.
   */
  public static Map<String, List<Long>> shapes(ModelConfig config) {
    List<Long> norm = List.of((long) config.hiddenSize());
    List<Long> embedding = List.of((long) config.vocabSize(), (long) config.hiddenSize());
    Map<String, List<Long>> shapes = new LinkedHashMap<>();
    shapes.put(EMBED_TOKENS, embedding);
    for (int i = 0; i < config.layers(); i++) {
      Layer layer = layer(i);
      shapes.put(layer.inputLayernorm(), norm);
      for (Projection projection : Projection.values()) {
        if (projection == Projection.GATE_PROJ) {
          shapes.put(layer.postAttentionLayernorm(), norm);
        }
        long out = projection.outFeatures(config);
        shapes.put(
            layer.projection(projection), List.of(out, (long) projection.inFeatures(config)));
      }
    }
    shapes.put(NORM, norm);
    if (!config.tieWordEmbeddings()) {
      shapes.put(LM_HEAD, embedding);
    }
    return shapes;
  }

  /** The names of the tensors of layer {@code index}. */
  public record Layer(int index) {
    public String inputLayernorm() {
      return "model.layers." + index + ".input_layernorm.weight";
    }

    public String postAttentionLayernorm() {
      return "model.layers." + index + ".post_attention_layernorm.weight";
    }

    public String projection(Projection projection) {
      return projection.path(index) + ".weight";
    }

    public String qProj() {
      return projection(Projection.Q_PROJ);
    }

    public String kProj() {
      return projection(Projection.K_PROJ);
    }

    public String vProj() {
      return projection(Projection.V_PROJ);
    }

    public String oProj() {
      return projection(Projection.O_PROJ);
    }

    public String gateProj() {
      return projection(Projection.GATE_PROJ);
    }

    public String upProj() {
      return projection(Projection.UP_PROJ);
    }

    public String downProj() {
      return projection(Projection.DOWN_PROJ);
    }
  }
}
