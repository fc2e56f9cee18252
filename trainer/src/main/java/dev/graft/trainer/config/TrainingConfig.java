package dev.graft.trainer.config;

import static dev.graft.trainer.config.InvalidSetting.unless;

import java.util.OptionalDouble;
import java.util.OptionalInt;

/**
 * How it is learned.
 *
 * @param epochs absent where only {@code maxSteps} limits the run
 * @param maxSteps absent where only {@code epochs} limits the run; where both are present, the run
 *     ends at whichever comes first
 * @param warmupSteps present exactly where {@code warmupRatio} is absent, or beside a 0
 * @param maxGradNorm 0 means no clipping
 */
public record TrainingConfig(
    @Key(
            value =
                "how often the data is gone through, fractions allowed; default 3, or no limit"
                    + " where max-steps is given",
            byDefault = "3",
            unlessGiven = "max-steps",
            mayChange = true)
        OptionalDouble epochs,
    @Key(
            value =
                "optimizer steps; where epochs is given too, whichever comes first ends the run",
            mayChange = true)
        OptionalInt maxSteps,
    @Key(value = "conversations per optimizer step", byDefault = "8") int batchSize,
    @Key(
            value =
                "tokens computed at once: bounds memory; gradients accumulate, so that a step's"
                    + " result does not depend on it (which examples share a step does:"
                    + " data.packing-window)",
            byDefault = "2048",
            mayChange = true)
        int microBatchTokens,
    @Key(
            value =
                "none, or layers: keep each layer's input only and compute the rest again in the"
                    + " backward; less memory, a third more products, the same result",
            byDefault = "none",
            mayChange = true)
        Recompute recompute,
    @Key(
            value =
                "peak learning rate, reached at the end of the warmup; default 0.00002 with"
                    + " method: full",
            byDefault = "0.0002")
        double learningRate,
    @Key(
            value =
                "after the warmup: constant; linear, cosine or polynomial, down to the last step;"
                    + " cosine-restarts; or wsd (the peak, and a decay in the last share of steps)",
            byDefault = "cosine")
        Schedule schedule,
    @Key(
            value = "where the learning rate ends, as a share of its peak; not with constant",
            byDefault = "0")
        double minLearningRateRatio,
    @Key("how many cosines cosine-restarts is made of; default 2") OptionalInt scheduleCycles,
    @Key("power of the share of steps left, for polynomial; 1 is linear; default 2")
        OptionalDouble schedulePower,
    @Key("share of all steps in which wsd goes down; default 0.1") OptionalDouble decayRatio,
    @Key(
            value = "how wsd goes down: linear, cosine, or one-minus-sqrt (of the share done)",
            byDefault = "cosine")
        DecayShape decayShape,
    @Key("steps of linear warmup from 0; instead of warmup-ratio") OptionalInt warmupSteps,
    @Key(
            value = "share of all steps to warm up in; default 0.03 unless warmup-steps is given",
            byDefault = "0.03",
            unlessGiven = "warmup-steps")
        OptionalDouble warmupRatio,
    @Key(
            value =
                "adamw, amsgrad, nadam, adabelief, rmsprop, sgd or lion; the learning rate has to"
                    + " suit it",
            byDefault = "adamw")
        OptimizerKind optimizer,
    @Key(
            "how much of the mean gradient an optimizer keeps from step to step; default 0.9; not"
                + " with rmsprop and sgd")
        OptionalDouble beta1,
    @Key(
            "how much of the mean squared gradient it keeps (lion: of its momentum); default 0.999,"
                + " rmsprop and lion 0.99; not with sgd")
        OptionalDouble beta2,
    @Key(
            "added to the root that it divides by; default 1e-8, adabelief 1e-16; not with sgd and"
                + " lion")
        OptionalDouble epsilon,
    @Key("how much of its velocity sgd keeps, 0 for none; default 0.9") OptionalDouble momentum,
    @Key(value = "whether sgd's momentum looks ahead (Nesterov)", byDefault = "false")
        boolean nesterov,
    @Key(
            value =
                "decoupled weight decay, with every optimizer: each step also takes away learning"
                    + " rate x weight-decay x parameter; 0 as in Hugging Face's Trainer, since the"
                    + " base is frozen",
            byDefault = "0")
        double weightDecay,
    @Key(value = "gradients are clipped to this global norm; 0 for no clipping", byDefault = "1")
        double maxGradNorm,
    @Key(
            value =
                "NEFTune: noise on the embeddings while training, uniform in +-neftune-alpha /"
                    + " sqrt(length x hidden size), the length being each sequence's own; the"
                    + " paper's are 5, 10 and 15; 0 for none",
            byDefault = "0")
        double neftuneAlpha,
    @Key(
            value =
                "what to do with a step whose loss or gradient is not a finite number, or whose"
                    + " loss is a spike: stop the run, or skip the step",
            byDefault = "stop",
            mayChange = true)
        BadStep onBadStep,
    @Key(
            value =
                "a loss more than so many standard deviations above the mean of the steps before is"
                    + " a spike, e.g. 6; default: none is",
            mayChange = true)
        OptionalDouble spikeThreshold,
    @Key(value = "draw the examples in a new order every epoch", byDefault = "true")
        boolean shuffle,
    @Key(
            value = "seeds initialisation, order, dropout, noise and validation split",
            byDefault = "42")
        long seed) {

  /** The noise of a slip of the finger would drown every embedding. */
  private static final double MAX_NOISE = 1000;

  /** A micro-batch beyond this is a slip of the finger. */
  private static final int MAX_TOKENS = 1 << 24;

  /** More are fewer steps each than a cosine can be seen in. */
  private static final int MAX_CYCLES = 10_000;

  /** A float32 far enough above the smallest one. */
  private static final double LEAST_EPSILON = 1e-30;

  public TrainingConfig {
    unless(
        epochs.isEmpty() || epochs.getAsDouble() > 0,
        "epochs",
        "is %s, has to be above 0",
        epochs.orElse(0));
    unless(
        maxSteps.isEmpty() || maxSteps.getAsInt() >= 1,
        "max-steps",
        "is %d, has to be at least 1",
        maxSteps.orElse(0));
    unless(
        epochs.isPresent() || maxSteps.isPresent(), "epochs", "or max-steps has to limit the run");
    unless(batchSize >= 1, "batch-size", "is %d, has to be at least 1", batchSize);
    unless(
        microBatchTokens >= 2 && microBatchTokens <= MAX_TOKENS,
        "micro-batch-tokens",
        "is %d, has to be from 2 to %d",
        microBatchTokens,
        MAX_TOKENS);
    unless(learningRate > 0, "learning-rate", "is %s, has to be above 0", learningRate);
    unless(
        warmupSteps.isEmpty() || warmupSteps.getAsInt() >= 0,
        "warmup-steps",
        "is %d, has to be at least 0",
        warmupSteps.orElse(0));
    unless(
        warmupRatio.isEmpty() || (warmupRatio.getAsDouble() >= 0 && warmupRatio.getAsDouble() <= 1),
        "warmup-ratio",
        "is %s, has to be from 0 to 1",
        warmupRatio.orElse(0));
    unless(
        warmupSteps.orElse(0) == 0 || warmupRatio.orElse(0) == 0,
        "warmup-ratio",
        "cannot go together with training.warmup-steps: remove one of them");
    unless(
        minLearningRateRatio >= 0 && minLearningRateRatio <= 1,
        "min-learning-rate-ratio",
        "is %s, has to be from 0 to 1",
        minLearningRateRatio);
    unless(
        schedule != Schedule.CONSTANT || minLearningRateRatio == 0,
        "min-learning-rate-ratio",
        "has no effect with training.schedule: constant; remove it");
    scheduleCycles =
        OnlyWith.schedule(schedule, Schedule.COSINE_RESTARTS)
            .resolve("schedule-cycles", scheduleCycles, ScheduleShape.CYCLES);
    schedulePower =
        OnlyWith.schedule(schedule, Schedule.POLYNOMIAL)
            .resolve("schedule-power", schedulePower, ScheduleShape.POWER);
    decayRatio =
        OnlyWith.schedule(schedule, Schedule.WSD)
            .resolve("decay-ratio", decayRatio, ScheduleShape.DECAY_RATIO);
    unless(
        scheduleCycles.orElse(1) >= 1 && scheduleCycles.orElse(1) <= MAX_CYCLES,
        "schedule-cycles",
        "is %d, has to be from 1 to %d",
        scheduleCycles.orElse(1),
        MAX_CYCLES);
    unless(
        schedulePower.orElse(1) > 0,
        "schedule-power",
        "is %s, has to be above 0",
        schedulePower.orElse(1));
    unless(
        decayRatio.orElse(1) > 0 && decayRatio.orElse(1) <= 1,
        "decay-ratio",
        "is %s, has to be above 0 and at most 1",
        decayRatio.orElse(1));
    unless(
        schedule == Schedule.WSD || decayShape == ScheduleShape.DECAY_SHAPE,
        "decay-shape",
        "has an effect with training.schedule: wsd only; remove it");
    unless(weightDecay >= 0, "weight-decay", "is %s, has to be at least 0", weightDecay);
    unless(
        spikeThreshold.isEmpty() || spikeThreshold.getAsDouble() > 0,
        "spike-threshold",
        "is %s, has to be above 0",
        spikeThreshold.orElse(0));
    beta1 = OnlyWith.constant("beta1", optimizer, beta1, OptimizerKind::beta1);
    beta2 = OnlyWith.constant("beta2", optimizer, beta2, OptimizerKind::beta2);
    epsilon = OnlyWith.constant("epsilon", optimizer, epsilon, OptimizerKind::epsilon);
    momentum = OnlyWith.constant("momentum", optimizer, momentum, OptimizerKind::momentum);
    checkShare("beta1", beta1);
    checkShare("beta2", beta2);
    checkShare("momentum", momentum);
    unless(
        epsilon.orElse(1) >= LEAST_EPSILON && epsilon.orElse(1) <= 1,
        "epsilon",
        "is %s, has to be from %s to 1",
        epsilon.orElse(1),
        LEAST_EPSILON);
    unless(
        !nesterov || momentum.orElse(0) > 0,
        "nesterov",
        "needs training.optimizer: sgd and a training.momentum above 0");
    unless(
        neftuneAlpha >= 0 && neftuneAlpha <= MAX_NOISE,
        "neftune-alpha",
        "is %s, has to be from 0 to %s",
        neftuneAlpha,
        MAX_NOISE);
    unless(maxGradNorm >= 0, "max-grad-norm", "is %s, has to be at least 0", maxGradNorm);
  }

  private static void checkShare(String key, OptionalDouble value) {
    unless(
        value.orElse(0) >= 0 && value.orElse(0) < 1,
        key,
        "is %s, has to be at least 0 and below 1",
        value.orElse(0));
  }

  /** The optimizer with its constants. */
  public OptimizerSettings optimizerSettings() {
    return new OptimizerSettings(
        optimizer,
        beta1.orElse(0),
        beta2.orElse(0),
        epsilon.orElse(0),
        momentum.orElse(0),
        nesterov,
        weightDecay);
  }

  /** How the learning rate goes on after the warmup. */
  public ScheduleShape scheduleShape() {
    return new ScheduleShape(
        schedule,
        minLearningRateRatio,
        scheduleCycles.orElse(ScheduleShape.CYCLES),
        schedulePower.orElse(ScheduleShape.POWER),
        decayRatio.orElse(ScheduleShape.DECAY_RATIO),
        decayShape);
  }

  /**
   * Steps of warmup in a run of so many steps; a share is rounded up, as Hugging Face's Trainer
   * does.
   */
  public int warmupSteps(int totalSteps) {
    if (warmupSteps.orElse(0) > 0) {
      return warmupSteps.getAsInt();
    }
    return (int) Math.ceil(totalSteps * warmupRatio.orElse(0));
  }
}
