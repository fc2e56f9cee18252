package dev.graft.trainer.train;

import dev.graft.modelio.AsideFile;
import dev.graft.modelio.ModelIoException;
import dev.graft.trainer.config.Method;
import dev.graft.trainer.config.RunConfig;
import dev.graft.trainer.config.UserException;
import dev.graft.trainer.console.Console;
import dev.graft.trainer.console.StepProgress;
import dev.graft.trainer.data.EpochOrder;
import dev.graft.trainer.data.Packing;
import dev.graft.trainer.data.StepBatch;
import dev.graft.trainer.runs.RunFolder;
import dev.graft.trainer.runs.RunRecord;
import dev.graft.trainer.runs.StepMetrics;
import dev.graft.trainer.runs.StopSignal;
import dev.graft.trainer.runtime.BaseModel;
import dev.graft.trainer.runtime.Meanwhile;
import dev.graft.trainer.runtime.ProcessStart;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;

/**
 * Fine-tuning of one base model on one data set, from a configuration to an adapter, or to a model
 * where all weights are trained.
 */
public final class LoraFinetuning {

  private final RunConfig config;
  private final Console console;
  private final StopSignal stop;
  private final RunFolder folder;
  private final RunLogs logs;
  private final EpochOrder order;
  private final RunPlan plan;
  private final Trainer trainer;
  private final StepGuard guard;
  private final Evaluation evaluation;
  private final RunSaver saver;
  private final RunReporting reporting;

  private LoraFinetuning(
      RunSetup setup,
      StopSignal stop,
      RunFolder folder,
      RunLogs logs,
      Inputs inputs,
      TrainingData data,
      TrainedModel made,
      RunRecord.Facts facts,
      boolean goesOn) {
    this.config = setup.config();
    this.console = setup.console();
    this.stop = stop;
    this.folder = folder;
    this.logs = logs;
    this.order = setup.order(data);
    this.plan = RunPlan.of(config, order.stepsPerEpoch());
    this.trainer = setup.trainer(data, made, plan);
    this.guard = new StepGuard(config, data);
    this.evaluation =
        new Evaluation(
            trainer,
            order.packing().pack(data.validation()),
            setup.samples(data, made),
            plan,
            logs,
            console,
            stop);
    this.saver = new RunSaver(setup, folder, logs, inputs, plan, trainer);
    this.reporting = new RunReporting(setup, folder, plan, facts, goesOn);
  }

