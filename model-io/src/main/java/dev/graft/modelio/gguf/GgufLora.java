package dev.graft.modelio.gguf;

import dev.graft.modelio.ModelConfig;
import dev.graft.modelio.ModelIoException;
import dev.graft.modelio.Projection;
import dev.graft.modelio.peft.LoraWeights;
import dev.graft.modelio.peft.PeftAdapter;
import dev.graft.modelio.peft.PeftConfig;
import dev.graft.modelio.peft.TargetModules;
import dev.graft.modelio.rows.EncodedRows;
import dev.graft.modelio.rows.RowSource;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/**
 * LoRA adapters as GGUF files, which llama.cpp and Ollama put on a base model.
 *
 * <p>llama.cpp multiplies B·A with {@code adapter.lora.alpha / rank}, the rank being the module's
 * own, and knows neither rsLoRA nor alphas of single modules. So alpha is written as {@code scale ·
 * rank} of the first module (for rsLoRA: alpha · √r), and what another module's scale differs by is
 * multiplied into its B. Of q and k, whose rows llama.cpp has in another order, B alone is
 * reordered: {@code P(BA) = (PB)A}.
 */
public final class GgufLora {
  private static final String A = ".lora_a";
  private static final String B = ".lora_b";
  private static final String ALPHA = "adapter.lora.alpha";

  private GgufLora() {}

  /**
   * Writes an adapter, in float32.
   *
   * @param model the base model's configuration
   * @param name what people see as the adapter's name
   * @throws ModelIoException if it cannot be written
   */
  public static void write(Path file, PeftAdapter adapter, ModelConfig model, String name) {
    GgufWriter writer = new GgufWriter();
    double alpha = alphaFor(adapter.config(), adapter.weights().getFirst());
    writer.put("general.architecture", GgufValue.of(GgufNames.ARCHITECTURE));
    writer.put("general.type", GgufValue.of("adapter"));
    writer.put("adapter.type", GgufValue.of("lora"));
    writer.put(ALPHA, GgufValue.of(alpha));
    writer.put("general.name", GgufValue.of(name));
    writer.put("general.file_type", GgufValue.of(GgmlType.F32.fileType()));
    for (LoraWeights lora : adapter.weights()) {
      String tensor = GgufNames.of(lora.layer(), lora.projection());
      add(writer, tensor + A, RowSource.of(lora.a(), lora.inFeatures()));
      float factor = (float) (alphaFor(adapter.config(), lora) / alpha);
      add(writer, tensor + B, rowsOfB(lora, factor, model.headDim()));
    }
    writer.write(file);
  }

  /** The alpha with which {@code alpha / rank} is a module's scale. */
  private static double alphaFor(PeftConfig config, LoraWeights lora) {
    return config.scale(lora.layer(), lora.projection()) * lora.rank();
  }

  private static RowSource rowsOfB(LoraWeights lora, float factor, int headDim) {
    RowSource rows = RowSource.of(lora.b(), lora.rank());
    RowSource scaled =
        new RowSource.Computed(
            rows.rows(),
            rows.columns(),
            (index, target) -> {
              rows.row(index, target);
              for (int i = 0; i < target.length; i++) {
                target[i] *= factor;
              }
            });
    return GgufNames.isPermuted(lora.projection())
        ? scaled.ordered(place -> GgufNames.rowAt(place, headDim))
        : scaled;
  }

  private static void add(GgufWriter writer, String name, RowSource rows) {
    writer.add(
        name,
        GgmlType.F32,
        List.of((long) rows.rows(), (long) rows.columns()),
        new EncodedRows(rows, GgmlEncoding.of(GgmlType.F32)));
  }

  /**
   * Reads an adapter for a model, in PEFT's terms and Hugging Face's order of rows.
   *
   * @throws ModelIoException if it is not an adapter of this model
   */
  public static PeftAdapter read(Path path, ModelConfig model) {
    try (GgufFile file = GgufFile.open(path)) {
      requireLora(file);
      double alpha =
          file.number(ALPHA)
              .orElseThrow(() -> new ModelIoException(path + " has no " + ALPHA + "."));
      List<LoraWeights> weights = new Reading(file, model).weights();
      LoraWeights first = weights.getFirst();
      Map<String, Integer> ranks = new LinkedHashMap<>();
      Set<Projection> targets = new TreeSet<>();
      for (LoraWeights lora : weights) {
        targets.add(lora.projection());
        if (lora.rank() != first.rank()) {
          ranks.put(lora.projection().path(lora.layer()).replace(".", "\\."), lora.rank());
        }
      }
      PeftConfig config =
          new PeftConfig(
              first.rank(),
              alpha,
              0,
              TargetModules.of(List.copyOf(targets)),
              false,
              "",
              ranks,
              Map.of(),
              null);
      return new PeftAdapter(config, weights);
    }
  }

