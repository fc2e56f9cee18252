package dev.graft.modelio.peft;

import dev.graft.modelio.Projection;
import java.util.List;

/** Which modules an adapter is for, in the three ways in which PEFT's config can say it. */
public sealed interface TargetModules {
  /** Module names or ends of module paths: {@code q_proj}, {@code self_attn.q_proj}. */
  record Names(List<String> names) implements TargetModules {
    public Names {
      names = List.copyOf(names);
    }

    /** Whether one of the names is the module's path or its end. */
    public boolean matches(String path) {
      return names.stream().anyMatch(name -> path.equals(name) || path.endsWith("." + name));
    }
  }

  /** A regular expression over whole module paths. */
  record Expression(String regex) implements TargetModules {}

  /** Every linear layer but the output head. */
  record AllLinear() implements TargetModules {}

  /** The names of these projections. */
  static TargetModules of(List<Projection> projections) {
    return new Names(projections.stream().map(Projection::moduleName).toList());
  }
}
