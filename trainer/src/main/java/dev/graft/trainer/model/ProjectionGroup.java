package dev.graft.trainer.model;

import dev.graft.modelio.ModelConfig;
import dev.graft.modelio.Projection;
import java.util.List;

/**
 * The linear layers of a decoder layer that read the same input. What is done once per input, such
 * as multiplying it with the stacked LoRA A matrices, is done once per group.
 */
public enum ProjectionGroup {
  ATTENTION_INPUT(Projection.Q_PROJ, Projection.K_PROJ, Projection.V_PROJ),
  ATTENTION_OUTPUT(Projection.O_PROJ),
  MLP_INPUT(Projection.GATE_PROJ, Projection.UP_PROJ),
  MLP_OUTPUT(Projection.DOWN_PROJ);

  private final List<Projection> members;

  ProjectionGroup(Projection... members) {
    this.members = List.of(members);
  }

  /** The layers of this group, in the order in which their A matrices are stacked. */
  public List<Projection> members() {
    return members;
  }

  /** Width of the shared input. */
  public int inFeatures(ModelConfig config) {
    return members.getFirst().inFeatures(config);
  }
}
