package dev.graft.modelio;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * The seven linear layers of a Llama block, in the order in which a block uses them. Each is a
 * weight {@code [outFeatures, inFeatures]} and can carry a LoRA adapter.
 */
public enum Projection {
  Q_PROJ("q_proj", "self_attn"),
  K_PROJ("k_proj", "self_attn"),
  V_PROJ("v_proj", "self_attn"),
  O_PROJ("o_proj", "self_attn"),
  GATE_PROJ("gate_proj", "mlp"),
  UP_PROJ("up_proj", "mlp"),
  DOWN_PROJ("down_proj", "mlp");

  /** The word that stands for all seven in PEFT's {@code target_modules}. */
  public static final String ALL_LINEAR = "all-linear";

  private final String moduleName;
  private final String parent;

  Projection(String moduleName, String parent) {
    this.moduleName = moduleName;
    this.parent = parent;
  }

  /** The module's name in Hugging Face checkpoints, {@code q_proj}. */
  public String moduleName() {
    return moduleName;
  }

  /** The module it belongs to: {@code self_attn} or {@code mlp}. */
  public String parent() {
    return parent;
  }

  /** The module's path in a model: {@code model.layers.3.self_attn.q_proj}. */
  public String path(int layer) {
    return "model.layers." + layer + "." + parent + "." + moduleName;
  }

  /** Columns of the weight. */
  public int inFeatures(ModelConfig config) {
    return switch (this) {
      case Q_PROJ, K_PROJ, V_PROJ, GATE_PROJ, UP_PROJ -> config.hiddenSize();
      case O_PROJ -> config.heads() * config.headDim();
      case DOWN_PROJ -> config.intermediateSize();
    };
  }

  /** Rows of the weight. */
  public int outFeatures(ModelConfig config) {
    return switch (this) {
      case Q_PROJ -> config.heads() * config.headDim();
      case K_PROJ, V_PROJ -> config.kvHeads() * config.headDim();
      case O_PROJ, DOWN_PROJ -> config.hiddenSize();
      case GATE_PROJ, UP_PROJ -> config.intermediateSize();
    };
  }

  /** The projection with this module name ({@code q_proj}), if there is one. */
  public static Optional<Projection> ofName(String name) {
    return Arrays.stream(values()).filter(p -> p.moduleName.equals(name)).findFirst();
  }

  /**
   * Like {@link #ofName}, for names that a user wrote.
   *
   * @throws ModelIoException naming the choices if there is no such module
   */
  public static Projection parse(String name) {
    return ofName(name.strip().toLowerCase(Locale.ROOT))
        .orElseThrow(() ->
            new ModelIoException(
                "There is no target module \""
                    + name
                    + "\". Llama and Mistral models have "
                    + names(List.of(values()))
                    + "; \""
                    + ALL_LINEAR
                    + "\" means all of them."));
  }

  private static String names(List<Projection> projections) {
    return projections.stream().map(Projection::moduleName).collect(Collectors.joining(", "));
  }
}
