package dev.graft.trainer.model;

import dev.graft.modelio.ModelConfig;
import dev.graft.trainer.config.Recompute;
import dev.graft.trainer.kernels.Kernels;
import dev.graft.trainer.tensor.ElementType;
import dev.graft.trainer.tensor.Tensor;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * All activations and scratch of a training pass, laid out once for the largest micro-batch. A
 * smaller one uses the first rows of everything; the handles for each size are kept, so that a step
 * allocates nothing, not even on the Java heap.
 */
final class Workspace {

  /**
   * The memory for one micro-batch size.
   *
   * @param layers one for each decoder layer; under {@link Recompute#LAYERS} they share all but
   *     their inputs
   * @param output (T, d) float32: the residual stream after the last layer
   */
  record View(List<LayerActivations> layers, Tensor output, Scratch scratch) {

    /** Where a layer's result goes: the next layer's input, or the output. */
    Tensor outputOf(int layer) {
      return layer + 1 < layers.size() ? layers.get(layer + 1).input() : output;
    }

    View rows(int tokens) {
      return new View(
          layers.stream().map(layer -> layer.rows(tokens)).toList(),
          output.rows(0, tokens),
          scratch.rows(tokens));
    }
  }

  private final View whole;
  private final PassMemory memory;
  private final Map<Integer, View> views = new HashMap<>();

  Workspace(
      Kernels kernels,
      ModelConfig config,
      int maxTokens,
      StackedRanks ranks,
      boolean dropout,
      Recompute recompute) {
    PassMemory.Meter meter = new PassMemory.Meter(kernels);
    List<LayerActivations> layers = new ArrayList<>();
    for (int layer = 0; layer < config.layers(); layer++) {
      layers.add(
          recompute == Recompute.NONE || layers.isEmpty()
              ? LayerActivations.allocate(kernels, config, maxTokens, ranks)
              : layers.getFirst().withInput(residual(kernels, config, maxTokens)));
    }
    Tensor output = residual(kernels, config, maxTokens);
    long activations = meter.sinceLast();
    Scratch scratch = Scratch.allocate(kernels, config, maxTokens, ranks, dropout);
    this.whole = new View(List.copyOf(layers), output, scratch);
    this.memory = new PassMemory(activations, meter.sinceLast(), 0, 0);
  }

  private static Tensor residual(Kernels kernels, ModelConfig config, int tokens) {
    return kernels.allocate(ElementType.F32, tokens, config.hiddenSize());
  }

  /** What this allocated: activations and gradients. */
  PassMemory memory() {
    return memory;
  }

  /** The memory for a micro-batch of {@code tokens}. */
  View of(int tokens) {
    return views.computeIfAbsent(tokens, whole::rows);
  }
}
