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
    double factor = factor(norm, maxNorm);
    if (factor < 1) {
      gradients.muli(factor);
    }
    return norm;
  }

  /** What gradients of a norm are multiplied with; 1 where they are left alone. */
  static double factor(double norm, double maxNorm) {
    double factor = maxNorm / (norm + NORM_EPSILON);
    return maxNorm > 0 && factor < 1 ? factor : 1;
  }

  /** Four sums, so that additions do not wait for each other; always the same four. */
  private static double norm(INDArray gradients) {
    MemorySegment memory = HostArrays.memory(gradients);
    long length = gradients.length();
    double sum0 = 0;
    double sum1 = 0;
    double sum2 = 0;
    double sum3 = 0;
    long i = 0;
    for (; i <= length - 4; i += 4) {
      double g0 = memory.getAtIndex(ValueLayout.JAVA_FLOAT, i);
      double g1 = memory.getAtIndex(ValueLayout.JAVA_FLOAT, i + 1);
      double g2 = memory.getAtIndex(ValueLayout.JAVA_FLOAT, i + 2);
      double g3 = memory.getAtIndex(ValueLayout.JAVA_FLOAT, i + 3);
      sum0 += g0 * g0;
      sum1 += g1 * g1;
      sum2 += g2 * g2;
      sum3 += g3 * g3;
    }
    for (; i < length; i++) {
      double g = memory.getAtIndex(ValueLayout.JAVA_FLOAT, i);
      sum0 += g * g;
    }
    return Math.sqrt(sum0 + sum1 + sum2 + sum3);
  }
}
