package dev.graft.trainer.train;

import dev.graft.modelio.ModelConfig;
import dev.graft.modelio.Projection;
import dev.graft.modelio.TensorView;
import dev.graft.modelio.checkpoint.Checkpoint;
import dev.graft.tokenizer.TokenSequence;
import dev.graft.trainer.config.Method;
import dev.graft.trainer.config.Recompute;
import dev.graft.trainer.config.RunConfig;
import dev.graft.trainer.config.TrainingConfig;
import dev.graft.trainer.data.EpochOrder;
import dev.graft.trainer.full.FullWeights;
import dev.graft.trainer.kernels.Kernels;
import dev.graft.trainer.model.Dropout;
import dev.graft.trainer.model.Llama;
import dev.graft.trainer.model.TokenBatch;
import dev.graft.trainer.model.TrainableSize;
import dev.graft.trainer.model.TrainingPass;
import dev.graft.trainer.runtime.BaseModel;
import dev.graft.trainer.runtime.Meanwhile;
import dev.graft.trainer.runtime.ProcessMemory;
import dev.graft.trainer.tensor.ElementType;
import dev.graft.trainer.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import java.util.function.Supplier;

/**
 * Estimates a run from what the run itself would use: the base that is open, the examples that were
 * read, and the code that lays out memory.
 *
 * @param trained what the run trains
 * @param adapter what it would train as LoRA
 * @param longest tokens of the longest example
 * @param samples bytes that answering validation examples takes
 */
