package dev.graft.trainer.train;

import dev.graft.modelio.AsideFolder;
import dev.graft.modelio.Projection;
import dev.graft.modelio.peft.PeftAdapter;
import dev.graft.modelio.peft.PeftConfig;
import dev.graft.tokenizer.ChatFormats;
import dev.graft.tokenizer.ConversationEncoder;
import dev.graft.tokenizer.DataException;
import dev.graft.tokenizer.EncodingOptions;
import dev.graft.tokenizer.split.BillOfMaterials;
import dev.graft.trainer.config.DataConfig;
import dev.graft.trainer.config.LoraConfig;
import dev.graft.trainer.config.RunConfig;
import dev.graft.trainer.config.TrainingConfig;
import dev.graft.trainer.config.UserException;
import dev.graft.trainer.console.Console;
import dev.graft.trainer.console.StepProgress;
import dev.graft.trainer.data.EpochOrder;
import dev.graft.trainer.data.Packing;
import dev.graft.trainer.data.StepBatch;
import dev.graft.trainer.lora.AdapterSize;
import dev.graft.trainer.lora.LoraAdapter;
import dev.graft.trainer.model.TokenBatch;
import dev.graft.trainer.model.TrainingPass;
import dev.graft.trainer.optim.AdamW;
import dev.graft.trainer.optim.LearningRateSchedule;
import dev.graft.trainer.runs.AtomicFiles;
import dev.graft.trainer.runs.EvaluationMetrics;
import dev.graft.trainer.runs.MetricsWriter;
import dev.graft.trainer.runs.RunFolder;
import dev.graft.trainer.runs.StepMetrics;
import dev.graft.trainer.runs.StopSignal;
import dev.graft.trainer.runtime.BaseModel;
import dev.graft.trainer.runtime.Hardware;
import dev.graft.trainer.runtime.Meanwhile;
import dev.graft.trainer.runtime.ProcessStart;
import java.io.IOException;
import java.io.OutputStreamWriter;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalDouble;

/** LoRA fine-tuning of one base model on one data set, from a configuration to an adapter. */
public final class LoraFinetuning {

  private final RunConfig config;
  private final Console console;
  private final StopSignal stop;
  // How conversations are laid out, in Jinja.
  private Optional<String> chatTemplate = Optional.empty();

  private LoraFinetuning(RunConfig config, Console console, StopSignal stop) {
    this.config = config;
    this.console = console;
    this.stop = stop;
  }

