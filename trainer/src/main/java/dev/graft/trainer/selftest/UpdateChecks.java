package dev.graft.trainer.selftest;

import dev.graft.trainer.kernels.AdamWUpdate;
import dev.graft.trainer.kernels.Kernels;
import dev.graft.trainer.selftest.TwinKernels.Layout;
import dev.graft.trainer.tensor.ElementType;
import java.util.List;

/** AdamW where kernels have it. The reference has not: the formula is written out here. */
final class UpdateChecks {

  private final TwinKernels twins;

  private UpdateChecks(TwinKernels twins) {
    this.twins = twins;
  }

  static List<Check> all() {
    return new CheckList<>(UpdateChecks::new)
        .each("adamW", List.of(1, 31, 1000), UpdateChecks::adamW)
        .one("adamW", "nothing learned", UpdateChecks::adamWWithoutRate)
        .checks();
  }

  private void adamW(int size) {
    update(size, new AdamWUpdate(0.3f, 0.9f, 0.99f, 0.1f, 1e-8f, 0.01f, 0.19f, 0.0199f, 2));
  }

  private void adamWWithoutRate() {
    update(31, new AdamWUpdate(1, 0.9f, 0.99f, 0, 1e-8f, 0.01f, 0.1f, 0.01f, 1));
  }

  private void update(int size, AdamWUpdate u) {
    Twin p = twins.vector(ElementType.F32, size);
    Twin g = twins.vector(ElementType.F32, size);
    Twin m = twins.vector(ElementType.F32, size);
    float[] squares = twins.gaussian(size, 1);
    for (int i = 0; i < size; i++) {
      squares[i] = 0.1f + Math.abs(squares[i]);
    }
    Twin v = twins.of(ElementType.F32, 1, size, Layout.SLICED, squares);
    Kernels kernels = twins.tested();
    if (!kernels.updatesParameters()) {
      twins.expectUnsupported(
          () -> kernels.adamW(p.on(kernels), g.on(kernels), m.on(kernels), v.on(kernels), u));
      return;
    }
    expected(p, g, m, v, u);
    kernels.adamW(p.on(kernels), g.on(kernels), m.on(kernels), v.on(kernels), u);
    twins.expectClose(m, TwinKernels.inFloat(1, 1));
    twins.expectClose(v, TwinKernels.inFloat(1, 1));
    // A step is ten rates long where v is small.
    twins.expectClose(p, TwinKernels.inFloat(1, 10 * u.learningRate() * u.factor()));
  }

  private void expected(Twin p, Twin g, Twin m, Twin v, AdamWUpdate u) {
    float[] parameters = p.expected();
    float[] gradients = g.expected();
    float[] means = m.expected();
    float[] squares = v.expected();
    for (int i = 0; i < parameters.length; i++) {
      double gradient = (double) u.gradientFactor() * gradients[i];
      double mean = u.beta1() * (double) means[i] + (1 - (double) u.beta1()) * gradient;
      double square =
          u.beta2() * (double) squares[i] + (1 - (double) u.beta2()) * gradient * gradient;
      double step =
          mean / u.correction1() / (Math.sqrt(square / u.correction2()) + u.epsilon())
              + (double) u.weightDecay() * parameters[i];
      means[i] = (float) mean;
      squares[i] = (float) square;
      parameters[i] = (float) (parameters[i] - (double) u.factor() * u.learningRate() * step);
    }
    Kernels oracle = twins.oracle();
    oracle.write(p.on(oracle), parameters);
    oracle.write(m.on(oracle), means);
    oracle.write(v.on(oracle), squares);
  }
}
