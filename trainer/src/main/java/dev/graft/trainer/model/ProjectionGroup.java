package dev.graft.trainer.model;

import dev.graft.modelio.ModelConfig;
import dev.graft.modelio.Projection;
import java.util.List;

/**
 * The linear layers of a decoder layer that read the same input. What is done once per input, such
 * as multiplying it with the stacked LoRA A matrices, is done once per group.
 */
public enum ProjectionGroup {
  ATTENTION_INPUT(0),
  ATTENTION_OUTPUT(1),
  MLP_INPUT(2),
  MLP_OUTPUT(3);

  private static final int GROUPS = 4;

  private final int number;

  ProjectionGroup(int number) {
    this.number = number;
  }

  /** The layers of this group, in the order in which their A matrices are stacked. */
  public List<Projection> members() {
    return switch (this) {
      case ATTENTION_INPUT -> List.of(Projection.Q_PROJ, Projection.K_PROJ, Projection.V_PROJ);
      case ATTENTION_OUTPUT -> List.of(Projection.O_PROJ);
      case MLP_INPUT -> List.of(Projection.GATE_PROJ, Projection.UP_PROJ);
      case MLP_OUTPUT -> List.of(Projection.DOWN_PROJ);
    };
  }

  /** A number for this group of one layer that no other group of the model has. */
  int place(int layer) {
    return layer * GROUPS + number;
  }

  /** Width of the shared input. */
  public int inFeatures(ModelConfig config) {
    return members().getFirst().inFeatures(config);
  }
}
