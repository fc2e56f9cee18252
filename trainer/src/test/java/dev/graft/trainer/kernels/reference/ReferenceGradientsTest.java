package dev.graft.trainer.kernels.reference;

import dev.graft.trainer.kernels.GradientContract;
import dev.graft.trainer.kernels.Kernels;
import dev.graft.trainer.tensor.ElementType;
import java.util.ArrayList;
import java.util.List;
import org.nd4j.linalg.api.buffer.DataType;

/** In float64 and one element at a time, so that no derivative can hide in a sum. */
class ReferenceGradientsTest extends GradientContract {

  @Override
  protected Kernels create() {
    return new ReferenceKernels(DataType.DOUBLE, ElementType.F32);
  }

  @Override
  protected double step() {
    return 1e-5;
  }

  /** Gradients are read as float32, good to 6e-8; differences are good to 1e-10. */
  @Override
  protected double tolerance() {
    return 1e-6;
  }

  @Override
  protected List<float[]> directions(int dimensions) {
    List<float[]> axes = new ArrayList<>();
    for (int i = 0; i < dimensions; i++) {
      float[] axis = new float[dimensions];
      axis[i] = 1;
      axes.add(axis);
    }
    return axes;
  }
}
