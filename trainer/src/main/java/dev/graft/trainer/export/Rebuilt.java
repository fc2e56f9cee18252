package dev.graft.trainer.export;

import dev.graft.modelio.ModelConfig;
import dev.graft.modelio.ModelWeights;
import dev.graft.modelio.checkpoint.Checkpoint;
import dev.graft.modelio.gguf.GgufLora;
import dev.graft.modelio.gguf.GgufModel;
import dev.graft.modelio.peft.PeftAdapter;
import dev.graft.trainer.config.DeviceChoice;
import dev.graft.trainer.config.KernelsChoice;
import dev.graft.trainer.config.Precision;
import dev.graft.trainer.kernels.Kernels;
import dev.graft.trainer.lora.LoraAdapter;
import dev.graft.trainer.model.Decoder;
import dev.graft.trainer.model.Llama;
import dev.graft.trainer.model.StackedRanks;
import dev.graft.trainer.runtime.Hardware;
import java.nio.file.Path;
import java.util.Optional;

/**
 * A model that computes what some files say: the trainer's Llama on weights read back from them, in
 * float32 activations, so that what differs is the files' doing.
 */
final class Rebuilt implements AutoCloseable {
  private final Kernels kernels;
  private final Runnable closeWeights;
  private final Llama model;
  private final StackedRanks ranks;

  private Rebuilt(ModelWeights weights, Optional<PeftAdapter> adapter, Runnable closeWeights) {
    this.kernels = Hardware.open(Precision.F32, DeviceChoice.AUTO, KernelsChoice.AUTO);
    this.closeWeights = closeWeights;
    try {
      this.model = Llama.load(kernels, weights);
      this.ranks = adapter.map(it -> LoraAdapter.of(it, model).ranks()).orElse(StackedRanks.NONE);
    } catch (RuntimeException e) {
      kernels.close();
      closeWeights.run();
      throw e;
    }
  }

  /** The base, which stays the caller's, with an adapter or without. */
  static Rebuilt of(ModelWeights base, Optional<PeftAdapter> adapter) {
    return new Rebuilt(base, adapter, () -> {});
  }

  /**
   * An exported artifact.
   *
   * @param folder the export's
   * @param base what adapters are put on
   * @param temporary where a temporary file may be made
   */
  static Rebuilt of(Artifact artifact, Path folder, Checkpoint base, Path temporary) {
    ModelConfig config = base.config();
    Path path = folder.resolve(artifact.path());
    return switch (artifact.target()) {
      case PEFT -> of(base, Optional.of(PeftAdapter.read(path, config)));
      case GGUF -> of(base, Optional.of(GgufLora.read(path, config)));
      case MERGED -> {
        Checkpoint merged = Checkpoint.open(path);
        yield new Rebuilt(merged, Optional.empty(), merged::close);
      }
      case GGUF_MERGED -> {
        GgufModel merged = GgufModel.open(path, temporary);
        yield new Rebuilt(merged, Optional.empty(), merged::close);
      }
      case OLLAMA -> {
        GgufModel from = GgufModel.open(path.resolve(Modelfile.BASE), temporary);
        try {
          PeftAdapter adapter = GgufLora.read(path.resolve(Modelfile.ADAPTER), from.config());
          yield new Rebuilt(from, Optional.of(adapter), from::close);
        } catch (RuntimeException e) {
          from.close();
          throw e;
        }
      }
    };
  }

  /** For sequences of up to so many tokens; to be made once, its memory lives with the model. */
  Decoder decoder(int capacity) {
    return model.decoder(capacity, ranks);
  }

  @Override
  public void close() {
    kernels.close();
    closeWeights.run();
  }
}
