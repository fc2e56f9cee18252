package dev.graft.trainer.runtime;

import dev.graft.modelio.ModelConfig;
import dev.graft.modelio.checkpoint.Checkpoint;
import dev.graft.modelio.djl.GraftModel;
import dev.graft.modelio.hub.HubCache;
import dev.graft.tokenizer.HuggingFaceTokens;
import dev.graft.tokenizer.Tokenizer;
import dev.graft.tokenizer.WordCache;
import dev.graft.trainer.config.UserException;
import dev.graft.trainer.kernels.Kernels;
import dev.graft.trainer.model.Llama;
import dev.graft.trainer.tensor.HostArrays;
import java.nio.file.Path;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A base model that is ready to compute: its checkpoint, opened through DJL, its weights on the
 * device, and its tokenizer once somebody needs it.
 */
public final class BaseModel implements AutoCloseable {

  private final Checkpoint checkpoint;
  private final Runnable closeCheckpoint;
  private final Meanwhile<Kernels> hardware;
  private @Nullable Meanwhile<Tokenizer> reading;
  private @Nullable Llama model;
  private @Nullable Tokenizer tokenizer;

  /**
   * @param reading the tokenizer, where it is read ahead
   */
  private BaseModel(
      Checkpoint checkpoint,
      Runnable closeCheckpoint,
      Meanwhile<Kernels> hardware,
      @Nullable Meanwhile<Tokenizer> reading) {
    this.checkpoint = checkpoint;
    this.closeCheckpoint = closeCheckpoint;
    this.hardware = hardware;
    this.reading = reading;
  }

  /**
   * Opens a base model.
   *
   * @param base folder of a Hugging Face checkpoint, or {@code hf://org/name}
   * @param kernels closed with the model, or at once if the model cannot be opened
   */
  public static BaseModel open(String base, Kernels kernels) {
    return withModel(open(base, Meanwhile.done(kernels), false));
  }

  /**
   * Opens a base model while a thread of its own opens the hardware: loading native libraries takes
   * as long as reading the data, and neither needs the other. The first call of {@link #kernels} or
   * {@link #model} waits for it, and throws what opening it threw.
   *
   * @param base folder of a Hugging Face checkpoint, or {@code hf://org/name}
   * @param hardware makes kernels, which are closed with the model
   * @param readsText whether another thread reads the tokenizer ahead, since text is to come
   */
  public static BaseModel openMeanwhile(
      String base, Supplier<Kernels> hardware, boolean readsText) {
    return open(
        base,
        Meanwhile.start(
            "graft-hardware",
            () -> {
              Kernels kernels = hardware.get();
              HostArrays.load();
              return kernels;
            }),
        readsText);
  }

  private static BaseModel open(String base, Meanwhile<Kernels> hardware, boolean readsText) {
    Meanwhile<Tokenizer> reading = null;
    try {
      Path folder = HubCache.ofEnvironment().resolve(base);
      if (readsText) {
        reading = Meanwhile.start("graft-tokenizer", () -> HuggingFaceTokens.load(folder));
      }
      GraftModel source = GraftModel.load(folder, Map.of());
      return new BaseModel(source.checkpoint(), source::close, hardware, reading);
    } catch (RuntimeException e) {
      if (reading != null) {
        closeTokenizer(reading);
      }
      close(hardware);
      throw e;
    }
  }

  /**
   * A base model on a checkpoint that is open already, and stays its owner's.
   *
   * @param kernels closed with the model
   */
  public static BaseModel on(Checkpoint checkpoint, Kernels kernels) {
    return withModel(new BaseModel(checkpoint, () -> {}, Meanwhile.done(kernels), null));
  }

  private static void close(Meanwhile<Kernels> hardware) {
    if (hardware.isMade()) {
      hardware.await().close();
    }
  }

  private static void closeTokenizer(Meanwhile<Tokenizer> reading) {
    if (reading.isMade()) {
      reading.await().close();
    }
  }

  private static BaseModel withModel(BaseModel base) {
    try {
      base.model();
      return base;
    } catch (RuntimeException e) {
      base.close();
      throw e;
    }
  }

  /** The folder that the checkpoint is in. */
  public Path folder() {
    return checkpoint.folder();
  }

  /** The frozen weights, where they lie. */
  public Checkpoint checkpoint() {
    return checkpoint;
  }

  /** What config.json says. */
  public ModelConfig config() {
    return checkpoint.config();
  }

  /** What computes. */
  public Kernels kernels() {
    return hardware.await();
  }

  /** The model on the device. */
  public synchronized Llama model() {
    if (model == null) {
      model = Llama.load(kernels(), checkpoint);
    }
    return model;
  }

  /**
   * The checkpoint's tokenizer.
   *
   * @throws dev.graft.tokenizer.DataException if there is none
   * @throws UserException if it has more tokens than the model's embedding has rows
   */
  public Tokenizer tokenizer() {
    if (tokenizer == null) {
      if (reading == null) {
        reading = Meanwhile.done(HuggingFaceTokens.load(folder()));
      }
      Tokenizer opened = WordCache.of(reading.await());
      if (opened.vocabularySize() > config().vocabSize()) {
        throw new UserException(
            ("%s: its tokenizer has %d tokens, but the model's embedding only %d rows. The"
                    + " tokenizer belongs to another model; copy tokenizer.json from this one's"
                    + " source.")
                .formatted(folder(), opened.vocabularySize(), config().vocabSize()));
      }
      tokenizer = opened;
    }
    return tokenizer;
  }

  @Override
  public void close() {
    if (reading != null) {
      closeTokenizer(reading);
    }
    close(hardware);
    closeCheckpoint.run();
  }
}
