package dev.graft.modelio.gguf;

import dev.graft.modelio.ModelConfig;
import dev.graft.modelio.RopeScaling;
import dev.graft.modelio.TensorNames;
import dev.graft.modelio.merge.MergedWeights;
import dev.graft.modelio.merge.Rounding;
import dev.graft.modelio.rows.EncodedRows;
import dev.graft.modelio.rows.RowEncoding;
import dev.graft.modelio.rows.RowSource;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * Writes a whole model as one GGUF file that llama.cpp runs alone: weights, tokenizer, special
 * tokens, chat template and rotary settings. Matrices have the type that was asked for; vectors
 * stay float32, and so do, as f16, matrices whose rows are not whole blocks.
 */
public final class GgufModelWriter {
  private static final int QUANTIZATION_VERSION = 2;

  private final MergedWeights weights;
  private final GgufTokenizer tokenizer;
  private final String name;
  private final List<String> notes = new ArrayList<>();

  /**
   * A writer of one model.
   *
   * @param name what people see as the model's name
   */
  public GgufModelWriter(MergedWeights weights, GgufTokenizer tokenizer, String name) {
    this.weights = weights;
    this.tokenizer = tokenizer;
    this.name = name;
  }

  /**
   * Writes the file.
   *
   * @param type of the matrices: F32, F16, BF16 or Q8_0
   * @return what rounding to it has cost
   * @throws dev.graft.modelio.ModelIoException if it cannot be written
   */
  public Rounding write(Path file, GgmlType type) {
    notes.clear();
    notes.addAll(tokenizer.notes());
    GgufWriter writer = new GgufWriter();
    describe(writer, type);
    tokenizer.metadata().forEach(writer::put);
    addRopeFactors(writer);
    Rounding.Meter meter = new Rounding.Meter(weights);
    int kept = 0;
    Map<String, String> names = GgufNames.ofModel(weights.config());
    for (Map.Entry<String, List<Long>> tensor : TensorNames.shapes(weights.config()).entrySet()) {
      GgmlType stored = storedAs(tensor.getValue(), type);
      kept += tensor.getValue().size() > 1 && stored != type ? 1 : 0;
      EncodedRows rows = encoded(tensor.getKey(), stored);
      String name = String.valueOf(names.get(tensor.getKey()));
      writer.add(name, stored, tensor.getValue(), meter.watch(tensor.getKey(), rows));
    }
    if (kept > 0) {
      notes.add(
          "%d matrices stay f16: their rows are not multiples of the %d elements of a %s block."
              .formatted(kept, type.blockElements(), type.label()));
    }
    writer.write(file);
    return meter.total();
  }

  /** What a user should know about the file written last, a sentence each. */
  public List<String> notes() {
    return List.copyOf(notes);
  }

  private static GgmlType storedAs(List<Long> shape, GgmlType type) {
    if (shape.size() == 1) {
      return GgmlType.F32;
    }
    return type.fits(shape.getLast()) ? type : GgmlType.F16;
  }

  private EncodedRows encoded(String tensor, GgmlType type) {
    RowSource rows = weights.rows(tensor);
    if (GgufNames.isPermuted(tensor)) {
      int headDim = weights.config().headDim();
      rows = rows.ordered(place -> GgufNames.rowAt(place, headDim));
    }
    RowEncoding encoding = GgmlEncoding.of(type);
    return new EncodedRows(rows, encoding);
  }

  private void describe(GgufWriter writer, GgmlType type) {
    ModelConfig config = weights.config();
    String prefix = GgufNames.ARCHITECTURE + ".";
    writer.put("general.architecture", GgufValue.of(GgufNames.ARCHITECTURE));
    writer.put("general.type", GgufValue.of("model"));
    writer.put("general.name", GgufValue.of(name));
    writer.put("general.file_type", GgufValue.of(type.fileType()));
    writer.put("general.quantization_version", GgufValue.of(QUANTIZATION_VERSION));
    writer.put(prefix + "block_count", GgufValue.of(config.layers()));
    writer.put(prefix + "context_length", GgufValue.of(contextLength(config)));
    writer.put(prefix + "embedding_length", GgufValue.of(config.hiddenSize()));
    writer.put(prefix + "feed_forward_length", GgufValue.of(config.intermediateSize()));
    writer.put(prefix + "attention.head_count", GgufValue.of(config.heads()));
    writer.put(prefix + "attention.head_count_kv", GgufValue.of(config.kvHeads()));
    writer.put(prefix + "attention.key_length", GgufValue.of(config.headDim()));
    writer.put(prefix + "attention.value_length", GgufValue.of(config.headDim()));
    writer.put(prefix + "attention.layer_norm_rms_epsilon", GgufValue.of(config.rmsNormEps()));
    writer.put(prefix + "vocab_size", GgufValue.of(config.vocabSize()));
    writer.put(prefix + "rope.dimension_count", GgufValue.of(config.headDim()));
    writer.put(prefix + "rope.freq_base", GgufValue.of(config.ropeTheta()));
    if (config.ropeScaling() instanceof RopeScaling.Linear(double factor)) {
      writer.put(prefix + "rope.scaling.type", GgufValue.of("linear"));
      writer.put(prefix + "rope.scaling.factor", GgufValue.of(factor));
    }
  }

  /** llama.cpp's llama attends to everything, so within the window both say the same. */
  private int contextLength(ModelConfig config) {
    Integer window = config.slidingWindow();
    if (window == null || window >= config.maxPositionEmbeddings()) {
      return config.maxPositionEmbeddings();
    }
    notes.add(
        "llama.cpp has no sliding window for this architecture: the file's context length is the window, %d tokens, within which nothing differs."
            .formatted(window));
    return window;
  }

  /** Llama 3.1's scaling as what each frequency is divided by, which is how llama.cpp has it. */
  private void addRopeFactors(GgufWriter writer) {
    ModelConfig config = weights.config();
    if (!(config.ropeScaling() instanceof RopeScaling.Llama3)) {
      return;
    }
    double[] plain =
        new RopeScaling.None().inverseFrequencies(config.ropeTheta(), config.headDim());
    double[] scaled = config.inverseFrequencies();
    float[] factors = new float[plain.length];
    for (int i = 0; i < factors.length; i++) {
      factors[i] = (float) (plain[i] / scaled[i]);
    }
    writer.add(
        GgufNames.ROPE_FREQS,
        GgmlType.F32,
        List.of((long) factors.length),
        new EncodedRows(RowSource.of(factors, factors.length), GgmlEncoding.of(GgmlType.F32)));
  }
}
