package dev.graft.trainer.optim;

import dev.graft.trainer.config.DecayShape;
import dev.graft.trainer.config.Schedule;
import dev.graft.trainer.config.ScheduleShape;
import org.nd4j.linalg.schedule.ISchedule;

/**
 * Learning rate by optimizer step, as the {@code get_*_schedule} functions of Hugging Face's {@code
 * optimization.py} define it. For step k counted from 0, w warmup steps, n steps in all, x = (k -
 * w) / (n - w) and a floor r, the share of the peak that is left in the end:
 *
 * <pre>
 *   k &lt; w             peak · k / w
 *   constant          peak
 *   linear            peak · (r + (1 - r) (n - k) / (n - w))
 *   cosine            peak · (r + (1 - r) (1 + cos(π x)) / 2)
 *   cosine-restarts   peak · (r + (1 - r) (1 + cos(π (cycles · x mod 1))) / 2), at the end r
 *   polynomial        peak · (r + (1 - r) (1 - x)^power)
 *   wsd               peak, and in the last d steps, of which a share y is done,
 *                     peak · (r + (1 - r) s(y)), s(y) being 1 - y, (1 + cos(π y)) / 2 or 1 - √y
 * </pre>
 *
 * <p>As there, wsd warms up from r and not from 0. A warmup that is longer than the run never
 * reaches the peak; wsd's decay gives way to the warmup where both together are longer than the
 * run.
 *
 * @param shape what follows the warmup
 * @param peak the rate at the end of the warmup
 * @param warmupSteps w
 * @param totalSteps n
 */
public record LearningRateSchedule(
    ScheduleShape shape, double peak, int warmupSteps, int totalSteps) implements ISchedule {

  private static final long serialVersionUID = 2L;

  /** With nothing said but what follows the warmup. */
  public LearningRateSchedule(Schedule decay, double peak, int warmupSteps, int totalSteps) {
    this(ScheduleShape.of(decay), peak, warmupSteps, totalSteps);
  }

  /** The rate of step {@code iteration}, counted from 0; epochs do not matter. */
  @Override
  public double valueAt(int iteration, int epoch) {
    return peak * factor(iteration);
  }

  /** Whether the run ends while the rate still rises. */
  public boolean neverReachesPeak() {
    return warmupSteps >= totalSteps;
  }

  private double factor(int k) {
    if (k < warmupSteps) {
      double warm = k / (double) warmupSteps;
      return shape.kind() == Schedule.WSD ? aboveFloor(warm) : warm;
    }
    int rest = Math.max(1, totalSteps - warmupSteps);
    double done = (k - warmupSteps) / (double) rest;
    return switch (shape.kind()) {
      case CONSTANT -> 1;
      case LINEAR -> aboveFloor(Math.max(0, (totalSteps - k) / (double) rest));
      case COSINE -> aboveFloor(Math.max(0, halfCosine(done)));
      case COSINE_RESTARTS ->
          aboveFloor(done >= 1 ? 0 : Math.max(0, halfCosine(shape.cycles() * done % 1)));
      case POLYNOMIAL -> aboveFloor(done >= 1 ? 0 : Math.pow(1 - done, shape.power()));
      case WSD -> stableThenDecay(k, rest);
    };
  }

  private double stableThenDecay(int k, int rest) {
    int decay = Math.clamp(Math.round(shape.decayRatio() * totalSteps), 1, rest);
    int left = totalSteps - k;
    if (left >= decay) {
      return 1;
    }
    double done = 1 - Math.max(0, left) / (double) decay;
    return aboveFloor(decayed(shape.decayShape(), done));
  }

  private static double decayed(DecayShape shape, double done) {
    return switch (shape) {
      case LINEAR -> 1 - done;
      case COSINE -> halfCosine(done);
      case ONE_MINUS_SQRT -> 1 - Math.sqrt(done);
    };
  }

  private static double halfCosine(double done) {
    return 0.5 * (1 + Math.cos(Math.PI * done));
  }

  private double aboveFloor(double factor) {
    return factor * (1 - shape.floor()) + shape.floor();
  }

  @Override
  public ISchedule clone() {
    return this;
  }
}
