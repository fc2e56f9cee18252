package dev.graft.modelio.peft;

import dev.graft.modelio.AsideFile;
import dev.graft.modelio.AsideFolder;
import dev.graft.modelio.ModelConfig;
import dev.graft.modelio.ModelIoException;
import dev.graft.modelio.Projection;
import dev.graft.modelio.TensorView;
import dev.graft.modelio.VocabularyModule;
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
 * @param vocabulary of the embedding and the output projection, in the order of {@link
 *     VocabularyModule}; mostly none
 */
public record PeftAdapter(
    PeftConfig config, List<LoraWeights> weights, List<VocabularyLora> vocabulary) {
  public static final String CONFIG_FILE = "adapter_config.json";
  public static final String WEIGHTS_FILE = "adapter_model.safetensors";

  static final String PREFIX = "base_model.model.";
  private static final Pattern LAYER = Pattern.compile("\\.layers\\.(\\d{1,9})\\.");
  private static final String A = ".lora_A.weight";
  private static final String B = ".lora_B.weight";
  private static final String MAGNITUDE = ".lora_magnitude_vector";

  public PeftAdapter {
    weights = List.copyOf(weights);
    vocabulary = List.copyOf(vocabulary);
  }

  /** Without adapters of the embedding and the output projection. */
  public PeftAdapter(PeftConfig config, List<LoraWeights> weights) {
    this(config, weights, List.of());
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
      Set<String> unknown = new TreeSet<>(file.names());
      List<VocabularyLora> vocabulary = new VocabularyFile(file, config, model).read(unknown);
      List<LoraWeights> weights = readWeights(file, config, model, unknown);
      if (weights.isEmpty() && vocabulary.isEmpty()) {
        throw new ModelIoException(file.path() + " holds no LoRA weights.");
      }
      return new PeftAdapter(config, weights, vocabulary);
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
      SafetensorsFile file, PeftConfig config, ModelConfig model, Set<String> unknown) {
    List<LoraWeights> weights = new ArrayList<>();
    for (int layer = 0; layer < model.layers(); layer++) {
      for (Projection projection : Projection.values()) {
        String module = PREFIX + projection.path(layer);
        boolean hasA = unknown.remove(module + A);
        boolean hasB = unknown.remove(module + B);
        checkPresence(file, config, layer, projection, hasA, hasB);
        if (config.dora() && hasA && !unknown.remove(module + MAGNITUDE)) {
          throw new ModelIoException(
              "%s has %s but not %s, although %s says use_dora."
                  .formatted(file.path(), module + A, module + MAGNITUDE, CONFIG_FILE));
        }
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
        readTensor(file, config, module + A, List.of((long) rank, in)),
        readTensor(file, config, module + B, List.of(out, (long) rank)),
        config.dora() ? readTensor(file, config, module + MAGNITUDE, List.of(out)) : new float[0]);
  }

  static float[] readTensor(
      SafetensorsFile file, PeftConfig config, String name, List<Long> shape) {
    TensorInfo info = file.info(name);
    if (!info.shape().equals(shape)) {
      // The side that is not the rank.
      int width = name.endsWith(A) ? 1 : 0;
      boolean otherWidth =
          info.shape().size() == shape.size() && !info.shape().get(width).equals(shape.get(width));
      throw new ModelIoException(
          "%s: tensor %s has the shape %s; the base model and the rank in %s ask for %s.%s"
              .formatted(
                  file.path(),
                  name,
                  info.shape(),
                  CONFIG_FILE,
                  shape,
                  otherWidth ? otherBase(config) : ""));
    }
    TensorView tensor = file.tensor(name);
    return tensor.toFloats();
  }

  /** {@link #write(Path, boolean)} of an adapter without embedding and output projection. */
  public static void write(
      Path folder, PeftConfig config, List<LoraWeights> weights, boolean replace) {
    new PeftAdapter(config, weights).write(folder, replace);
  }

  /**
   * Writes a PEFT folder that appears under its name when it is complete, weights in float32.
   *
   * @param replace whether an existing folder is replaced; without it, it is refused
   */
  public void write(Path folder, boolean replace) {
    AsideFolder.write(folder, replace, this::writeInto);
  }

  /** Writes the adapter's two files into a folder that is there, for larger wholes. */
  public void writeInto(Path folder) {
    SafetensorsWriter writer = new SafetensorsWriter();
    vocabulary.forEach(lora -> VocabularyFile.add(writer, config, lora));
    Set<String> modules = new HashSet<>();
    for (LoraWeights lora : weights) {
      String module = PREFIX + lora.projection().path(lora.layer());
      if (!modules.add(module) || lora.rank() != config.rank(lora.layer(), lora.projection())) {
        throw new IllegalArgumentException(module + " is there twice or not of the config's rank");
      }
      if (config.dora() != lora.hasMagnitude()) {
        throw new IllegalArgumentException(module + ": magnitudes and the config do not agree");
      }
      long rank = lora.rank();
      writer.add(module + A, List.of(rank, (long) lora.inFeatures()), lora.a());
      writer.add(module + B, List.of((long) lora.outFeatures(), rank), lora.b());
      if (lora.hasMagnitude()) {
        writer.add(module + MAGNITUDE, List.of((long) lora.outFeatures()), lora.magnitude());
      }
    }
    writer.write(folder.resolve(WEIGHTS_FILE));
    AsideFile.writeText(folder.resolve(CONFIG_FILE), config.toJson());
  }
}
