package dev.graft.modelio.peft;

import dev.graft.modelio.AsideFile;
import dev.graft.modelio.AsideFolder;
import dev.graft.modelio.ModelConfig;
import dev.graft.modelio.ModelIoException;
import dev.graft.modelio.Projection;
import dev.graft.modelio.TensorView;
import dev.graft.modelio.safetensors.SafetensorsFile;
import dev.graft.modelio.safetensors.SafetensorsWriter;
import dev.graft.modelio.safetensors.TensorInfo;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;

/**
 * A LoRA adapter in memory, and the PEFT folder it is read from and written to.
 *
 * @param config what adapter_config.json says
 * @param weights by layer, then in the order of {@link Projection}
 */
public record PeftAdapter(PeftConfig config, List<LoraWeights> weights) {
  public static final String CONFIG_FILE = "adapter_config.json";
  public static final String WEIGHTS_FILE = "adapter_model.safetensors";

  private static final String PREFIX = "base_model.model.";
  private static final Pattern LAYER = Pattern.compile("\\.layers\\.(\\d{1,9})\\.");
  private static final String A = ".lora_A.weight";
  private static final String B = ".lora_B.weight";

  public PeftAdapter {
    weights = List.copyOf(weights);
  }

  /**
   * Reads an adapter for a model. Weights stored as F16 or BF16 are widened.
   *
   * @throws ModelIoException if it is not an adapter of this model: a shape that does not fit, a
   *     tensor or half of a pair missing, a tensor that graft does not know, an option it does not
   *     support; each by name
   */
  public static PeftAdapter read(Path folder, ModelConfig model) {
    requireAdapterFolder(folder);
    PeftConfig config = PeftConfig.read(folder.resolve(CONFIG_FILE));
    try (SafetensorsFile file = SafetensorsFile.open(folder.resolve(WEIGHTS_FILE))) {
      return new PeftAdapter(config, readWeights(file, config, model));
    }
  }

  private static void requireAdapterFolder(Path folder) {
    if (!Files.isDirectory(folder)) {
      throw new ModelIoException(folder + " is not a folder; a PEFT adapter folder is expected.");
    }
    if (!Files.exists(folder.resolve(CONFIG_FILE))) {
      throw new ModelIoException(folder + " is not a PEFT adapter: it has no " + CONFIG_FILE + ".");
    }
    if (!Files.exists(folder.resolve(WEIGHTS_FILE))) {
      String why =
          Files.exists(folder.resolve("adapter_model.bin"))
              ? " has its weights as adapter_model.bin, a Python pickle, only; save it in PEFT with"
                  + " safe_serialization=True."
              : " has no " + WEIGHTS_FILE + ".";
      throw new ModelIoException(folder + why);
    }
  }

  private static List<LoraWeights> readWeights(
      SafetensorsFile file, PeftConfig config, ModelConfig model) {
    List<LoraWeights> weights = new ArrayList<>();
    Set<String> unknown = new TreeSet<>(file.names());
    for (int layer = 0; layer < model.layers(); layer++) {
      for (Projection projection : Projection.values()) {
        String module = PREFIX + projection.path(layer);
        boolean hasA = unknown.remove(module + A);
        boolean hasB = unknown.remove(module + B);
        checkPresence(file, config, layer, projection, hasA, hasB);
        if (hasA && hasB) {
          weights.add(readPair(file, config, model, layer, projection));
        }
      }
    }
    if (!unknown.isEmpty()) {
      String first = unknown.iterator().next();
      boolean beyond = LAYER.matcher(first).results().anyMatch(it -> layer(it) >= model.layers());
      throw new ModelIoException(
          "%s: tensor %s is not a LoRA weight of a projection of this model, which has %d layers.%s"
              .formatted(file.path(), first, model.layers(), beyond ? otherBase(config) : ""));
    }
    if (weights.isEmpty()) {
      throw new ModelIoException(file.path() + " holds no LoRA weights.");
    }
    return weights;
  }

  private static long layer(MatchResult name) {
    return Long.parseLong(name.group(1));
  }

