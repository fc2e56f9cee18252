package dev.graft.trainer.lora;

import dev.graft.modelio.Projection;
import dev.graft.modelio.VocabularyModule;
import dev.graft.modelio.peft.LoraWeights;
import dev.graft.modelio.peft.PeftAdapter;
import dev.graft.modelio.peft.PeftConfig;
import dev.graft.modelio.peft.VocabularyLora;
import dev.graft.trainer.kernels.Kernels;
import dev.graft.trainer.lora.ParameterLayout.Module;
import dev.graft.trainer.lora.ParameterLayout.Vocabulary;
import dev.graft.trainer.model.Llama;
import dev.graft.trainer.model.LowRank;
import dev.graft.trainer.model.ParameterGroup;
import dev.graft.trainer.model.ProjectionGroup;
import dev.graft.trainer.model.StackedRanks;
import dev.graft.trainer.model.Trainable;
import dev.graft.trainer.model.VocabularyLowRank;
import dev.graft.trainer.tensor.ElementType;
import dev.graft.trainer.tensor.HostArrays;
import dev.graft.trainer.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * The adapters of a model (LoRA, Hu et al. 2021): for each target linear layer {@code W} of shape
 * (out, in) the matrices A (r, in) and B (out, r), and the magnitudes of DoRA if it has any,
 * float32, in one flat ND4J vector, with their gradients in another. Optimizers see two vectors;
 * the model sees {@link LowRank} views of them.
 *
 * <p>Where products read bfloat16, the device keeps a bfloat16 copy of each matrix, refreshed by
 * {@link #refresh} after every optimizer step.
 */
public final class LoraAdapter implements Trainable {

  /** A matrix, as products read it, and the master it is rounded from. */
  private record Copy(Tensor master, Tensor working) {}

  /** Is told how far a beginning is. */
  @FunctionalInterface
  public interface Progress {

    /** So many weights are done, of all. */
    void after(int done, int all);
  }

  private final PeftConfig config;
  private final Kernels kernels;
  private final ParameterLayout layout;
  private final INDArray parameters;
  private final INDArray gradients;
  private final Tensor deviceParameters; // (1, n)
  private final Tensor deviceGradients; // (1, n)
  private final Tensor working; // the parameters, or a copy of A and B that products read
  private final List<Copy> copies = new ArrayList<>();
  private final @Nullable Magnitudes magnitudes;
  private final @Nullable Difference difference;

  private LoraAdapter(PeftConfig config, ParameterLayout layout, Kernels kernels) {
    this.config = config;
    this.kernels = kernels;
    this.layout = layout;
    this.parameters = HostArrays.zeros(layout.size());
    this.gradients = HostArrays.zeros(layout.size());
    this.deviceParameters = kernels.parameter(HostArrays.asRow(parameters));
    this.deviceGradients = kernels.parameter(HostArrays.asRow(gradients));
    boolean used = !layout.differences() || !layout.vocabulary().isEmpty();
    boolean rounded = kernels.activationType() != ElementType.F32 && used;
    this.working =
        rounded
            ? kernels.allocate(kernels.activationType(), 1, Math.toIntExact(layout.magnitudes()))
            : deviceParameters;
    this.magnitudes = layout.hasMagnitudes() ? new Magnitudes(kernels, layout) : null;
    this.difference = layout.differences() ? Difference.allocate(layout) : null;
  }

  /**
   * A fresh adapter, attached to the model: A uniform in ±1/sqrt(in) (Kaiming with a = sqrt(5), as
   * PEFT initialises it), B zero and magnitudes ‖W‖, so that it changes nothing yet. Each matrix is
   * drawn from a generator of its own, keyed by seed and place.
   */
  public static LoraAdapter initialized(PeftConfig config, Llama model, long seed) {
    return initialized(config, model, seed, new Beginning.Random());
  }

  /** A fresh adapter with another beginning, which changes nothing yet either. */
  public static LoraAdapter initialized(
      PeftConfig config, Llama model, long seed, Beginning beginning) {
    return initialized(config, model, seed, beginning, (_, _) -> {});
  }

  /**
   * The same, of a beginning that takes its time.
   *
   * @param progress called after each weight that principal components were found of
   */
  public static LoraAdapter initialized(
      PeftConfig config, Llama model, long seed, Beginning beginning, Progress progress) {
    ParameterLayout layout = ParameterLayout.of(model.config(), config, beginning);
    LoraAdapter adapter = new LoraAdapter(config, layout, model.kernels());
    switch (beginning) {
      case Beginning.Random() -> adapter.writeRandomA(seed);
      case Beginning.PrincipalComponents(int iterations) ->
          adapter.writeComponents(model, iterations, seed, progress);
    }
    adapter.attach(model);
    adapter.writeInitialMagnitudes();
    adapter.refresh();
    return adapter;
  }

  private void writeRandomA(long seed) {
    for (Module module : layout.modules()) {
      write(
          module.a(),
          RandomMatrices.uniform(module.sizeOfA(), module.in(), RandomMatrices.key(module, seed)));
    }
    for (Vocabulary module : layout.vocabulary()) {
      long key = RandomMatrices.key(module.module().path(), seed);
      int size = module.sizeOfHidden();
      write(
          module.ofHidden(),
          switch (module.module()) {
            case EMBED_TOKENS -> RandomMatrices.gaussian(size, key);
            case LM_HEAD -> RandomMatrices.uniform(size, module.hidden(), key);
          });
    }
  }

  /**
   * PiSSA's A and B (Meng et al. 2024, equations 2 and 3, divided by the scale as PEFT does):
   * {@code s · BA} is the sum of the weight's largest components.
   */
  private void writeComponents(Llama model, int iterations, long seed, Progress progress) {
    int done = 0;
    int largest = layout.largestWidth() / 2;
    var finder = new PrincipalComponents(kernels, largest, layout.widestWeight());
    for (Module module : layout.modules()) {
      int rank = module.rank();
      PrincipalComponents.Components found =
          finder.of(
              model.weight(module.layer(), module.projection()),
              rank,
              iterations,
              RandomMatrices.key(module, seed));
      float[] a = new float[module.sizeOfA()];
      float[] b = new float[module.sizeOfB()];
      for (int i = 0; i < rank; i++) {
        double root = Math.sqrt(found.values()[i] / module.scale());
        for (int column = 0; column < module.in(); column++) {
          a[i * module.in() + column] = (float) (root * found.right()[i][column]);
        }
        for (int row = 0; row < module.out(); row++) {
          b[row * rank + i] = (float) (root * found.left()[i][row]);
        }
      }
      write(module.a(), a);
      write(module.b(), b);
      progress.after(++done, layout.modules().size());
    }
    Objects.requireNonNull(difference).begin(parameters);
  }

  private void writeInitialMagnitudes() {
    if (magnitudes != null) {
      for (int i = 0; i < layout.modules().size(); i++) {
        write(layout.modules().get(i).magnitude(), magnitudes.initial(i));
      }
    }
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
      if (weights.hasMagnitude()) {
        adapter.write(module.magnitude(), weights.magnitude());
      }
    }
    for (int i = 0; i < peft.vocabulary().size(); i++) {
      Vocabulary module = layout.vocabulary().get(i);
      adapter.write(module.ofTokens(), peft.vocabulary().get(i).tokens());
      adapter.write(module.ofHidden(), peft.vocabulary().get(i).hidden());
    }
    adapter.attach(model);
    adapter.refresh();
    return adapter;
  }

  /** The adapter as it is now, in PEFT's terms; a difference as a plain one of twice the rank. */
  public PeftAdapter toPeft() {
    List<LoraWeights> weights = new ArrayList<>();
    for (Module module : layout.modules()) {
      float[] magnitude =
          layout.hasMagnitudes() ? read(module.magnitude(), module.out()) : new float[0];
      weights.add(
          difference != null
              ? difference.plain(module, parameters, magnitude)
              : new LoraWeights(
                  module.layer(),
                  module.projection(),
                  module.rank(),
                  read(module.a(), module.sizeOfA()),
                  read(module.b(), module.sizeOfB()),
                  magnitude));
    }
    List<VocabularyLora> vocabulary = new ArrayList<>();
    for (Vocabulary module : layout.vocabulary()) {
      vocabulary.add(
          new VocabularyLora(
              module.module(),
              module.rank(),
              read(module.ofTokens(), module.sizeOfTokens()),
              read(module.ofHidden(), module.sizeOfHidden())));
    }
    PeftConfig plain = difference == null ? config : config.withTwiceTheRank();
    return new PeftAdapter(plain, weights, vocabulary);
  }

  /** Builds the views of every group and hands them to the model; {@link #refresh} comes next. */
  private void attach(Llama model) {
    for (int layer = 0; layer < model.config().layers(); layer++) {
      for (ProjectionGroup group : ProjectionGroup.values()) {
        List<Module> modules = layout.of(layer, group);
        model.attach(layer, group, modules.isEmpty() ? null : lowRank(model, group, modules));
      }
    }
    for (VocabularyModule module : VocabularyModule.values()) {
      model.attach(module, null);
    }
    layout.vocabulary().forEach(module -> model.attach(module.module(), lowRank(module)));
  }

  private VocabularyLowRank lowRank(Vocabulary module) {
    return new VocabularyLowRank(
        working(module.ofTokens(), module.tokens(), module.rank()),
        gradient(module.ofTokens(), module.tokens(), module.rank()),
        working(module.ofHidden(), module.rank(), module.hidden()),
        gradient(module.ofHidden(), module.rank(), module.hidden()),
        module.scale());
  }

  private LowRank lowRank(Llama model, ProjectionGroup group, List<Module> modules) {
    int in = modules.getFirst().in();
    long firstA = modules.getFirst().a();
    int trained = modules.stream().mapToInt(Module::rank).sum();
    int width = modules.stream().mapToInt(layout::width).sum();
    Tensor a =
        difference == null
            ? working(firstA, trained, in)
            : kernels.allocate(kernels.activationType(), width, in);
    List<LowRank.@Nullable Member> members = new ArrayList<>();
    int row = 0;
    for (Projection projection : group.members()) {
      Module module = find(modules, projection);
      if (module == null) {
        members.add(null);
        continue;
      }
      Tensor ownA = a.rows(row, layout.width(module));
      Tensor b =
          difference == null
              ? working(module.b(), module.out(), module.rank())
              : doubled(difference, module, ownA);
      members.add(
          new LowRank.Member(
              row,
              b,
              gradient(module.b(), module.out(), module.rank()),
              module.scale(),
              magnitude(model, module, ownA, b)));
      row += layout.width(module);
    }
    return new LowRank(a, gradient(firstA, trained, in), Collections.unmodifiableList(members));
  }

  /**
   * Has {@code [A; A - A₀]} copied into a module's rows of the stacked A.
   *
   * @return what {@code [B - B₀, B₀]} is copied into, (out, 2r) act
   */
  private Tensor doubled(Difference difference, Module module, Tensor a) {
    int rank = module.rank();
    Tensor b = kernels.allocate(kernels.activationType(), module.out(), 2 * rank);
    copy(parameters, module.a(), a.rows(0, rank));
    copy(difference.change(), module.a(), a.rows(rank, rank));
    copy(difference.change(), module.b(), b.columns(0, rank));
    copy(difference.beginning(), module.b(), b.columns(rank, rank));
    return b;
  }

  private void copy(INDArray flat, long offset, Tensor working) {
    INDArray master = matrix(flat, offset, working.rows(), working.columns());
    copies.add(new Copy(kernels.parameter(master), working));
  }

  private LowRank.@Nullable Magnitude magnitude(Llama model, Module module, Tensor a, Tensor b) {
    if (magnitudes == null) {
      return null;
    }
    Tensor master = matrix(deviceParameters, module.magnitude(), 1, module.out());
    return magnitudes.add(
        model.weight(module.layer(), module.projection()),
        a,
        b,
        module.scale(),
        master,
        gradient(module.magnitude(), 1, module.out()));
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
    return matrix(working, offset, rows, columns);
  }

  private Tensor gradient(long offset, int rows, int columns) {
    return matrix(deviceGradients, offset, rows, columns);
  }

  private static Tensor matrix(Tensor flat, long offset, int rows, int columns) {
    return new Tensor(flat.buffer(), flat.offset() + offset, flat.type(), rows, columns, columns);
  }

  private static INDArray matrix(INDArray flat, long offset, int rows, int columns) {
    return HostArrays.view(flat, offset, rows, columns, columns);
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

  /** Where it began, if what is learned is the difference to that. */
  @Override
  public Map<String, INDArray> constants() {
    return difference == null ? Map.of() : Map.of("beginning", difference.beginning());
  }

  @Override
  public void refresh() {
    if (difference != null) {
      difference.refresh(parameters);
    }
    for (Copy copy : copies) {
      kernels.push(copy.master());
      kernels.copy(copy.master(), copy.working());
    }
    kernels.push(deviceParameters);
    refreshCopies();
  }

  @Override
  public void refreshCopies() {
    if (!working.equals(deviceParameters)) {
      kernels.copy(deviceParameters.first(working.columns()), working);
    }
    if (magnitudes != null) {
      magnitudes.refresh();
    }
  }

  @Override
  public void clearGradients() {
    kernels.zero(deviceGradients);
  }

  @Override
  public void collectGradients() {
    kernels.pull(deviceGradients);
  }

  /** A PEFT folder, which anything can read. */
  @Override
  public void writeCheckpoint(Path folder) {
    toPeft().writeInto(folder);
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
