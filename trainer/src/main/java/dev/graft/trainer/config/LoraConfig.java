package dev.graft.trainer.config;

import static dev.graft.trainer.config.InvalidSetting.unless;

import dev.graft.tokenizer.Nearest;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;

/**
 * The adapter: LoRA (Hu et al. 2021), {@code y = W x + scale · B A x}.
 *
 * @param targets projection names; {@code all-linear} has become all seven of them
 * @param initFrom folder of a PEFT adapter to start from
 */
public record LoraConfig(
    @Key(value = "rank of the adapter matrices", byDefault = "16") int rank,
    @Key(
            value = "scale numerator: the adapter's output is multiplied with alpha / rank",
            byDefault = "32")
        double alpha,
    @Key(value = "dropout on the adapter's input, in [0, 1)", byDefault = "0") double dropout,
    @Key(
            value =
                "target modules: all-linear, or a list of q_proj, k_proj, v_proj, o_proj,"
                    + " gate_proj, up_proj, down_proj",
            byDefault = "all-linear")
        List<String> targets,
    @Key(
            value = "rsLoRA: scale with alpha / sqrt(rank) instead of alpha / rank",
            byDefault = "false")
        boolean rslora,
    @Key(
            value =
                "folder of a PEFT adapter to start from; rank, alpha, targets and rslora are then"
                    + " its own",
            input = true,
            mayChange = true)
        Optional<Path> initFrom) {

  /** What {@code all-linear} stands for, in the order of a layer's computation. */
  public static final List<String> ALL_LINEAR =
      List.of("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj");

  /** Far above anything useful; keeps a slip of the finger from allocating the machine away. */
  private static final int MAX_RANK = 4096;

  public LoraConfig {
    unless(rank >= 1 && rank <= MAX_RANK, "rank", "is %d, has to be from 1 to %d", rank, MAX_RANK);
    unless(alpha > 0, "alpha", "is %s, has to be above 0", alpha);
    unless(dropout >= 0 && dropout < 1, "dropout", "is %s, has to be in [0, 1)", dropout);
    targets = resolve(targets);
  }

  /** What the adapter's output is multiplied with (rsLoRA: Kalajdzievski 2023, section 3). */
  public double scale() {
    return rslora ? alpha / Math.sqrt(rank) : alpha / rank;
  }

  /** The targets in the order of {@link #ALL_LINEAR}, each once. */
  static List<String> resolve(List<String> names) {
    unless(!names.isEmpty(), "targets", "names no module; write all-linear for all of them");
    var seen = new LinkedHashSet<String>();
    for (String name : names) {
      if (name.equals("all-linear")) {
        seen.addAll(ALL_LINEAR);
        continue;
      }
      unless(
          ALL_LINEAR.contains(name),
          "targets",
          "'%s' is not a target module%s; there are %s, and all-linear for all of them",
          name,
          Nearest.suggestion(name, ALL_LINEAR),
          String.join(", ", ALL_LINEAR));
      seen.add(name);
    }
    return ALL_LINEAR.stream().filter(seen::contains).toList();
  }
}