  /** Said of what only another model can have. */
  private static String otherBase(PeftConfig config) {
    String name = config.baseModel();
    return " The adapter belongs to another base model"
        + (name.isBlank() ? "." : ": it was trained on '" + name + "'.");
  }

  private static void checkPresence(
      SafetensorsFile file,
      PeftConfig config,
      int layer,
      Projection projection,
      boolean hasA,
      boolean hasB) {
    String module = PREFIX + projection.path(layer);
    if (hasA != hasB) {
      throw new ModelIoException(
          "%s has %s but not %s; both are needed."
              .formatted(file.path(), module + (hasA ? A : B), module + (hasA ? B : A)));
    }
    Boolean targeted = config.targets(layer, projection);
    if (targeted != null && targeted != hasA) {
      throw new ModelIoException(
          targeted
              ? "%s lacks %s, which %s lists among its target_modules."
                  .formatted(file.path(), module + A, CONFIG_FILE)
              : "%s holds %s, which is not among the target_modules of %s."
                  .formatted(file.path(), module + A, CONFIG_FILE));
    }
  }

  private static LoraWeights readPair(
      SafetensorsFile file,
      PeftConfig config,
      ModelConfig model,
      int layer,
      Projection projection) {
    int rank;
    try {
      rank = config.rank(layer, projection);
      // The scale is part of the adapter: a bad pattern shall fail here, not in the first step.
      config.alpha(layer, projection);
    } catch (ModelIoException e) {
      throw new ModelIoException(
          file.path().resolveSibling(CONFIG_FILE) + ": " + e.getMessage(), e);
    }
    String module = PREFIX + projection.path(layer);
    long in = projection.inFeatures(model);
    long out = projection.outFeatures(model);
    return new LoraWeights(
        layer,
        projection,
        rank,
        readMatrix(file, config, module + A, rank, in),
        readMatrix(file, config, module + B, out, rank));
  }

  private static float[] readMatrix(
      SafetensorsFile file, PeftConfig config, String name, long rows, long columns) {
    TensorInfo info = file.info(name);
    if (!info.shape().equals(List.of(rows, columns))) {
      int width = name.endsWith(A) ? 1 : 0;
      boolean otherWidth =
          info.shape().size() == 2
              && !info.shape().get(width).equals(List.of(rows, columns).get(width));
      throw new ModelIoException(
          "%s: tensor %s has the shape %s; the base model and the rank in %s ask for [%d, %d].%s"
              .formatted(
                  file.path(),
                  name,
                  info.shape(),
                  CONFIG_FILE,
                  rows,
                  columns,
                  otherWidth ? otherBase(config) : ""));
    }
    TensorView tensor = file.tensor(name);
    return tensor.toFloats();
  }

  /**
   * Writes a PEFT folder that appears under its name when it is complete, weights in float32.
   *
   * @param replace whether an existing folder is replaced; without it, it is refused
   */
  public static void write(
      Path folder, PeftConfig config, List<LoraWeights> weights, boolean replace) {
    AsideFolder.write(folder, replace, aside -> writeInto(aside, config, weights));
  }

  /** Writes this adapter as {@link #write(Path, PeftConfig, List, boolean)} does. */
  public void write(Path folder, boolean replace) {
    write(folder, config, weights, replace);
  }

  /** Writes the adapter's two files into a folder that is there, for larger wholes. */
  public static void writeInto(Path folder, PeftConfig config, List<LoraWeights> weights) {
    SafetensorsWriter writer = new SafetensorsWriter();
    Set<String> modules = new HashSet<>();
    for (LoraWeights lora : weights) {
      String module = PREFIX + lora.projection().path(lora.layer());
      if (!modules.add(module) || lora.rank() != config.rank(lora.layer(), lora.projection())) {
        throw new IllegalArgumentException(module + " is there twice or not of the config's rank");
      }
      long rank = lora.rank();
      writer.add(module + A, List.of(rank, (long) lora.inFeatures()), lora.a());
      writer.add(module + B, List.of((long) lora.outFeatures(), rank), lora.b());
    }
    writer.write(folder.resolve(WEIGHTS_FILE));
    AsideFile.writeText(folder.resolve(CONFIG_FILE), config.toJson());
  }
}
