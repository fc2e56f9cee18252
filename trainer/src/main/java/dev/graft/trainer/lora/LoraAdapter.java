package dev.graft.trainer.lora;

import dev.graft.modelio.Projection;
import dev.graft.modelio.peft.LoraWeights;
import dev.graft.modelio.peft.PeftAdapter;
import dev.graft.modelio.peft.PeftConfig;
import dev.graft.trainer.kernels.Kernels;
import dev.graft.trainer.lora.ParameterLayout.Module;
import dev.graft.trainer.model.Llama;
import dev.graft.trainer.model.LowRank;
import dev.graft.trainer.model.ParameterGroup;
import dev.graft.trainer.model.ProjectionGroup;
import dev.graft.trainer.model.StackedRanks;
import dev.graft.trainer.model.Trainable;
import dev.graft.trainer.tensor.ElementType;
import dev.graft.trainer.tensor.HostArrays;
import dev.graft.trainer.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.SplittableRandom;
import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.indexing.NDArrayIndex;

/**
 * The adapters of a model (LoRA, Hu et al. 2021): for each target linear layer {@code W} of shape
 * (out, in) the matrices A (r, in) and B (out, r), float32, in one flat ND4J vector, with their
 * gradients in another. Optimizers see two vectors; the model sees {@link LowRank} views of them.
 *
 * <p>Where products read bfloat16, the device keeps a bfloat16 copy of each matrix, refreshed by
 * {@link #refresh} after every optimizer step.
 */
public final class LoraAdapter implements Trainable {

  /** A matrix, as products read it, and the master it is rounded from. */
  private record Copy(Tensor master, Tensor working) {}

  private final PeftConfig config;
  private final Kernels kernels;
  private final ParameterLayout layout;
  private final INDArray parameters;
  private final INDArray gradients;
  private final List<Copy> copies = new ArrayList<>();
  private final List<Tensor> deviceGradients = new ArrayList<>();

  private LoraAdapter(PeftConfig config, ParameterLayout layout, Kernels kernels) {
    this.config = config;
    this.kernels = kernels;
    this.layout = layout;
    this.parameters = HostArrays.zeros(layout.size());
    this.gradients = HostArrays.zeros(layout.size());
  }

  /**
   * A fresh adapter, attached to the model: A uniform in ±1/sqrt(in) (Kaiming with a = sqrt(5), as
   * PEFT initialises it), B zero, so that it changes nothing yet. Each matrix is drawn from a
   * generator of its own, keyed by seed and place.
   */
  public static LoraAdapter initialized(PeftConfig config, Llama model, long seed) {
    ParameterLayout layout = ParameterLayout.of(model.config(), config);
    LoraAdapter adapter = new LoraAdapter(config, layout, model.kernels());
    for (Module module : layout.modules()) {
      adapter.write(module.a(), kaimingUniform(module, seed));
    }
    adapter.attach(model);
    return adapter;
  }

  private static float[] kaimingUniform(Module module, long seed) {
    int place = module.projection().path(module.layer()).hashCode();
    SplittableRandom random = new SplittableRandom(seed * 0x9E3779B97F4A7C15L + place);
    double bound = 1 / Math.sqrt(module.in());
    float[] a = new float[module.sizeOfA()];
    for (int i = 0; i < a.length; i++) {
      a[i] = (float) random.nextDouble(-bound, bound);
    }
    return a;
  }

  /** An adapter that exists already, attached to the model. */
  public static LoraAdapter of(PeftAdapter peft, Llama model) {
    ParameterLayout layout = ParameterLayout.of(model.config(), peft);
    LoraAdapter adapter = new LoraAdapter(peft.config(), layout, model.kernels());
    for (int i = 0; i < peft.weights().size(); i++) {
      LoraWeights weights = peft.weights().get(i);
      Module module = layout.modules().get(i);
      adapter.write(module.a(), weights.a());
      adapter.write(module.b(), weights.b());
    }
    adapter.attach(model);
    return adapter;
  }

