package dev.graft.trainer.optim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.graft.trainer.tensor.HostArrays;
import java.util.Objects;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.nd4j.linalg.api.ndarray.INDArray;

class AdamWTest {

  /** torch.optim.AdamW, single tensor, written out in double. */
  private static final class TorchAdamW {
    final double[] p;
    final double[] m;
    final double[] v;

    TorchAdamW(double[] p) {
      this.p = p;
      this.m = new double[p.length];
      this.v = new double[p.length];
    }

    void step(double[] g, double lr, double decay, int t) {
      double correction1 = 1 - Math.pow(0.9, t);
      double correction2 = 1 - Math.pow(0.999, t);
      for (int i = 0; i < p.length; i++) {
        p[i] *= 1 - lr * decay;
        m[i] = 0.9 * m[i] + 0.1 * g[i];
        v[i] = 0.999 * v[i] + 0.001 * g[i] * g[i];
        double denominator = Math.sqrt(v[i]) / Math.sqrt(correction2) + 1e-8;
        p[i] -= lr / correction1 * m[i] / denominator;
      }
    }
  }

  @Test
  void stepsAreTorchs() {
    // Gradients around ε make the place where it is added visible; ordinary ones would not.
    assertStepsAreTorchs(1e-8, 0.01);
    assertStepsAreTorchs(1.0, 0.01);
    assertStepsAreTorchs(1.0, 0);
  }

  private static void assertStepsAreTorchs(double gradientScale, double decay) {
    int n = 207;
    Random random = new Random(3);
    double[] start = random.doubles(n, -1, 1).map(x -> (float) x).toArray();
    TorchAdamW torch = new TorchAdamW(start.clone());
    AdamW ours = new AdamW(n, decay);
    INDArray parameters = HostArrays.zeros(n);
    for (int i = 0; i < n; i++) {
      parameters.putScalar(i, start[i]);
    }
    for (int step = 0; step < 20; step++) {
      double[] g = random.doubles(n, -1, 1).map(x -> (float) (x * gradientScale)).toArray();
      double learningRate = 1e-2 * (step + 1) / 20;
      INDArray gradients = HostArrays.zeros(n);
      for (int i = 0; i < n; i++) {
        gradients.putScalar(i, g[i]);
      }
      torch.step(g, learningRate, decay, step + 1);
      ours.step(parameters, gradients, learningRate, step);
    }
    for (int i = 0; i < n; i++) {
      assertThat(parameters.getDouble(i)).as("parameter %d", i).isCloseTo(torch.p[i], within(2e-6));
    }
  }

  @Test
  void learningRateZeroMovesNothingButTheMoments() {
    AdamW optimizer = new AdamW(3, 0.5);
    INDArray parameters = HostArrays.zeros(3).addi(1);
    optimizer.step(parameters, HostArrays.zeros(3).addi(2), 0, 0);
    assertThat(parameters.toFloatVector()).containsExactly(1, 1, 1);
    INDArray m = Objects.requireNonNull(optimizer.state().get("m"));
    assertThat(m.getDouble(0)).isCloseTo(0.2, within(1e-7));
  }
}
