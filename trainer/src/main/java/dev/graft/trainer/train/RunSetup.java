package dev.graft.trainer.train;

import dev.graft.modelio.peft.PeftAdapter;
import dev.graft.modelio.peft.PeftConfig;
import dev.graft.tokenizer.ChatFormats;
import dev.graft.tokenizer.ConversationEncoder;
import dev.graft.tokenizer.DataException;
import dev.graft.tokenizer.EncodingOptions;
import dev.graft.tokenizer.split.BillOfMaterials;
import dev.graft.trainer.config.AdapterInit;
import dev.graft.trainer.config.DataConfig;
import dev.graft.trainer.config.LayerRange;
import dev.graft.trainer.config.LoraConfig;
import dev.graft.trainer.config.OptimizerSettings;
import dev.graft.trainer.config.RunConfig;
import dev.graft.trainer.config.TrainingConfig;
import dev.graft.trainer.console.Console;
import dev.graft.trainer.data.EpochOrder;
import dev.graft.trainer.data.Packing;
import dev.graft.trainer.full.FullSize;
import dev.graft.trainer.full.FullWeights;
import dev.graft.trainer.lora.AdapterSize;
import dev.graft.trainer.lora.LoraAdapter;
import dev.graft.trainer.lora.NewAdapter;
import dev.graft.trainer.model.StackedRanks;
import dev.graft.trainer.model.Trainable;
import dev.graft.trainer.model.TrainableSize;
import dev.graft.trainer.model.TrainingPass;
import dev.graft.trainer.optim.DeviceAdamW;
import dev.graft.trainer.optim.HostUpdates;
import dev.graft.trainer.optim.LearningRateSchedule;
import dev.graft.trainer.optim.Optimizer;
import dev.graft.trainer.optim.ParameterUpdates;
import dev.graft.trainer.runs.AtomicFiles;
import dev.graft.trainer.runtime.BaseModel;
import dev.graft.trainer.runtime.Hardware;
import dev.graft.trainer.tensor.ElementType;
import java.io.IOException;
import java.io.OutputStreamWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Collectors;

/**
 * Gets ready what a run is made of, and says what it found.
 *
 * @param base open; it stays the caller's
 */
record RunSetup(RunConfig config, BaseModel base, Console console) {

  /** Between two lines that say how far the adapter is. */
  private static final long PROGRESS_NANOS = 10_000_000_000L;

  static BaseModel openBase(RunConfig config) {
    return BaseModel.openMeanwhile(
        config.base(),
        () -> Hardware.open(config.precision(), config.device(), config.kernels()),
        TrainingData.willTokenize(config));
  }

  /**
   * @param keepTokens whether the next run on the same data may use these
   */
  TrainingData readData(boolean keepTokens) {
    console.say("base     " + describeBase());
    base.checkpoint().notes().forEach(console::warn);
    TrainingData data =
        TrainingData.load(
            config,
            base.config(),
            base.folder(),
            this::encoder,
            () -> layout().reason(),
            keepTokens,
            progress -> console.say("data     " + progress));
    data.notes().forEach(note -> console.say("data     " + note));
    console.say(
        "data     %,d training and %,d validation examples, the longest of %,d tokens"
            .formatted(data.train().size(), data.validation().size(), data.longest()));
    console.say("compute  " + base.kernels().describe());
    return data;
  }

  /**
   * How conversations are laid out, in Jinja. Found again rather than remembered: tokens that are
   * kept from an earlier run need no layout.
   */
  Optional<String> chatTemplate() {
    try {
      return Optional.of(layout().format().jinja());
    } catch (DataException e) {
      // Such a template lays out no conversation, so that the rows are tokens.
      return Optional.empty();
    }
  }

  /** The base model, for a person. */
  String describeBase() {
    return String.format(
        Locale.ROOT,
        "%s: %s, %d layers, %,d parameters as %s",
        base.folder(),
        base.config().architecture().className(),
        base.config().layers(),
        base.checkpoint().parameters(),
        base.checkpoint().dtype());
  }

  private ChatFormats.Choice layout() {
    return ChatFormats.forBase(base.folder(), config.data().template());
  }

  private ConversationEncoder encoder() {
    DataConfig data = config.data();
    EncodingOptions options =
        new EncodingOptions(
            EncodingOptions.TrainOn.valueOf(data.trainOn().name()),
            data.trainOnPrompt(),
            data.allowSpecial());
    return new ConversationEncoder(base.tokenizer(), layout().format(), options);
  }

  /** Writes which files and rows this run learns from and is measured on. */
  void writeMaterials(BillOfMaterials materials, Path file) throws IOException {
    materials.provenanceWarning().ifPresent(console::warn);
    AtomicFiles.write(
        file, out -> materials.writeTo(new OutputStreamWriter(out, StandardCharsets.UTF_8)));
  }

