package dev.graft.trainer.optim;

import dev.graft.trainer.tensor.HostArrays;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.nd4j.linalg.api.ndarray.INDArray;

/** The global norm of all gradients, and clipping by it (Pascanu et al. 2013). */
public final class GradientClipping {

  /** torch.nn.utils.clip_grad_norm_ adds this to the norm before it divides. */
  private static final double NORM_EPSILON = 1e-6;

  private GradientClipping() {}

  /**
   * Scales the gradients in place so that their norm does not exceed a limit.
   *
   * @param gradients float32 vector
   * @param maxNorm the limit; 0 leaves the gradients alone
   * @return the norm before clipping, summed in double
   */
  public static double clip(INDArray gradients, double maxNorm) {
    double norm = norm(gradients);
    double factor = maxNorm / (norm + NORM_EPSILON);
    if (maxNorm > 0 && factor < 1) {
      gradients.muli(factor);
    }
    return norm;
  }

  /** Four sums, so that additions do not wait for each other; always the same four. */
  private static double norm(INDArray gradients) {
    MemorySegment memory = HostArrays.memory(gradients);
    long length = gradients.length();
    double[] sums = new double[4];
    for (long i = 0; i < length; i++) {
      double g = memory.getAtIndex(ValueLayout.JAVA_FLOAT, i);
      sums[(int) (i & 3)] += g * g;
    }
    return Math.sqrt(sums[0] + sums[1] + sums[2] + sums[3]);
  }
}
