package dev.graft.trainer.lora;

import dev.graft.trainer.kernels.Kernels;
import dev.graft.trainer.lora.ParameterLayout.Module;
import dev.graft.trainer.model.LowRank;
import dev.graft.trainer.tensor.ElementType;
import dev.graft.trainer.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/**
 * DoRA's part of an adapter (Liu et al. 2024): of each adapted layer the lengths of the rows of
 * {@code W + s · B A}, as of the last {@link #refresh}, and what follows from them. That matrix is
 * never made: ‖W‖² of each row is computed once, and the rest is products of the rank's width.
 */
final class Magnitudes {

  /**
   * One adapted layer.
   *
   * @param weight (out, in)
   * @param a (r, in) act, as products read it
   * @param b (out, r) act, likewise
   * @param squares (1, out) float32: ‖W‖² of each row
   * @param magnitude (1, out) float32: what is learned
   */
  private record Layer(
      Tensor weight,
      Tensor a,
      Tensor b,
      float scale,
      Tensor squares,
      Tensor magnitude,
      LowRank.Magnitude derived) {}

  private final Kernels kernels;
  private final List<Layer> layers = new ArrayList<>();
  private final Tensor cross; // (largest r, largest out) float32
  private final Tensor gram; // (largest r, largest r) float32

  Magnitudes(Kernels kernels, ParameterLayout layout) {
    this.kernels = kernels;
    int rank = layout.largestWidth();
    int out = layout.modules().stream().mapToInt(Module::out).max().orElseThrow();
    this.cross = kernels.allocate(ElementType.F32, rank, out);
    this.gram = kernels.allocate(ElementType.F32, rank, rank);
  }

  /** Bytes that are allocated for the adapters of a layout. */
  static long bytes(ParameterLayout layout) {
    if (!layout.hasMagnitudes()) {
      return 0;
    }
    long rank = layout.largestWidth();
    long out = layout.modules().stream().mapToInt(Module::out).max().orElseThrow();
    long vectors = layout.modules().stream().mapToLong(Module::out).sum();
    return Float.BYTES * (3 * vectors + rank * out + rank * rank);
  }

  /**
   * Adds a layer.
   *
   * @param gradient (1, out) float32: of the magnitudes
   */
  LowRank.Magnitude add(
      Tensor weight, Tensor a, Tensor b, float scale, Tensor magnitude, Tensor gradient) {
    int out = weight.rows();
    Tensor squares = kernels.allocate(ElementType.F32, 1, out);
    kernels.rowSquares(weight, squares);
    LowRank.Magnitude derived =
        new LowRank.Magnitude(
            kernels.allocate(ElementType.F32, 1, out),
            kernels.allocate(ElementType.F32, 1, out),
            gradient);
    layers.add(new Layer(weight, a, b, scale, squares, magnitude, derived));
    return derived;
  }

  /** ‖W‖ of each row of a layer, in the order of {@link #add}: where magnitudes begin. */
  float[] initial(int layer) {
    float[] lengths = kernels.read(layers.get(layer).squares);
    for (int i = 0; i < lengths.length; i++) {
      lengths[i] = (float) Math.sqrt(lengths[i]);
    }
    return lengths;
  }

  /** Brings everything up to A, B and the magnitudes as they are on the device. */
  void refresh() {
    for (Layer layer : layers) {
      int rank = layer.a.rows();
      Tensor aTimesW = cross.rows(0, rank).columns(0, layer.weight.rows());
      Tensor aTimesA = gram.rows(0, rank).columns(0, rank);
      kernels.linear(layer.a, layer.weight, aTimesW, false);
      kernels.linear(layer.a, layer.a, aTimesA, false);
      kernels.magnitudeGains(
          layer.squares,
          aTimesW,
          aTimesA,
          layer.b,
          layer.scale,
          layer.magnitude,
          layer.derived.inverseLengths(),
          layer.derived.gains());
    }
  }
}
