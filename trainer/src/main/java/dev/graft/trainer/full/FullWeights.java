package dev.graft.trainer.full;

import dev.graft.modelio.ModelConfig;
import dev.graft.modelio.checkpoint.Checkpoint;
import dev.graft.modelio.merge.RewrittenCheckpoint;
import dev.graft.modelio.rows.RowSource;
import dev.graft.trainer.full.WeightLayout.Weight;
import dev.graft.trainer.kernels.Kernels;
import dev.graft.trainer.model.Llama;
import dev.graft.trainer.model.ParameterGroup;
import dev.graft.trainer.model.Trainable;
import dev.graft.trainer.tensor.ElementType;
import dev.graft.trainer.tensor.HostArrays;
import dev.graft.trainer.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.IntStream;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.indexing.NDArrayIndex;

/**
 * All weights of a model, trained: float32 masters in one flat ND4J vector, their gradients in
 * another, and a {@link Llama} that computes with them.
 *
 * <p>Where products read bfloat16, the device keeps a bfloat16 copy of each matrix that is
 * multiplied, refreshed by {@link #refresh} after every optimizer step; norms and look-ups read the
 * masters. An update may be far smaller than the distance between two bfloat16 numbers: it adds up
 * in the masters (Micikevicius et al. 2018, section 3.1).
 */
public final class FullWeights implements Trainable {

  /** A matrix, as products read it, and the master it is rounded from. */
  private record Copy(Tensor master, Tensor working) {}

  private final Checkpoint base;
  private final Kernels kernels;
  private final WeightLayout layout;
  private final INDArray parameters;
  private final INDArray gradients;
  private final Map<String, Tensor> masters = new LinkedHashMap<>();
  private final Map<String, Tensor> deviceGradients = new LinkedHashMap<>();
  private final Map<String, Copy> copies = new LinkedHashMap<>();
  private final Llama model;

  private FullWeights(Checkpoint base, Kernels kernels) {
    this.base = base;
    this.kernels = kernels;
    this.layout = WeightLayout.of(base.config());
    this.parameters = HostArrays.zeros(layout.size());
    this.gradients = HostArrays.zeros(layout.size());
    for (Weight weight : layout.weights().values()) {
      masters.put(weight.name(), kernels.parameter(matrix(parameters, weight)));
      deviceGradients.put(weight.name(), kernels.parameter(matrix(gradients, weight)));
    }
    this.model = Llama.trained(kernels, base.config(), this::working, this::gradient);
  }

  /**
   * The weights of a checkpoint, to be trained.
   *
   * @param base stays open as long as this is used: {@link #writeResult} takes all but the weights
   *     from it
   */
  public static FullWeights of(Checkpoint base, Kernels kernels) {
    FullWeights weights = new FullWeights(base, kernels);
    weights.layout.weights().values().forEach(weights::read);
    weights.refresh();
    return weights;
  }

  /**
   * A model of the same shapes and types, in zeroed memory of kernels that only count what is
   * allocated.
   */
  public static Llama blank(ModelConfig config, Kernels counting) {
    WeightLayout layout = WeightLayout.of(config);
    Map<String, Tensor> made = new HashMap<>();
    return Llama.trained(
        counting,
        config,
        name ->
            made.computeIfAbsent(
                name, _ -> blank(layout.of(name), workingType(layout, name, counting), counting)),
        name ->
            made.computeIfAbsent(
                "gradient of " + layout.of(name).name(),
                _ -> blank(layout.of(name), ElementType.F32, counting)));
  }

  private static Tensor blank(Weight weight, ElementType type, Kernels kernels) {
    return kernels.allocate(type, weight.rows(), weight.columns());
  }

  /** The type of what the model reads under a name. */
  private static ElementType workingType(WeightLayout layout, String name, Kernels kernels) {
    return WeightLayout.isMultiplied(name, layout.of(name))
        ? kernels.activationType()
        : ElementType.F32;
  }

  private static INDArray matrix(INDArray flat, Weight weight) {
    return flat.get(NDArrayIndex.interval(weight.offset(), weight.offset() + weight.size()))
        .reshape('c', weight.rows(), weight.columns());
  }

  private Tensor gradient(String name) {
    return tensor(deviceGradients, layout.of(name));
  }

  /** What the model reads under a name. */
  private Tensor working(String name) {
    Weight weight = layout.of(name);
    Tensor master = tensor(masters, weight);
    ElementType type = workingType(layout, name, kernels);
    if (type == ElementType.F32) {
      return master;
    }
    return copies
        .computeIfAbsent(
            name, _ -> new Copy(master, kernels.allocate(type, weight.rows(), weight.columns())))
        .working();
  }

  private static Tensor tensor(Map<String, Tensor> tensors, Weight weight) {
    return Objects.requireNonNull(tensors.get(weight.name()), weight.name());
  }

  private void read(Weight weight) {
    RowSource rows = RowSource.of(base.tensor(weight.name()));
    MemorySegment memory = memory(weight);
    IntStream.range(0, weight.rows())
        .parallel()
        .forEach(row -> {
          float[] values = new float[weight.columns()];
          rows.row(row, values);
          MemorySegment.copy(
              values,
              0,
              memory,
              ValueLayout.JAVA_FLOAT,
              (long) row * values.length * Float.BYTES,
              values.length);
        });
  }

  private MemorySegment memory(Weight weight) {
    return HostArrays.memory(parameters)
        .asSlice(weight.offset() * Float.BYTES, weight.size() * Float.BYTES);
  }

  /** The model that computes with these weights; it lives as long as the kernels. */
  public Llama model() {
    return model;
  }

  @Override
  public INDArray parameters() {
    return parameters;
  }

  @Override
  public INDArray gradients() {
    return gradients;
  }

  @Override
  public List<ParameterGroup> groups() {
    return layout.groups();
  }

  @Override
  public void refresh() {
    masters.values().forEach(kernels::push);
    refreshCopies();
  }

  @Override
  public void refreshCopies() {
    copies.values().forEach(copy -> kernels.copy(copy.master(), copy.working()));
  }

  @Override
  public void clearGradients() {
    deviceGradients.values().forEach(kernels::zero);
  }

  @Override
  public void collectGradients() {
    deviceGradients.values().forEach(kernels::pull);
  }

  /** Nothing: the vector of parameters is the model, and twice its size would be on the disk. */
  @Override
  public void writeCheckpoint(Path folder) {}

  /**
   * A Hugging Face checkpoint: each weight rounded once to the type that the base has it in, and
   * the base's configuration, tokenizer and other files.
   */
  @Override
  public void writeResult(Path folder) throws IOException {
    RewrittenCheckpoint.writeInto(folder, base, this::master);
    Path card = folder.resolve("README.md");
    if (Files.exists(card)) {
      Files.move(card, folder.resolve("README.base.md")); // which speaks of other weights
    }
  }

  /** A weight as it is now, by its name in a checkpoint. */
  RowSource master(String name) {
    return new MasterRows(layout.of(name), memory(layout.of(name)));
  }

  /** Rows of a weight, read when they are asked for. */
  private record MasterRows(Weight weight, MemorySegment memory) implements RowSource {

    @Override
    public int rows() {
      return weight.rows();
    }

    @Override
    public int columns() {
      return weight.columns();
    }

    @Override
    public void row(int index, float[] target) {
      MemorySegment.copy(
          memory,
          ValueLayout.JAVA_FLOAT,
          (long) index * target.length * Float.BYTES,
          target,
          0,
          target.length);
    }
  }
}
