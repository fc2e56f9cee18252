package dev.graft.trainer.lora;

import dev.graft.modelio.peft.LoraWeights;
import dev.graft.trainer.lora.ParameterLayout.Module;
import dev.graft.trainer.tensor.HostArrays;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.indexing.NDArrayIndex;

/**
 * An adapter that learns how far it gets from where it began (PiSSA, Meng et al. 2024): the layer
 * computes {@code W x + s (BA - B₀A₀) x}, which is PiSSA's {@code (W - s B₀A₀) x + s BA x} without
 * a second copy of W. Written as
 *
 * <pre>
 *   BA - B₀A₀ = (B - B₀) A + B₀ (A - A₀) = [B - B₀, B₀] [A; A - A₀]
 * </pre>
 *
 * it is a plain adapter of twice the rank whose numbers are as small as what was learned, so that
 * little is lost where they are rounded to bfloat16.
 *
 * @param beginning A₀ and B₀, float32, in the layout of the parameters' matrices
 * @param change A - A₀ and B - B₀, likewise, as of the last {@link #refresh}
 */
record Difference(INDArray beginning, INDArray change) {

  static Difference allocate(ParameterLayout layout) {
    return new Difference(
        HostArrays.zeros(layout.magnitudes()), HostArrays.zeros(layout.magnitudes()));
  }

  private INDArray matrices(INDArray parameters) {
    return parameters.get(NDArrayIndex.interval(0, beginning.length()));
  }

  /** From now on, the beginning is what the parameters are. */
  void begin(INDArray parameters) {
    beginning.assign(matrices(parameters));
  }

  /** Brings the change up to the parameters. */
  void refresh(INDArray parameters) {
    matrices(parameters).subi(beginning, change);
  }

  /** One module as a plain adapter of twice the rank. */
  LoraWeights plain(Module module, INDArray parameters, float[] magnitude) {
    refresh(parameters);
    int rank = module.rank();
    float[] a = new float[2 * module.sizeOfA()];
    copy(parameters, module.a(), a, 0, module.sizeOfA());
    copy(change, module.a(), a, module.sizeOfA(), module.sizeOfA());
    float[] b = new float[2 * module.sizeOfB()];
    for (int row = 0; row < module.out(); row++) {
      copy(change, module.b() + (long) row * rank, b, 2 * row * rank, rank);
      copy(beginning, module.b() + (long) row * rank, b, (2 * row + 1) * rank, rank);
    }
    return new LoraWeights(module.layer(), module.projection(), 2 * rank, a, b, magnitude);
  }

  private static void copy(INDArray from, long offset, float[] to, int at, int count) {
    MemorySegment memory = HostArrays.memory(from);
    MemorySegment.copy(memory, ValueLayout.JAVA_FLOAT, offset * Float.BYTES, to, at, count);
  }
}
