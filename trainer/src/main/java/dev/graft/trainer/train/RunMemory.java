package dev.graft.trainer.train;

import dev.graft.trainer.config.OptimizerSettings;
import dev.graft.trainer.config.Recompute;
import dev.graft.trainer.kernels.Kernels;
import dev.graft.trainer.model.Dropout;
import dev.graft.trainer.model.Llama;
import dev.graft.trainer.model.PassMemory;
import dev.graft.trainer.model.TokenBatch;
import dev.graft.trainer.model.TrainableSize;
import dev.graft.trainer.model.TrainingPass;
import dev.graft.trainer.optim.Optimizer;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What a run will allocate, in bytes. The training pass is laid out by the code that lays it out in
 * a run, on kernels that count instead of allocating, so that plan and run cannot drift apart.
 *
 * @param onDevice whether all of it, but for mapped files, is a device's own memory
 * @param mapped the base weights where they lie in their files: read, not allocated; the system can
 *     drop them and read them again
 * @param process what the process held before: the JVM, its heap, the examples
 * @param baseCopies base weights that these kernels had to convert, or to bring to their device
 * @param parameters that are trained, and the copies that products read
 * @param gradients of the parameters
 * @param optimizer what the optimizer remembers
 * @param pass the training pass
 * @param products working memory of products
 * @param samples what answering validation examples takes, key-value caches and all
 */
record RunMemory(
    boolean onDevice,
    long mapped,
    long process,
    long baseCopies,
    long parameters,
    long gradients,
    long optimizer,
    PassMemory pass,
    long products,
    long samples) {

  /**
   * The JIT compiler at work on a step's loops, and the code it makes. Measured, the same for all
   * sizes of model: 18 to 24 MB, which the C library keeps for its next compilation.
   */
  static final long COMPILER = 22_000_000;

  /** What differs between the ways to lay out a run. */
  record Layout(int maxTokens, boolean dropout, Recompute recompute, OptimizerSettings optimizer) {}

  static RunMemory of(
      Llama model,
      TrainableSize trained,
      Layout layout,
      long mapped,
      long process,
      long baseCopies) {
    Kernels kernels = model.kernels();
    PlanningKernels planning = new PlanningKernels(kernels);
    TrainingPass pass =
        model
            .on(planning)
            .trainingPass(layout.maxTokens, trained.ranks(), layout.dropout, layout.recompute);
    pass.lossAndGradient(everyToken(layout.maxTokens), 1, Dropout.OFF);
    return new RunMemory(
        kernels.deviceBytes().isPresent(),
        mapped,
        process,
        baseCopies,
        trained.parameterBytes(kernels.activationType()),
        trained.gradientBytes(),
        trained.optimizerBytes(Optimizer.numbersPerParameter(layout.optimizer)),
        pass.memory(),
        planning.productScratch().total(),
        0);
  }

  /** This with memory for answering validation examples. */
  RunMemory withSamples(long bytes) {
    return new RunMemory(
        onDevice,
        mapped,
        process,
        baseCopies,
        parameters,
        gradients,
        optimizer,
        pass,
        products,
        bytes);
  }

  /** A micro-batch that fills the pass, and learns from all of it. */
  private static TokenBatch everyToken(int tokens) {
    boolean[] targets = new boolean[tokens];
    Arrays.fill(targets, true);
    return TokenBatch.of(List.of(new TokenBatch.Sequence(new int[tokens], targets)));
  }

  /** What the run adds to the process. */
  long growth() {
    return parameters + gradients + optimizer + pass.total() + products + samples + compiler();
  }

  private long compiler() {
    return onDevice ? 0 : COMPILER;
  }

  /** All that is not a mapped file. */
  long peak() {
    return process + baseCopies + growth();
  }

  /** Class by class, for a person. */
  Map<String, Long> classes() {
    Map<String, Long> classes = new LinkedHashMap<>();
    if (onDevice) {
      classes.put("base weights, workspace", baseCopies);
    } else {
      classes.put("process so far (JVM, examples)", process);
      classes.put("base weights, converted copies", baseCopies);
    }
    classes.put("trained parameters", parameters);
    classes.put("their gradients", gradients);
    classes.put("what the optimizer remembers", optimizer);
    classes.put("activations kept for the backward", pass.activations());
    classes.put("gradients of activations", pass.gradients());
    classes.put("logits chunk and its rows", pass.logits());
    classes.put("rotary tables, token ids", pass.other());
    if (!onDevice) {
      classes.put("working memory of products", products);
    }
    if (samples > 0) {
      classes.put("answering validation examples", samples);
    }
    if (!onDevice) {
      classes.put("JIT compiler and its code", COMPILER);
    }
    return classes;
  }
}
