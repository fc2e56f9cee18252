package dev.graft.modelio.gguf;

import dev.graft.modelio.ModelConfig;
import dev.graft.modelio.ModelIoException;
import dev.graft.modelio.Projection;
import dev.graft.modelio.VocabularyModule;
import dev.graft.modelio.peft.LoraWeights;
import dev.graft.modelio.peft.PeftAdapter;
import dev.graft.modelio.peft.PeftConfig;
import dev.graft.modelio.peft.TargetModules;
import dev.graft.modelio.peft.VocabularyLora;
import dev.graft.modelio.rows.EncodedRows;
import dev.graft.modelio.rows.RowSource;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
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
   * @throws ModelIoException if it cannot be written, or is DoRA
   */
  public static void write(Path file, PeftAdapter adapter, ModelConfig model, String name) {
    if (adapter.config().dora()) {
      throw new ModelIoException(
          "A GGUF adapter has no place for DoRA's magnitudes; merge the adapter into its base.");
    }
    GgufWriter writer = new GgufWriter();
    double alpha = alphaOf(adapter);
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
    for (VocabularyLora lora : adapter.vocabulary()) {
      float factor = (float) (adapter.config().scale(lora.module().path()) * lora.rank() / alpha);
      addVocabulary(writer, lora, factor);
    }
    writer.write(file);
  }

  private static double alphaOf(PeftAdapter adapter) {
    if (!adapter.weights().isEmpty()) {
      return alphaFor(adapter.config(), adapter.weights().getFirst());
    }
    VocabularyLora only = adapter.vocabulary().getFirst();
    return adapter.config().scale(only.module().path()) * only.rank();
  }

  /**
   * The output projection is like any other; of the embedding llama.cpp looks rows of {@code
   * lora_a} (vocab, rank) up, and multiplies them with {@code lora_b} (hidden, rank).
   */
  private static void addVocabulary(GgufWriter writer, VocabularyLora lora, float factor) {
    String tensor = GgufNames.of(lora.module());
    RowSource tokens = RowSource.of(lora.tokens(), lora.rank());
    switch (lora.module()) {
      case LM_HEAD -> {
        add(writer, tensor + A, RowSource.of(lora.hidden(), lora.width()));
        add(writer, tensor + B, scaled(tokens, factor));
      }
      case EMBED_TOKENS -> {
        add(writer, tensor + A, tokens);
        RowSource columns =
            new RowSource.Computed(
                lora.width(),
                lora.rank(),
                (index, target) -> {
                  for (int i = 0; i < target.length; i++) {
                    target[i] = lora.hidden()[i * lora.width() + index];
                  }
                });
        add(writer, tensor + B, scaled(columns, factor));
      }
    }
  }

  private static RowSource scaled(RowSource rows, float factor) {
    return new RowSource.Computed(
        rows.rows(),
        rows.columns(),
        (index, target) -> {
          rows.row(index, target);
          for (int i = 0; i < target.length; i++) {
            target[i] *= factor;
          }
        });
  }

  /** The alpha with which {@code alpha / rank} is a module's scale. */
  private static double alphaFor(PeftConfig config, LoraWeights lora) {
    return config.scale(lora.layer(), lora.projection()) * lora.rank();
  }

  private static RowSource rowsOfB(LoraWeights lora, float factor, int headDim) {
    RowSource scaled = scaled(RowSource.of(lora.b(), lora.rank()), factor);
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
      Set<String> unknown = new TreeSet<>(file.tensors().keySet());
      Reading reading = new Reading(file, model, unknown);
      List<VocabularyLora> vocabulary = reading.vocabulary();
      List<LoraWeights> weights = reading.weights();
      if (!unknown.isEmpty() || (weights.isEmpty() && vocabulary.isEmpty())) {
        throw new ModelIoException(
            unknown.isEmpty()
                ? path + " holds no LoRA weights."
                : "%s: tensor %s does not belong to an adapter of this model."
                    .formatted(path, unknown.iterator().next()));
      }
      return new PeftAdapter(config(alpha, weights, vocabulary), weights, vocabulary);
    }
  }

  private static PeftConfig config(
      double alpha, List<LoraWeights> weights, List<VocabularyLora> vocabulary) {
    int rank = weights.isEmpty() ? vocabulary.getFirst().rank() : weights.getFirst().rank();
    Map<String, Integer> ranks = new LinkedHashMap<>();
    Set<String> targets = new LinkedHashSet<>();
    for (LoraWeights lora : weights) {
      targets.add(lora.projection().moduleName());
      putRank(ranks, lora.projection().path(lora.layer()), lora.rank(), rank);
    }
    for (VocabularyLora lora : vocabulary) {
      targets.add(lora.module().moduleName());
      putRank(ranks, lora.module().path(), lora.rank(), rank);
    }
    return new PeftConfig(
        rank,
        alpha,
        0,
        new TargetModules.Names(List.copyOf(targets)),
        false,
        "",
        ranks,
        Map.of(),
        null);
  }

  private static void putRank(Map<String, Integer> ranks, String path, int rank, int most) {
    if (rank != most) {
      ranks.put(path.replace(".", "\\."), rank);
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

  /**
   * A file that is being read.
   *
   * @param unknown names that nobody has read yet
   */
  private record Reading(GgufFile file, ModelConfig model, Set<String> unknown) {
    List<LoraWeights> weights() {
      List<LoraWeights> weights = new ArrayList<>();
      for (int layer = 0; layer < model.layers(); layer++) {
        for (Projection projection : Projection.values()) {
          String tensor = GgufNames.of(layer, projection);
          if (hasPair(tensor)) {
            weights.add(pair(layer, projection, file.tensor(tensor + A), file.tensor(tensor + B)));
          }
        }
      }
      return weights;
    }

    private boolean hasPair(String tensor) {
      boolean hasA = unknown.remove(tensor + A);
      boolean hasB = unknown.remove(tensor + B);
      if (hasA != hasB) {
        throw new ModelIoException(
            "%s has half of %s only; lora_a and lora_b are needed.".formatted(file.path(), tensor));
      }
      return hasA;
    }

    List<VocabularyLora> vocabulary() {
      List<VocabularyLora> vocabulary = new ArrayList<>();
      for (VocabularyModule module : VocabularyModule.values()) {
        String tensor = GgufNames.of(module);
        if (hasPair(tensor)) {
          vocabulary.add(pair(module, file.tensor(tensor + A), file.tensor(tensor + B)));
        }
      }
      return vocabulary;
    }

    private VocabularyLora pair(VocabularyModule module, GgufTensor a, GgufTensor b) {
      boolean lookedUp = module == VocabularyModule.EMBED_TOKENS;
      long rank = lookedUp ? a.shape().getLast() : a.shape().getFirst();
      long vocabulary = model.vocabSize();
      long hidden = model.hiddenSize();
      List<Long> shapeOfA = lookedUp ? List.of(vocabulary, rank) : List.of(rank, hidden);
      List<Long> shapeOfB = lookedUp ? List.of(hidden, rank) : List.of(vocabulary, rank);
      requireShapes(a, shapeOfA, b, shapeOfB, rank);
      float[] valuesOfB = values(b);
      if (!lookedUp) {
        return new VocabularyLora(module, (int) rank, valuesOfB, values(a));
      }
      float[] turned = new float[valuesOfB.length];
      for (int i = 0; i < turned.length; i++) {
        turned[(int) (i % rank * hidden + i / rank)] = valuesOfB[i];
      }
      return new VocabularyLora(module, (int) rank, values(a), turned);
    }

    private void requireShapes(
        GgufTensor a, List<Long> shapeOfA, GgufTensor b, List<Long> shapeOfB, long rank) {
      if (!a.shape().equals(shapeOfA)
          || !b.shape().equals(shapeOfB)
          || rank > PeftConfig.MAX_RANK) {
        throw new ModelIoException(
            "%s: %s %s and %s %s are not an adapter of this model, which asks for %s and %s."
                .formatted(
                    file.path(), a.name(), a.shape(), b.name(), b.shape(), shapeOfA, shapeOfB));
      }
    }

    private LoraWeights pair(int layer, Projection projection, GgufTensor a, GgufTensor b) {
      long rank = a.shape().getFirst();
      List<Long> shapeOfA = List.of(rank, (long) projection.inFeatures(model));
      List<Long> shapeOfB = List.of((long) projection.outFeatures(model), rank);
      requireShapes(a, shapeOfA, b, shapeOfB, rank);
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
