package dev.graft.trainer.optim;

import dev.graft.trainer.config.Schedule;
import org.nd4j.linalg.schedule.ISchedule;

/**
 * Learning rate by optimizer step, as Hugging Face's {@code optimization.py} defines it. For step k
 * counted from 0, w warmup steps and n steps in all:
 *
 * <pre>
 *   k &lt; w        peak · k / w
 *   constant     peak
 *   linear       peak · (n - k) / (n - w)
 *   cosine       peak · (1 + cos(π (k - w) / (n - w))) / 2
 * </pre>
 *
 * @param decay what follows the warmup
 * @param peak the rate at the end of the warmup
 * @param warmupSteps w
 * @param totalSteps n
 */
public record LearningRateSchedule(Schedule decay, double peak, int warmupSteps, int totalSteps)
    implements ISchedule {

  private static final long serialVersionUID = 1L;

  /** The rate of step {@code iteration}, counted from 0; epochs do not matter. */
  @Override
  public double valueAt(int iteration, int epoch) {
    return peak * factor(iteration);
  }

  private double factor(int k) {
    if (k < warmupSteps) {
      return k / (double) warmupSteps;
    }
    int rest = Math.max(1, totalSteps - warmupSteps);
    return switch (decay) {
      case CONSTANT -> 1;
      case LINEAR -> Math.max(0, (totalSteps - k) / (double) rest);
      case COSINE -> {
        double progress = (k - warmupSteps) / (double) rest;
        yield Math.max(0, 0.5 * (1 + Math.cos(Math.PI * progress)));
      }
    };
  }

  @Override
  public ISchedule clone() {
    return this;
  }
}