record RunPlanning(
    RunConfig config,
    BaseModel base,
    EpochOrder order,
    TrainableSize trained,
    TrainableSize adapter,
    int longest,
    long samples) {

  /** A short measurement computes no more tokens at once than this. */
  private static final int MEASURED_TOKENS = 256;

  /** After this, a measurement has seen enough. */
  private static final long MEASURED_NANOS = 5_000_000_000L;

  /** Below this, products are so thin that halving the micro-batch again is no good advice. */
  private static final int SMALLEST_MICRO_BATCH = 128;

  /**
   * What was held before anything was laid out, in bytes: by the process, or on the device that has
   * memory of its own.
   */
  private record Held(long process, long baseCopies) {

    static Held of(Kernels kernels) {
      long copies = kernels.allocatedBytes();
      if (kernels.deviceBytes().isPresent()) {
        return new Held(0, copies);
      }
      return new Held(ProcessMemory.anonymous().orElse(copies) - copies, copies);
    }
  }

  /** Tokens of the largest micro-batch that a run will see. */
  static int maxTokens(RunConfig config, int longest) {
    return config.data().packing()
        ? Math.max(config.training().microBatchTokens(), longest)
        : longest;
  }

  /** What the run needs of the machine's memory. Nothing is allocated. */
  MemoryNeed memoryNeed() {
    if (readsBase()) {
      base.model(); // whose converted copies are the process's from now on
    }
    return memoryNeed(Held.of(base.kernels()));
  }

  /** Full fine-tuning computes with weights of its own; only samples compare them with the base. */
  private boolean readsBase() {
    return config.method() == Method.LORA || config.evaluation().samples() > 0;
  }

  private MemoryNeed memoryNeed(Held held) {
    RunMemory memory = memory(held, maxTokens(config, longest), config.training().recompute());
    OptionalLong free = free(base.kernels());
    OptionalLong available =
        free.isPresent()
            ? OptionalLong.of(free.getAsLong() + held.process + held.baseCopies)
            : OptionalLong.empty();
    return new MemoryNeed(
        memory,
        available,
        memory.onDevice() ? base.kernels().deviceBytes() : ProcessMemory.machine(),
        Meanwhile.onDemand(() -> options(held, memory.peak())));
  }

  /** What nobody has taken, of the device's own memory if it has any. */
  private static OptionalLong free(Kernels kernels) {
    OptionalLong total = kernels.deviceBytes();
    OptionalLong taken = kernels.deviceBytesTaken();
    return total.isPresent() && taken.isPresent()
        ? OptionalLong.of(total.getAsLong() - taken.getAsLong())
        : ProcessMemory.available();
  }

  /**
   * Estimates.
   *
   * @param measured makes something to measure with; absent for the rate of bare products
   */
  RunEstimate estimate(Optional<Supplier<TrainedModel>> measured) {
    MemoryNeed need = memoryNeed();
    RunPlan plan = RunPlan.of(config, order.stepsPerEpoch());
    OptionalDouble rate =
        measured.isPresent() && need.fits()
            ? OptionalDouble.of(measuredRate(measured.get().get()))
            : OptionalDouble.of(productRate());
    return new RunEstimate(
        need.memory().classes(),
        need.memory().peak(),
        need.memory().mapped(),
        need.memory().onDevice(),
        need.available(),
        order.examples().stream().mapToLong(TokenSequence::length).sum(),
        plan.totalSteps(),
        plan.stepsPerEpoch(),
        rate,
        measured.isPresent() && need.fits(),
        need.options());
  }

  private RunMemory memory(Held held, int maxTokens, Recompute recompute) {
    return memory(trained, held, maxTokens, recompute);
  }

  private RunMemory memory(TrainableSize size, Held held, int maxTokens, Recompute recompute) {
    RunMemory.Layout layout =
        new RunMemory.Layout(
            maxTokens,
            config.lora().dropout() > 0,
            recompute,
            config.training().optimizerSettings());
    return RunMemory.of(
            layoutModel(),
            size,
            layout,
            mappedBytes(base.checkpoint()),
            held.process,
            held.baseCopies)
        .withSamples(samples);
  }

  /** A model to lay out memory for: of a full fine-tuning's nothing is there yet. */
  private Llama layoutModel() {
    return config.method() == Method.LORA
        ? base.model()
        : FullWeights.blank(base.config(), new PlanningKernels(base.kernels()));
  }

  private static long mappedBytes(Checkpoint checkpoint) {
    return checkpoint.names().stream()
        .map(checkpoint::tensor)
        .map(TensorView::data)
        .mapToLong(data -> data.byteSize())
        .sum();
  }

  /** Tokens a second of a training pass over a short stretch of the first examples. */
  private double measuredRate(TrainedModel made) {
    int[] ids = new int[Math.min(MEASURED_TOKENS, maxTokens(config, longest))];
    for (int i = 0, next = 0; i < ids.length; next++) {
      TokenSequence example = order.examples().get(next % order.examples().size());
      int count = Math.min(example.length(), ids.length - i);
      System.arraycopy(example.inputIds(), 0, ids, i, count);
      i += count;
    }
    boolean[] target = new boolean[ids.length];
    Arrays.fill(target, true);
    TokenBatch batch = TokenBatch.of(List.of(new TokenBatch.Sequence(ids, target)));
    TrainingPass pass =
        made.model()
            .trainingPass(batch.tokens(), made.ranks(), false, config.training().recompute());
    return batch.tokens() / seconds(() -> pass.lossAndGradient(batch, 1, Dropout.OFF));
  }

  /** Tokens a second if a step were its base products, forward and backward, and nothing else. */
  private double productRate() {
    ModelConfig model = base.config();
    Kernels kernels = base.kernels();
    ElementType act = kernels.activationType();
    TensorView view = base.checkpoint().tensor(Projection.UP_PROJ.path(0) + ".weight");
    ElementType type = ElementType.valueOf(view.dtype().name());
    int out = Math.toIntExact(view.dim(0));
    int in = Math.toIntExact(view.dim(1));
    Tensor x = kernels.allocate(act, MEASURED_TOKENS, in);
    Tensor y = kernels.allocate(act, MEASURED_TOKENS, out);
    Tensor w = kernels.weight(type, out, in, view.data());
    double seconds =
        seconds(() -> {
          kernels.linear(x, w, y, false);
          kernels.linearBackwardInput(y, w, x, false);
        });
    double flopsPerSecond = 4.0 * MEASURED_TOKENS * in * out / seconds;
    return flopsPerSecond / (flopsPerWeight() * linearWeights(model));
  }

  /** Of a token: forward, towards the input, and towards the weight where that is trained. */
  private double flopsPerWeight() {
    return config.method() == Method.FULL ? 6 : 4;
  }

  /** The shortest of a few times, after one that compiles code and touches memory. */
  private double seconds(Runnable work) {
    Kernels kernels = base.kernels();
    work.run();
    kernels.finish();
    double shortest = Double.MAX_VALUE;
    long begin = System.nanoTime();
    for (int i = 0; i < 4 && System.nanoTime() - begin < MEASURED_NANOS; i++) {
      long start = System.nanoTime();
      work.run();
      kernels.finish();
      shortest = Math.min(shortest, (System.nanoTime() - start) / 1e9);
    }
    return shortest;
  }

  private static long linearWeights(ModelConfig model) {
    long head = (long) model.vocabSize() * model.hiddenSize();
    return model.layers() * layerWeights(model) + head;
  }

  private static long layerWeights(ModelConfig model) {
    long layer = 0;
    for (Projection projection : Projection.values()) {
      layer += (long) projection.inFeatures(model) * projection.outFeatures(model);
    }
    return layer;
  }

  /** Ways to need less, by what they cost in tokens a second; those last that change the result. */
  private List<RunEstimate.Option> options(Held held, long peak) {
    TrainingConfig training = config.training();
    List<RunEstimate.Option> options = new ArrayList<>();
    int now = maxTokens(config, longest);
    int half = Math.max(Math.max(training.microBatchTokens() / 2, longest), SMALLEST_MICRO_BATCH);
    int quarter =
        Math.max(Math.max(training.microBatchTokens() / 4, longest), SMALLEST_MICRO_BATCH);
    boolean shrinks = config.data().packing();
    if (samples > 0) {
      String cost = "no slower; no validation examples are answered";
      options.add(new RunEstimate.Option("evaluation.samples=0", peak - samples, cost));
    }
    String thin = "a few percent slower: thinner products";
    if (shrinks && half < now) {
      add(options, held, peak, microBatch(half), half, training.recompute(), thin);
    }
    if (shrinks && quarter < half) {
      add(options, held, peak, microBatch(quarter), quarter, training.recompute(), thin);
    }
    if (training.recompute() == Recompute.NONE) {
      String again =
          "about %d %% fewer tokens a second, the same result"
              .formatted(Math.round(100 * recomputeCost()));
      add(options, held, peak, "training.recompute=layers", now, Recompute.LAYERS, again);
      if (shrinks && quarter < now) {
        String both = "training.recompute=layers --set " + microBatch(quarter);
        add(options, held, peak, both, quarter, Recompute.LAYERS, again);
      }
    }
    if (longest > 2 * SMALLEST_MICRO_BATCH && longest >= now / 2) {
      int cut = longest / 2;
      int tokens = shrinks ? Math.max(Math.min(training.microBatchTokens(), cut), cut) : cut;
      String setting = "data.max-length=" + cut + (shrinks ? " --set " + microBatch(tokens) : "");
      add(
          options,
          held,
          peak,
          setting,
          tokens,
          training.recompute(),
          "changes what is learned from");
    }
    if (config.method() == Method.FULL) {
      long asAdapter = memory(adapter, held, now, training.recompute()).peak();
      if (asAdapter < peak) {
        options.add(
            new RunEstimate.Option(
                "method=lora", asAdapter, "trains an adapter beside the frozen weights instead"));
      }
    }
    return options;
  }

  private static String microBatch(int tokens) {
    return "training.micro-batch-tokens=" + tokens;
  }

  private void add(
      List<RunEstimate.Option> options,
      Held held,
      long peak,
      String setting,
      int maxTokens,
      Recompute recompute,
      String cost) {
    long with = memory(held, maxTokens, recompute).peak();
    if (with < peak) {
      options.add(new RunEstimate.Option(setting, with, cost));
    }
  }

  /**
   * Share of tokens a second lost: all layers' products but the last's and down_proj come again.
   */
  private double recomputeCost() {
    ModelConfig model = base.config();
    long down =
        (long) Projection.DOWN_PROJ.inFeatures(model) * Projection.DOWN_PROJ.outFeatures(model);
    double extra =
        2.0
            * (model.layers() - 1)
            * (layerWeights(model) - down)
            / (flopsPerWeight() * linearWeights(model));
    return extra / (1 + extra);
  }
}