  /** The adapter as it is now, in PEFT's terms. */
  public PeftAdapter toPeft() {
    List<LoraWeights> weights = new ArrayList<>();
    for (Module module : layout.modules()) {
      weights.add(
          new LoraWeights(
              module.layer(),
              module.projection(),
              module.rank(),
              read(module.a(), module.sizeOfA()),
              read(module.b(), module.sizeOfB())));
    }
    return new PeftAdapter(config, weights);
  }

  /** Builds the views of every group and hands them to the model. */
  private void attach(Llama model) {
    for (int layer = 0; layer < model.config().layers(); layer++) {
      for (ProjectionGroup group : ProjectionGroup.values()) {
        List<Module> modules = layout.of(layer, group);
        model.attach(layer, group, modules.isEmpty() ? null : lowRank(group, modules));
      }
    }
    refresh();
  }

  private LowRank lowRank(ProjectionGroup group, List<Module> modules) {
    int stacked = modules.stream().mapToInt(Module::rank).sum();
    int in = modules.getFirst().in();
    long firstA = modules.getFirst().a();
    List<LowRank.@Nullable Member> members = new ArrayList<>();
    int row = 0;
    for (Projection projection : group.members()) {
      Module module = find(modules, projection);
      if (module == null) {
        members.add(null);
        continue;
      }
      members.add(
          new LowRank.Member(
              row,
              working(module.b(), module.out(), module.rank()),
              gradient(module.b(), module.out(), module.rank()),
              module.scale()));
      row += module.rank();
    }
    return new LowRank(
        working(firstA, stacked, in),
        gradient(firstA, stacked, in),
        Collections.unmodifiableList(members));
  }

  private static @Nullable Module find(List<Module> modules, Projection projection) {
    for (Module module : modules) {
      if (module.projection() == projection) {
        return module;
      }
    }
    return null;
  }

  private Tensor working(long offset, int rows, int columns) {
    Tensor master = kernels.parameter(matrix(parameters, offset, rows, columns));
    boolean rounded = kernels.activationType() != ElementType.F32;
    Tensor working = rounded ? kernels.allocate(kernels.activationType(), rows, columns) : master;
    copies.add(new Copy(master, working));
    return working;
  }

  private Tensor gradient(long offset, int rows, int columns) {
    Tensor gradient = kernels.parameter(matrix(gradients, offset, rows, columns));
    deviceGradients.add(gradient);
    return gradient;
  }

  private static INDArray matrix(INDArray flat, long offset, int rows, int columns) {
    long size = (long) rows * columns;
    return flat.get(NDArrayIndex.interval(offset, offset + size)).reshape('c', rows, columns);
  }

  /** What this adapter is made of. */
  public PeftConfig config() {
    return config;
  }

  /** The ranks that the model's buffers have to hold. */
  public StackedRanks ranks() {
    return layout.ranks();
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
    for (Copy copy : copies) {
      kernels.push(copy.master());
      if (!copy.working().equals(copy.master())) {
        kernels.copy(copy.master(), copy.working());
      }
    }
  }

  @Override
  public void clearGradients() {
    deviceGradients.forEach(kernels::zero);
  }

  @Override
  public void collectGradients() {
    deviceGradients.forEach(kernels::pull);
  }

  /** A PEFT folder, which anything can read. */
  @Override
  public void writeCheckpoint(Path folder) {
    PeftAdapter peft = toPeft();
    PeftAdapter.writeInto(folder, peft.config(), peft.weights());
  }

  /** A PEFT folder. */
  @Override
  public void writeResult(Path folder) {
    writeCheckpoint(folder);
  }

  private float[] read(long offset, long size) {
    MemorySegment slice =
        HostArrays.memory(parameters).asSlice(offset * Float.BYTES, size * Float.BYTES);
    return slice.toArray(ValueLayout.JAVA_FLOAT);
  }

  private void write(long offset, float[] values) {
    MemorySegment memory = HostArrays.memory(parameters);
    MemorySegment.copy(
        values, 0, memory, ValueLayout.JAVA_FLOAT, offset * Float.BYTES, values.length);
  }
}