  /**
   * Runs.
   *
   * @param overwrite whether a run that the output folder already holds is replaced
   * @param stop looked at after every step; a run that is asked to stop saves and returns
   * @throws UserException and its kin, before anything is written, if configuration, base or data
   *     are not fit to run
   */
  public static RunResult run(
      RunConfig config, boolean overwrite, Console console, StopSignal stop) {
    RunFolder.check(config.output(), overwrite);
    LoraFinetuning finetuning = new LoraFinetuning(config, console, stop);
    try (BaseModel base =
            BaseModel.openMeanwhile(
                config.base(),
                () -> Hardware.open(config.precision(), config.device(), config.kernels()),
                TrainingData.willTokenize(config));
        Meanwhile<LoraAdapter> attaching =
            Meanwhile.start("graft-adapter", () -> finetuning.makeAdapter(base))) {
      TrainingData data = finetuning.readData(base, true);
      LoraAdapter adapter = attaching.await();
      finetuning.tellOf(adapter);
      try (RunFolder folder = RunFolder.create(config.output(), overwrite);
          MetricsWriter metrics = MetricsWriter.open(folder.metrics())) {
        AtomicFiles.writeText(folder.config(), config.toYaml());
        finetuning.writeMaterials(
            data.materials().get(), folder.config().resolveSibling(BillOfMaterials.FILE_NAME));
        return finetuning.train(base, data, adapter, folder, metrics);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * What the run would take, without running it; nothing is written.
   *
   * @param measure whether a few tokens are trained on for the time
   * @throws UserException and its kin as {@link #run}
   */
  public static RunEstimate estimate(RunConfig config, Console console, boolean measure) {
    LoraFinetuning finetuning = new LoraFinetuning(config, console, new StopSignal());
    try (BaseModel base =
        BaseModel.openMeanwhile(
            config.base(),
            () -> Hardware.open(config.precision(), config.device(), config.kernels()),
            TrainingData.willTokenize(config))) {
      TrainingData data = finetuning.readData(base, false);
      return new RunPlanning(
              config, base, finetuning.order(data), finetuning.adapterSize(base), data.longest())
          .estimate(measure ? Optional.of(() -> finetuning.attachAdapter(base)) : Optional.empty());
    }
  }

  private AdapterSize adapterSize(BaseModel base) {
    LoraConfig lora = config.lora();
    return lora.initFrom().isPresent()
        ? AdapterSize.of(base.config(), startingAdapter(base, lora.initFrom().get()))
        : AdapterSize.of(base.config(), freshAdapter(lora));
  }

  private TrainingData readData(BaseModel base, boolean keepTokens) {
    console.say("base     " + describe(base));
    base.checkpoint().notes().forEach(console::warn);
    TrainingData data =
        TrainingData.load(
            config,
            base.config(),
            base.folder(),
            () -> encoder(base),
            keepTokens,
            progress -> console.say("data     " + progress));
    chatTemplate = chatTemplate(base);
    data.notes().forEach(note -> console.say("data     " + note));
    console.say(
        "data     %,d training and %,d validation examples, the longest of %,d tokens"
            .formatted(data.train().size(), data.validation().size(), data.longest()));
    console.say("compute  " + base.kernels().describe());
    return data;
  }

  private void writeMaterials(BillOfMaterials materials, Path file) throws IOException {
    materials.provenanceWarning().ifPresent(console::warn);
    AtomicFiles.write(
        file, out -> materials.writeTo(new OutputStreamWriter(out, StandardCharsets.UTF_8)));
  }

  private ConversationEncoder encoder(BaseModel base) {
    ChatFormats.Choice choice = ChatFormats.forBase(base.folder(), config.data().template());
    console.say("data     chat format: " + choice.reason());
    DataConfig data = config.data();
    EncodingOptions options =
        new EncodingOptions(
            EncodingOptions.TrainOn.valueOf(data.trainOn().name()),
            data.trainOnPrompt(),
            data.allowSpecial());
    return new ConversationEncoder(base.tokenizer(), choice.format(), options);
  }

  private static String describe(BaseModel base) {
    return String.format(
        Locale.ROOT,
        "%s: %s, %d layers, %,d parameters as %s",
        base.folder(),
        base.config().architecture().className(),
        base.config().layers(),
        base.checkpoint().parameters(),
        base.checkpoint().dtype());
  }

  private LoraAdapter attachAdapter(BaseModel base) {
    LoraAdapter adapter = makeAdapter(base);
    tellOf(adapter);
    return adapter;
  }

  private LoraAdapter makeAdapter(BaseModel base) {
    LoraConfig lora = config.lora();
    return lora.initFrom().isPresent()
        ? LoraAdapter.of(startingAdapter(base, lora.initFrom().get()), base.model())
        : LoraAdapter.initialized(freshAdapter(lora), base.model(), config.training().seed());
  }

  private void tellOf(LoraAdapter adapter) {
    console.say(
        "adapter  rank %d, alpha %s, on %s: %,d trainable parameters"
            .formatted(
                adapter.config().rank(),
                adapter.config().alpha(),
                String.join(", ", config.lora().targets()),
                adapter.size()));
  }

  private PeftConfig freshAdapter(LoraConfig lora) {
    List<Projection> targets = lora.targets().stream().map(Projection::parse).toList();
    return PeftConfig.of(
        lora.rank(), lora.alpha(), lora.dropout(), targets, lora.rslora(), config.base());
  }

  /** The adapter to go on from, with this run's base and dropout in its configuration. */
  private PeftAdapter startingAdapter(BaseModel base, Path folder) {
    PeftAdapter adapter = PeftAdapter.read(folder, base.config());
    PeftConfig old = adapter.config();
    PeftConfig renamed =
        new PeftConfig(
            old.rank(),
            old.alpha(),
            config.lora().dropout(),
            old.targetModules(),
            old.rslora(),
            config.base(),
            old.rankPattern(),
            old.alphaPattern(),
            old.layersToTransform());
    return new PeftAdapter(renamed, adapter.weights());
  }

  private RunResult train(
      BaseModel base,
      TrainingData data,
      LoraAdapter adapter,
      RunFolder folder,
      MetricsWriter metrics)
      throws IOException {
    TrainingConfig training = config.training();
    EpochOrder order = order(data);
    Packing packing = order.packing();
    RunPlan plan = RunPlan.of(config, order.stepsPerEpoch());
    Trainer trainer = trainer(base, data, adapter, plan);
    SavedState state =
        new SavedState(
            adapter, trainer.optimizer(), training.seed(), base.checkpoint().fingerprint());
    List<TokenBatch> validation = packing.pack(data.validation());
    console.say(
        "run      %,d steps of %,d conversations, %,d steps an epoch"
            .formatted(plan.totalSteps(), training.batchSize(), plan.stepsPerEpoch()));

    if (config.data().packing()) {
      console.say("packing  " + describe(order.fullness(), packing));
    }
    console.say("start    " + ProcessStart.describe());

    OptionalDouble baseLoss = evaluate(trainer, validation, 0, plan, metrics);
    OptionalDouble loss = OptionalDouble.empty();
    int step = 0;
    while (step < plan.totalSteps() && !stop.requested()) {
      takeStep(trainer, order.step(step), data, ++step, plan, metrics);
      folder.begun();
      if (plan.savesAfter(step)) {
        save(state, folder, step);
      }
      if (plan.evaluatesAfter(step) && !stop.requested()) {
        loss = evaluate(trainer, validation, step, plan, metrics);
      }
    }
    return finish(state, folder, plan, step, baseLoss, loss);
  }

  private EpochOrder order(TrainingData data) {
    TrainingConfig training = config.training();
    Packing packing = new Packing(training.microBatchTokens(), config.data().packing());
    return new EpochOrder(
        data.train(),
        data.mixture(),
        training.batchSize(),
        training.shuffle(),
        training.seed(),
        packing,
        config.data().packingWindow());
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

  private Trainer trainer(BaseModel base, TrainingData data, LoraAdapter adapter, RunPlan plan) {
    TrainingConfig training = config.training();
    int maxTokens = RunPlanning.maxTokens(config, data.longest());
    float dropout = (float) config.lora().dropout();
    TrainingPass pass =
        base.model().trainingPass(maxTokens, adapter.ranks(), dropout > 0, training.recompute());
    LearningRateSchedule schedule =
        new LearningRateSchedule(
            training.schedule(),
            training.learningRate(),
            training.warmupSteps(plan.totalSteps()),
            plan.totalSteps());
    AdamW optimizer = new AdamW(adapter.size(), training.weightDecay());
    return new Trainer(
        pass, adapter, optimizer, schedule, dropout, training.seed(), training.maxGradNorm());
  }

  /** One optimizer step, counted from 1, with everything that is said about it. */
  private void takeStep(
      Trainer trainer,
      StepBatch batch,
      TrainingData data,
      int step,
      RunPlan plan,
      MetricsWriter metrics) {
    long start = System.nanoTime();
    Trainer.Outcome outcome = trainer.step(step - 1, batch);
    double tokensPerSecond = batch.tokens() / ((System.nanoTime() - start) / 1e9);
    metrics.step(
        new StepMetrics(
            step,
            plan.epoch(step),
            outcome.loss(),
            outcome.gradNorm(),
            outcome.learningRate(),
            batch.targetTokens(),
            batch.tokens(),
            tokensPerSecond));
    if (!outcome.isFinite()) {
      throw diverged(step, outcome, batch, data);
    }
    console.step(
        new StepProgress(
            step,
            plan.totalSteps(),
            plan.epoch(step),
            outcome.loss(),
            outcome.learningRate(),
            tokensPerSecond));
  }

  private UserException diverged(
      int step, Trainer.Outcome outcome, StepBatch batch, TrainingData data) {
    List<String> rows =
        batch.examples().stream().map(i -> data.train().get(i).origin().toString()).toList();
    return new UserException(
        ("step %d: loss %s and gradient norm %s are not both finite numbers, so the run ended"
             + " before this update. Lower training.learning-rate (now %s), or look at the rows of"
             + " this step: %s. Checkpoints before it are in %s.")
            .formatted(
                step,
                outcome.loss(),
                outcome.gradNorm(),
                config.training().learningRate(),
                String.join(", ", rows),
                config.output().resolve("checkpoints")));
  }

  private OptionalDouble evaluate(
      Trainer trainer, List<TokenBatch> validation, int step, RunPlan plan, MetricsWriter metrics) {
    if (validation.isEmpty()) {
      return OptionalDouble.empty();
    }
    long start = System.nanoTime();
    double loss = trainer.evaluate(validation);
    double seconds = (System.nanoTime() - start) / 1e9;
    long targets = validation.stream().mapToLong(TokenBatch::targetTokens).sum();
    EvaluationMetrics evaluation =
        new EvaluationMetrics(step, plan.epoch(step), loss, targets, seconds);
    metrics.evaluation(evaluation);
    console.say(
        String.format(
            Locale.ROOT,
            "step %d  validation loss %.4f  perplexity %.2f",
            step,
            loss,
            evaluation.perplexity()));
    return OptionalDouble.of(loss);
  }

  private void save(SavedState state, RunFolder folder, int step) throws IOException {
    folder.saveCheckpoint(step, config.checkpoint().keep(), aside -> state.writeTo(aside, step));
  }

  private RunResult finish(
      SavedState state,
      RunFolder folder,
      RunPlan plan,
      int step,
      OptionalDouble baseLoss,
      OptionalDouble finalLoss)
      throws IOException {
    console.finishLine();
    if (!plan.savesAfter(step)) {
      save(state, folder, step);
    }
    writeAdapter(state.adapter().toPeft(), folder.adapter());
    folder.begun();
    return new RunResult(folder.adapter(), step, plan.totalSteps(), baseLoss, finalLoss);
  }

  /** The result, with the chat template that it was trained with, for whoever serves it. */
  private void writeAdapter(PeftAdapter adapter, Path target) {
    AsideFolder.write(
        target,
        true,
        aside -> {
          PeftAdapter.writeInto(aside, adapter.config(), adapter.weights());
          if (chatTemplate.isPresent()) {
            Files.writeString(aside.resolve(ChatFormats.TEMPLATE_FILE), chatTemplate.get());
          }
        });
  }

  /**
   * Found again rather than remembered: tokens that are kept from an earlier run need no layout.
   */
  private Optional<String> chatTemplate(BaseModel base) {
    try {
      return Optional.of(
          ChatFormats.forBase(base.folder(), config.data().template()).format().jinja());
    } catch (DataException e) {
      // Such a template lays out no conversation, so that the rows are tokens.
      return Optional.empty();
    }
  }
}
