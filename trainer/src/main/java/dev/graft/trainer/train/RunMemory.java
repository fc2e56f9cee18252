package dev.graft.trainer.train;

import dev.graft.trainer.config.Recompute;
import dev.graft.trainer.kernels.Kernels;
import dev.graft.trainer.lora.AdapterSize;
import dev.graft.trainer.model.Llama;
import dev.graft.trainer.model.PassMemory;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * What a run will allocate, in bytes. The training pass is laid out by the code that lays it out in
 * a run, on kernels that count instead of allocating, so that plan and run cannot drift apart.
 *
 * @param mapped the base weights where they lie in their files: read, not allocated; the system can
 *     drop them and read them again
 * @param process what the process held before: the JVM, its heap, the examples
 * @param baseCopies base weights that these kernels had to convert
 * @param adapter parameters, and the copies that products read
 * @param gradients of the adapter
 * @param optimizer both moments
 * @param pass the training pass
 */
record RunMemory(
    long mapped,
    long process,
    long baseCopies,
    long adapter,
    long gradients,
    long optimizer,
    PassMemory pass) {

  /** What differs between the ways to lay out a run. */
  record Layout(int maxTokens, boolean dropout, Recompute recompute) {}

  static RunMemory of(
      Llama model, AdapterSize adapter, Layout layout, long mapped, long process, long baseCopies) {
    Kernels kernels = model.kernels();
    PassMemory pass =
        model
            .on(new PlanningKernels(kernels))
            .trainingPass(layout.maxTokens, adapter.ranks(), layout.dropout, layout.recompute)
            .memory();
    return new RunMemory(
        mapped,
        process,
        baseCopies,
        adapter.parameterBytes(kernels.activationType()),
        adapter.gradientBytes(),
        adapter.optimizerBytes(),
        pass);
  }

  /** What the run adds to the process before its first step. */
  long growth() {
    return adapter + gradients + optimizer + pass.total();
  }

  /** All that is not a mapped file. */
  long peak() {
    return process + baseCopies + growth();
  }

  /** Class by class, for a person. */
  Map<String, Long> classes() {
    Map<String, Long> classes = new LinkedHashMap<>();
    classes.put("process so far (JVM, examples)", process);
    classes.put("base weights, converted copies", baseCopies);
    classes.put("adapter", adapter);
    classes.put("adapter gradients", gradients);
    classes.put("optimizer (AdamW moments)", optimizer);
    classes.put("activations kept for the backward", pass.activations());
    classes.put("gradients of activations", pass.gradients());
    classes.put("logits chunk and its rows", pass.logits());
    classes.put("rotary tables, token ids", pass.other());
    return classes;
  }
}
