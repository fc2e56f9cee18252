package dev.graft.trainer.runtime;

import dev.graft.modelio.ModelConfig;
import dev.graft.modelio.checkpoint.Checkpoint;
import dev.graft.modelio.djl.GraftModel;
import dev.graft.modelio.hub.HubCache;
import dev.graft.tokenizer.HuggingFaceTokens;
import dev.graft.tokenizer.Tokenizer;
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
  private @Nullable Llama model;
  private @Nullable Tokenizer tokenizer;

  private BaseModel(Checkpoint checkpoint, Runnable closeCheckpoint, Meanwhile<Kernels> hardware) {
    this.checkpoint = checkpoint;
    this.closeCheckpoint = closeCheckpoint;
    this.hardware = hardware;
  }

  /**
   * Opens a base model.
   *
   * @param base folder of a Hugging Face checkpoint, or {@code hf://org/name}
   * @param kernels closed with the model, or at once if the model cannot be opened
   */
  public static BaseModel open(String base, Kernels kernels) {
    return withModel(open(base, Meanwhile.done(kernels)));
  }

  /**
   * Opens a base model while a thread of its own opens the hardware: loading native libraries takes
   * as long as reading the data, and neither needs the other. The first call of {@link #kernels} or
   * {@link #model} waits for it, and throws what opening it threw.
   *
   * @param base folder of a Hugging Face checkpoint, or {@code hf://org/name}
   * @param hardware makes kernels, which are closed with the model
   */
  public static BaseModel openMeanwhile(String base, Supplier<Kernels> hardware) {
    return open(
        base,
        Meanwhile.start(
            "graft-hardware",
            () -> {
              Kernels kernels = hardware.get();
              HostArrays.load();
              return kernels;
            }));
  }

  private static BaseModel open(String base, Meanwhile<Kernels> hardware) {
    try {
      GraftModel source = GraftModel.load(HubCache.ofEnvironment().resolve(base), Map.of());
      return new BaseModel(source.checkpoint(), source::close, hardware);
    } catch (RuntimeException e) {
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
    return withModel(new BaseModel(checkpoint, () -> {}, Meanwhile.done(kernels)));
  }

  private static void close(Meanwhile<Kernels> hardware) {
    if (hardware.isMade()) {
      hardware.await().close();
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
      Tokenizer opened = HuggingFaceTokens.load(folder());
      if (opened.vocabularySize() > config().vocabSize()) {
        opened.close();
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
    if (tokenizer != null) {
      tokenizer.close();
    }
    close(hardware);
    closeCheckpoint.run();
  }
}
