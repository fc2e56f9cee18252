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
import java.nio.file.Path;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A base model that is ready to compute: its checkpoint, opened through DJL, its weights on the
 * device, and its tokenizer once somebody needs it.
 */
public final class BaseModel implements AutoCloseable {

  private final Checkpoint checkpoint;
  private final Runnable closeCheckpoint;
  private final Kernels kernels;
  private final Llama model;
  private @Nullable Tokenizer tokenizer;

  private BaseModel(Checkpoint checkpoint, Runnable closeCheckpoint, Kernels kernels) {
    this.checkpoint = checkpoint;
    this.closeCheckpoint = closeCheckpoint;
    this.kernels = kernels;
    this.model = Llama.load(kernels, checkpoint);
  }

  /**
   * Opens a base model.
   *
   * @param base folder of a Hugging Face checkpoint, or {@code hf://org/name}
   * @param kernels closed with the model, or at once if the model cannot be opened
   */
  public static BaseModel open(String base, Kernels kernels) {
    try {
      GraftModel source = GraftModel.load(HubCache.ofEnvironment().resolve(base), Map.of());
      try {
        return new BaseModel(source.checkpoint(), source::close, kernels);
      } catch (RuntimeException e) {
        source.close();
        throw e;
      }
    } catch (RuntimeException e) {
      kernels.close();
      throw e;
    }
  }

  /**
   * A base model on a checkpoint that is open already, and stays its owner's.
   *
   * @param kernels closed with the model
   */
  public static BaseModel on(Checkpoint checkpoint, Kernels kernels) {
    return new BaseModel(checkpoint, () -> {}, kernels);
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
    return kernels;
  }

  /** The model on the device. */
  public Llama model() {
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
    kernels.close();
    closeCheckpoint.run();
  }
}
