package dev.graft.modelio.gguf;

import dev.graft.modelio.ModelConfig;
import dev.graft.modelio.Projection;
import dev.graft.modelio.TensorNames;
import dev.graft.modelio.VocabularyModule;
import java.util.LinkedHashMap;
import java.util.Map;

/** What llama.cpp calls the tensors of a Llama, and how it orders their rows. */
final class GgufNames {
  /** Mistral models are Llamas to llama.cpp. */
  static final String ARCHITECTURE = "llama";

  /** Divisors of the rotary frequencies, {@code [headDim / 2]} float32; absent where all are 1. */
  static final String ROPE_FREQS = "rope_freqs.weight";

  private GgufNames() {}

  /** GGUF's name of every tensor that a model with this configuration has, by Hugging Face's. */
  static Map<String, String> ofModel(ModelConfig config) {
    Map<String, String> names = new LinkedHashMap<>();
    names.put(TensorNames.EMBED_TOKENS, "token_embd.weight");
    for (int i = 0; i < config.layers(); i++) {
      TensorNames.Layer layer = TensorNames.layer(i);
      names.put(layer.inputLayernorm(), "blk." + i + ".attn_norm.weight");
      names.put(layer.postAttentionLayernorm(), "blk." + i + ".ffn_norm.weight");
      for (Projection projection : Projection.values()) {
        names.put(layer.projection(projection), of(i, projection));
      }
    }
    names.put(TensorNames.NORM, "output_norm.weight");
    if (!config.tieWordEmbeddings()) {
      names.put(TensorNames.LM_HEAD, "output.weight");
    }
    return names;
  }

  /** The name of a projection's weight. */
  static String of(int layer, Projection projection) {
    String part =
        switch (projection) {
          case Q_PROJ -> "attn_q";
          case K_PROJ -> "attn_k";
          case V_PROJ -> "attn_v";
          case O_PROJ -> "attn_output";
          case GATE_PROJ -> "ffn_gate";
          case UP_PROJ -> "ffn_up";
          case DOWN_PROJ -> "ffn_down";
        };
    return "blk." + layer + "." + part + ".weight";
  }

  /** The name of the weight of the embedding or the output projection. */
  static String of(VocabularyModule module) {
    return switch (module) {
      case EMBED_TOKENS -> "token_embd.weight";
      case LM_HEAD -> "output.weight";
    };
  }

  /**
   * Whether the rows of a projection stand in another order: llama.cpp rotates neighbouring
   * elements of a head, Hugging Face's code those that are half a head apart.
   */
  static boolean isPermuted(Projection projection) {
    return projection == Projection.Q_PROJ || projection == Projection.K_PROJ;
  }

  /** {@link #isPermuted(Projection)} for the weight with this name in a Hugging Face checkpoint. */
  static boolean isPermuted(String name) {
    return name.endsWith(".q_proj.weight") || name.endsWith(".k_proj.weight");
  }

  /**
   * Which row of Hugging Face's weight stands at a place of the GGUF's: the places 2i and 2i + 1 of
   * a head hold its rows i and i + headDim / 2.
   */
  static int rowAt(int place, int headDim) {
    int head = place / headDim;
    int within = place % headDim;
    return head * headDim + within / 2 + (within % 2) * (headDim / 2);
  }
}