  /**
   * Runs.
   *
   * @param start what becomes of a run that the output folder already holds
   * @param stop looked at after every step; a run that is asked to stop saves and returns
   * @throws UserException and its kin, before anything is written, if configuration, base or data
   *     are not fit to run
   */
  public static RunResult run(RunConfig config, RunStart start, Console console, StopSignal stop) {
    RunFolder.check(config.output(), start != RunStart.NEW);
    boolean full = config.method() == Method.FULL;
    if (full) {
      RunFolder.checkModel(config.output());
    }
    try (BaseModel base = RunSetup.openBase(config);
        Meanwhile<TrainedModel> making = make(new RunSetup(config, base, console))) {
      RunSetup setup = new RunSetup(config, base, console);
      TrainingData data = setup.readData(true);
      if (!full) {
        making.await(); // the kernels are for one thread at a time
      }
      Inputs inputs = Inputs.of(config, base, data);
      MemoryNeed need = setup.planning(data).memoryNeed();
      need.check(console);
      try {
        TrainedModel made = making.await();
        setup.tellOf(made);
        return run(setup, start, stop, inputs, data, need, made);
      } catch (OutOfMemoryError e) {
        throw need.ranOut(e, config);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (OutOfMemoryError e) {
      throw MemoryNeed.ranOutEarly(e);
    }
  }

  /**
   * An adapter is small, and is attached while data is read; all weights are looked at for whether
   * there is room for them first.
   */
  private static Meanwhile<TrainedModel> make(RunSetup setup) {
    return switch (setup.config().method()) {
      case LORA -> Meanwhile.start("graft-adapter", setup::trained);
      case FULL -> Meanwhile.onDemand(setup::trained);
    };
  }

  private static RunResult run(
      RunSetup setup,
      RunStart start,
      StopSignal stop,
      Inputs inputs,
      TrainingData data,
      MemoryNeed need,
      TrainedModel made)
      throws IOException {
    RunConfig config = setup.config();
    Console console = setup.console();
    try (RunFolder folder = open(config.output(), start);
        RunLogs logs = RunLogs.open(folder, config)) {
      Optional<Resumption> resumption =
          start == RunStart.RESUME
              ? Resumption.find(folder, config, inputs, console)
              : Optional.empty();
      logs.cutTo(resumption, console);
      AsideFile.writeText(folder.config(), config.toYaml());
      setup.writeMaterials(data.materials().get(), folder.materials());
      RunRecord.Facts facts = RunReporting.facts(setup, inputs, data, need, made.trained().size());
      return new LoraFinetuning(
              setup, stop, folder, logs, inputs, data, made, facts, resumption.isPresent())
          .train(resumption);
    }
  }

  private static RunFolder open(Path output, RunStart start) {
    return start == RunStart.RESUME && RunFolder.holdsRun(output)
        ? RunFolder.reopen(output)
        : RunFolder.create(output, start == RunStart.OVERWRITE);
  }

  /**
   * What the run would take, without running it; nothing is written.
   *
   * @param measure whether a few tokens are trained on for the time
   * @throws UserException and its kin as {@link #run}
   */
  public static RunEstimate estimate(RunConfig config, Console console, boolean measure) {
    try (BaseModel base = RunSetup.openBase(config)) {
      RunSetup setup = new RunSetup(config, base, console);
      return setup
          .planning(setup.readData(false))
          .estimate(measure ? Optional.of(setup::trained) : Optional.empty());
    }
  }

  private RunResult train(Optional<Resumption> resumption) throws IOException {
    RunState from = saver.restore(resumption);
    console.say(
        "run      %,d steps of %,d conversations, %,d steps an epoch"
            .formatted(plan.totalSteps(), config.training().batchSize(), plan.stepsPerEpoch()));
    if (config.data().packing()) {
      console.say("packing  " + describe(order.fullness(), order.packing()));
    }
    console.say("start    " + ProcessStart.describe());
    try {
      return untilTheEnd(from);
    } catch (UserException | ModelIoException e) {
      RuntimeException told = e.getCause() instanceof IOException ? saver.unwritable(e) : e;
      reporting.broken(String.valueOf(told.getMessage()));
      throw told;
    } catch (OutOfMemoryError e) {
      reporting.broken("Out of memory: " + e.getMessage());
      throw e;
    }
  }

  /**
   * Evaluate, save, step, until there is a reason to end. A checkpoint comes after the evaluation
   * of its step, so that a run which goes on from it has nothing to make up for.
   */
  private RunResult untilTheEnd(RunState from) throws IOException {
    EarlyStopping stopping = new EarlyStopping(config.earlyStopping(), from);
    RunState state = from;
    while (true) {
      if (plan.evaluatesAfter(state.step()) && !state.hasScore() && !stop.requested()) {
        state = evaluation.of(state);
        stopping.see(state);
      }
      if (plan.savesAfter(state.step()) || state.hasBest()) {
        saver.save(state);
      }
      Optional<Ending> ending = ending(state, stopping);
      if (ending.isPresent()) {
        return finish(state, ending.get());
      }
      if (plan.evaluatesAfter(state.step()) || plan.savesAfter(state.step())) {
        reporting.goesOn();
      }
      state = takeStep(state);
      folder.begun();
    }
  }

  private Optional<Ending> ending(RunState state, EarlyStopping stopping) {
    if (state.step() >= plan.totalSteps()) {
      return Optional.of(new Ending.Complete());
    }
    if (stop.requested()) {
      return Optional.of(new Ending.Stopped());
    }
    return stopping.reason().map(Ending.Early::new);
  }

  /** One optimizer step, with everything that is said about it. */
  private RunState takeStep(RunState state) throws IOException {
    int step = state.step() + 1;
    StepBatch batch = order.step(state.step());
    long start = System.nanoTime();
    Trainer.Outcome outcome =
        trainer.step(state.step(), state.updates(), batch, guard.limit(state));
    double seconds = (System.nanoTime() - start) / 1e9;
    boolean acceptable = outcome.isAcceptable();
    boolean stops = !acceptable && !guard.skips(state);
    if (stops && state.step() > 0) {
      saver.save(state);
    }
    logs.step(metrics(step, batch, outcome, seconds));
    if (stops) {
      UserException stopped = guard.stopped(step, outcome, batch);
      reporting.diverged(String.valueOf(stopped.getMessage()));
      throw stopped;
    } else if (!acceptable) {
      console.warn(guard.skipped(step, outcome, batch));
    }
    console.step(
        new StepProgress(
            step,
            plan.totalSteps(),
            plan.epoch(step),
            outcome.loss(),
            outcome.learningRate(),
            batch.tokens() / seconds));
    return state.after(outcome, seconds);
  }

  private StepMetrics metrics(int step, StepBatch batch, Trainer.Outcome outcome, double seconds) {
    return new StepMetrics(
        step,
        plan.epoch(step),
        outcome.loss(),
        outcome.gradNorm(),
        outcome.learningRate(),
        batch.targetTokens(),
        batch.tokens(),
        batch.tokens() / seconds,
        !outcome.isAcceptable());
  }

  private RunResult finish(RunState state, Ending ending) throws IOException {
    console.finishLine();
    saver.save(state);
    int step = saver.writeResult(state);
    folder.begun();
    reporting.ended(ending, step);
    return new RunResult(
        saver.result(),
        step,
        state.step(),
        plan.totalSteps(),
        ending,
        state.lossAt(0),
        state.lossAt(step));
  }

  private static String describe(Packing.Fullness fullness, Packing packing) {
    return String.format(
        Locale.ROOT,
        "%.1f %% full: %,d tokens in %,d micro-batches of at most %,d",
        100 * fullness.share(),
        fullness.tokens(),
        fullness.microBatches(),
        packing.maxTokens());
  }
}