  EpochOrder order(TrainingData data) {
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

  RunPlanning planning(TrainingData data) {
    TrainableSize adapter = adapterSize();
    TrainableSize trained =
        switch (config.method()) {
          case LORA -> adapter;
          case FULL -> FullSize.of(base.config());
        };
    return new RunPlanning(
        config,
        base,
        order(data),
        trained,
        adapter,
        data.longest(),
        ValidationSamples.plannedBytes(config, base, data.validation(), trained.ranks()));
  }

  private AdapterSize adapterSize() {
    LoraConfig lora = config.lora();
    return lora.initFrom().isPresent()
        ? AdapterSize.of(base.config(), startingAdapter(lora.initFrom().get()))
        : AdapterSize.of(base.config(), freshAdapter(lora), NewAdapter.beginning(lora));
  }

  /** What the run trains, as it begins, with the model that computes with it. */
  TrainedModel trained() {
    return switch (config.method()) {
      case LORA -> {
        LoraAdapter adapter = attachAdapter();
        yield new TrainedModel(base.model(), adapter, adapter.ranks());
      }
      case FULL -> {
        FullWeights weights = FullWeights.of(base.checkpoint(), base.kernels());
        yield new TrainedModel(weights.model(), weights, StackedRanks.NONE);
      }
    };
  }

  private LoraAdapter attachAdapter() {
    LoraConfig lora = config.lora();
    return lora.initFrom().isPresent()
        ? LoraAdapter.of(startingAdapter(lora.initFrom().get()), base.model())
        : LoraAdapter.initialized(
            freshAdapter(lora),
            base.model(),
            config.training().seed(),
            NewAdapter.beginning(lora),
            adapterProgress());
  }

  /** A line now and then: principal components of a high rank take minutes. */
  private LoraAdapter.Progress adapterProgress() {
    AtomicLong told = new AtomicLong(System.nanoTime());
    return (done, all) -> {
      long now = System.nanoTime();
      if (now - told.get() > PROGRESS_NANOS) {
        told.set(now);
        console.say(
            "adapter  principal components of %,d of %,d weights so far".formatted(done, all));
      }
    };
  }

  void tellOf(TrainedModel made) {
    if (made.trained() instanceof LoraAdapter adapter) {
      tellOf(adapter);
    } else {
      console.say(
          "method   full: all %,d parameters are trained, in float32%s"
              .formatted(
                  made.trained().size(),
                  base.kernels().activationType() == ElementType.F32
                      ? ""
                      : "; products read bfloat16 copies"));
    }
  }

  private void tellOf(LoraAdapter adapter) {
    PeftConfig peft = adapter.config();
    boolean patterns = !peft.rankPattern().isEmpty() || !peft.alphaPattern().isEmpty();
    console.say(
        "adapter  %s%srank %d, alpha %s%s, on %s%s: %,d trainable parameters"
            .formatted(
                config.lora().init() == AdapterInit.PISSA ? "PiSSA, " : "",
                peft.dora() ? "DoRA, " : "",
                peft.rank(),
                peft.alpha(),
                patterns ? " (others by pattern)" : "",
                String.join(", ", config.lora().targets()),
                config.lora().layers().isEmpty() ? "" : " of layers " + layers(),
                adapter.size()));
  }

  private String layers() {
    return config.lora().layers().stream()
        .map(LayerRange::toString)
        .collect(Collectors.joining(", "));
  }

  private PeftConfig freshAdapter(LoraConfig lora) {
    return NewAdapter.config(lora, base.config(), config.base());
  }

  /** The adapter to go on from, with this run's base and dropout in its configuration. */
  private PeftAdapter startingAdapter(Path folder) {
    PeftAdapter adapter = PeftAdapter.read(folder, base.config());
    PeftConfig renamed =
        adapter.config().withBaseModel(config.base()).withDropout(config.lora().dropout());
    return new PeftAdapter(renamed, adapter.weights(), adapter.vocabulary());
  }

  /** What is answered at every evaluation, if anything is. */
  Optional<ValidationSamples> samples(TrainingData data, TrainedModel made) {
    return config.evaluation().samples() > 0
        ? Optional.of(new ValidationSamples(config, base, data.validation(), made))
        : Optional.empty();
  }

  Trainer trainer(TrainingData data, TrainedModel made, RunPlan plan) {
    TrainingConfig training = config.training();
    int maxTokens = RunPlanning.maxTokens(config, data.longest());
    float dropout = (float) config.lora().dropout();
    TrainingPass pass =
        made.model().trainingPass(maxTokens, made.ranks(), dropout > 0, training.recompute());
    LearningRateSchedule schedule =
        new LearningRateSchedule(
            training.scheduleShape(),
            training.learningRate(),
            training.warmupSteps(plan.totalSteps()),
            plan.totalSteps());
    if (schedule.neverReachesPeak()) {
      console.warn(
          "the warmup takes %d steps and the run has %d: the learning rate will not reach %s"
              .formatted(schedule.warmupSteps(), plan.totalSteps(), training.learningRate()));
    }
    return new Trainer(
        pass,
        made.trained(),
        updates(made.trained()),
        schedule,
        dropout,
        (float) training.neftuneAlpha(),
        training.seed(),
        training.maxGradNorm());
  }

  private ParameterUpdates updates(Trainable trained) {
    OptimizerSettings settings = config.training().optimizerSettings();
    double plusRatio = config.lora().plusRatio();
    return DeviceAdamW.serves(base.kernels(), trained, settings)
        ? new DeviceAdamW(base.kernels(), trained, settings, plusRatio)
        : new HostUpdates(trained, Optimizer.of(settings, trained.groups(), plusRatio));
  }
}
