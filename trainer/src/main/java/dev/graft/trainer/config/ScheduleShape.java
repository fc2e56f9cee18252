package dev.graft.trainer.config;

/**
 * How the learning rate goes on after the warmup, with all that belongs to it.
 *
 * @param floor what is left of the peak in the end, a share of it
 * @param cycles how many cosines {@link Schedule#COSINE_RESTARTS} is made of
 * @param power of {@link Schedule#POLYNOMIAL}
 * @param decayRatio share of all steps in which {@link Schedule#WSD} goes down
 * @param decayShape how it does
 */
public record ScheduleShape(
    Schedule kind,
    double floor,
    int cycles,
    double power,
    double decayRatio,
    DecayShape decayShape) {

  /** What {@code training.schedule-cycles} and so on are where nothing else is said. */
  static final int CYCLES = 2;

  static final double POWER = 2;
  static final double DECAY_RATIO = 0.1;
  static final DecayShape DECAY_SHAPE = DecayShape.COSINE;

  /** One that ends at 0 and is otherwise as nothing else is said. */
  public static ScheduleShape of(Schedule kind) {
    return new ScheduleShape(kind, 0, CYCLES, POWER, DECAY_RATIO, DECAY_SHAPE);
  }
}
