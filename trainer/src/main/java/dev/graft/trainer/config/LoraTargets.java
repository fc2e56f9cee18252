package dev.graft.trainer.config;

import static dev.graft.trainer.config.InvalidSetting.unless;

import dev.graft.tokenizer.Nearest;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.regex.Pattern;

/**
 * How {@code lora.targets} is written: names of modules, ends of module paths, or one regular
 * expression. A name is made of letters, digits, underscores and dots; what holds anything else is
 * an expression.
 */
public final class LoraTargets {

  /** What {@code all-linear} stands for, in the order of a layer's computation. */
  public static final List<String> ALL_LINEAR =
      List.of("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj");

  /** The embedding and the output projection, which have to be named. */
  static final List<String> VOCABULARY = List.of("embed_tokens", "lm_head");

  private static final Pattern NAME = Pattern.compile("[\\w.]+");

  private LoraTargets() {}

  /** Whether resolved targets are one regular expression over whole module paths. */
  public static boolean isExpression(List<String> targets) {
    return targets.size() == 1 && !NAME.matcher(targets.getFirst()).matches();
  }

  /** Module names in the order of {@link #ALL_LINEAR}, then ends of paths as given, each once. */
  static List<String> resolve(List<String> written) {
    unless(!written.isEmpty(), "targets", "names no module; write all-linear for all of them");
    var seen = new LinkedHashSet<String>();
    for (String target : written) {
      if (target.equals("all-linear")) {
        seen.addAll(ALL_LINEAR);
      } else if (NAME.matcher(target).matches()) {
        requireModule(target);
        seen.add(target);
      } else {
        unless(
            written.size() == 1,
            "targets",
            "'%s' is a regular expression, which stands alone; (a|b) joins several",
            target);
        LoraConfig.requirePattern("targets", target);
        return List.of(target);
      }
    }
    var ordered = new ArrayList<>(ALL_LINEAR.stream().filter(seen::contains).toList());
    seen.stream().filter(target -> !ALL_LINEAR.contains(target)).forEach(ordered::add);
    return List.copyOf(ordered);
  }

  private static void requireModule(String target) {
    String module = target.substring(target.lastIndexOf('.') + 1);
    List<String> known = new ArrayList<>(ALL_LINEAR);
    known.addAll(VOCABULARY);
    unless(
        known.contains(module),
        "targets",
        "'%s' is not a target module%s; there are %s, and all-linear for all but the last two",
        target,
        Nearest.suggestion(module, known),
        String.join(", ", known));
  }
}
