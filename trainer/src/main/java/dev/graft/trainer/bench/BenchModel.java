package dev.graft.trainer.bench;

import dev.graft.modelio.DType;
import dev.graft.modelio.checkpoint.Checkpoint;
import dev.graft.modelio.checkpoint.RandomCheckpoint;
import dev.graft.trainer.config.UserException;
import dev.graft.trainer.kernels.Kernels;
import dev.graft.trainer.model.Llama;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A model with random weights: in a temporary folder, which goes when this is closed, or in one
 * that stays.
 */
final class BenchModel implements AutoCloseable {

  private final @Nullable Path temporary;
  private final Checkpoint checkpoint;
  private final TimedKernels kernels;
  private final Llama model;
  // Ctrl-C leaves nothing behind either.
  private final Thread cleanUp;

  private BenchModel(@Nullable Path temporary, Checkpoint checkpoint, TimedKernels kernels) {
    this.temporary = temporary;
    this.checkpoint = checkpoint;
    this.kernels = kernels;
    this.model = Llama.load(kernels, checkpoint);
    this.cleanUp = new Thread(() -> delete(temporary), "graft-bench-clean-up");
    Runtime.getRuntime().addShutdownHook(cleanUp);
  }

  /** Writes and opens one that goes. */
  static BenchModel create(BenchShape shape, DType weights, Kernels kernels) {
    return create(shape, weights, kernels, Optional.empty());
  }

  /**
   * Writes and opens one.
   *
   * @param kernels closed with the model, or at once if it cannot be made
   * @param keep the folder that it stays in; where it is there already, it is not written again
   */
  static BenchModel create(BenchShape shape, DType weights, Kernels kernels, Optional<Path> keep) {
    TimedKernels timed = new TimedKernels(kernels);
    @Nullable Path temporary = null;
    try {
      if (keep.isEmpty()) {
        temporary = Files.createTempDirectory("graft-bench-");
      }
      Path folder = temporary != null ? temporary : keep.orElseThrow();
      writeUnlessThere(shape.checkpoint(weights), folder);
      return new BenchModel(temporary, Checkpoint.open(folder), timed);
    } catch (IOException e) {
      timed.close();
      delete(temporary);
      throw new UncheckedIOException(e);
    } catch (RuntimeException e) {
      timed.close();
      delete(temporary);
      throw e;
    }
  }

  /** A checkpoint's configuration is written last, so that where it is, the weights are. */
  private static void writeUnlessThere(RandomCheckpoint wanted, Path folder) throws IOException {
    Path config = folder.resolve("config.json");
    if (!Files.exists(config)) {
      wanted.write(folder);
    } else if (!Files.readString(config).equals(wanted.config().toJson())) {
      throw new UserException(
          "%s holds a model of another shape. Name another folder, or delete it."
              .formatted(folder));
    }
  }

  TimedKernels kernels() {
    return kernels;
  }

  Checkpoint checkpoint() {
    return checkpoint;
  }

  Llama model() {
    return model;
  }

  @Override
  public void close() {
    kernels.close();
    checkpoint.close();
    Runtime.getRuntime().removeShutdownHook(cleanUp);
    delete(temporary);
  }

  private static void delete(@Nullable Path folder) {
    if (folder == null) {
      return;
    }
    try (Stream<Path> files = Files.list(folder)) {
      for (Path file : files.toList()) {
        Files.delete(file);
      }
      Files.delete(folder);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