  private static void requireLora(GgufFile file) {
    String type = file.text("general.type").orElse("(none)");
    String adapter = file.text("adapter.type").orElse("(none)");
    String architecture = file.text("general.architecture").orElse("(none)");
    if (!type.equals("adapter")
        || !adapter.equals("lora")
        || !architecture.equals(GgufNames.ARCHITECTURE)) {
      throw new ModelIoException(
          "%s holds a %s of type %s for %s; a lora adapter for llama is expected."
              .formatted(file.path(), type, adapter, architecture));
    }
  }

  private record Reading(GgufFile file, ModelConfig model) {
    List<LoraWeights> weights() {
      Set<String> unknown = new TreeSet<>(file.tensors().keySet());
      List<LoraWeights> weights = new ArrayList<>();
      for (int layer = 0; layer < model.layers(); layer++) {
        for (Projection projection : Projection.values()) {
          String tensor = GgufNames.of(layer, projection);
          boolean hasA = unknown.remove(tensor + A);
          boolean hasB = unknown.remove(tensor + B);
          if (hasA != hasB) {
            throw new ModelIoException(
                "%s has half of %s only; lora_a and lora_b are needed."
                    .formatted(file.path(), tensor));
          }
          if (hasA) {
            weights.add(pair(layer, projection, file.tensor(tensor + A), file.tensor(tensor + B)));
          }
        }
      }
      if (!unknown.isEmpty() || weights.isEmpty()) {
        throw new ModelIoException(
            unknown.isEmpty()
                ? file.path() + " holds no LoRA weights."
                : "%s: tensor %s does not belong to an adapter of this model."
                    .formatted(file.path(), unknown.iterator().next()));
      }
      return weights;
    }

    private LoraWeights pair(int layer, Projection projection, GgufTensor a, GgufTensor b) {
      long rank = a.shape().getFirst();
      List<Long> shapeOfA = List.of(rank, (long) projection.inFeatures(model));
      List<Long> shapeOfB = List.of((long) projection.outFeatures(model), rank);
      if (!a.shape().equals(shapeOfA)
          || !b.shape().equals(shapeOfB)
          || rank > PeftConfig.MAX_RANK) {
        throw new ModelIoException(
            "%s: %s %s and %s %s are not an adapter of this model, which asks for %s and %s."
                .formatted(
                    file.path(), a.name(), a.shape(), b.name(), b.shape(), shapeOfA, shapeOfB));
      }
      float[] valuesOfA = values(a);
      float[] valuesOfB = values(b);
      if (GgufNames.isPermuted(projection)) {
        valuesOfB = backInOrder(valuesOfB, (int) rank);
      }
      return new LoraWeights(layer, projection, (int) rank, valuesOfA, valuesOfB);
    }

    private float[] values(GgufTensor tensor) {
      int columns = (int) tensor.columns();
      int rows = Math.toIntExact(tensor.elements() / columns);
      float[] values = new float[rows * columns];
      for (int row = 0; row < rows; row++) {
        System.arraycopy(file.row(tensor, row), 0, values, row * columns, columns);
      }
      return values;
    }

    /** Takes the pairs 2i and 2i + 1 of a head apart again: i and i + headDim / 2. */
    private float[] backInOrder(float[] values, int columns) {
      int half = model.headDim() / 2;
      float[] ordered = new float[values.length];
      for (int place = 0; place < values.length / columns; place++) {
        int head = place / (2 * half);
        int pair = place % (2 * half) / 2;
        int row = head * 2 * half + (place % 2 == 0 ? pair : half + pair);
        System.arraycopy(values, place * columns, ordered, row * columns, columns);
      }
      return ordered;
    }
  }
}
