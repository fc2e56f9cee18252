package dev.graft.trainer.bench;

import dev.graft.modelio.DType;
import dev.graft.modelio.checkpoint.Checkpoint;
import dev.graft.trainer.kernels.Kernels;
import dev.graft.trainer.model.Llama;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/** A model with random weights in a temporary folder, which goes when this is closed. */
final class BenchModel implements AutoCloseable {

  private final Path folder;
  private final Checkpoint checkpoint;
  private final TimedKernels kernels;
  private final Llama model;
  // Ctrl-C leaves nothing behind either.
  private final Thread cleanUp;

  private BenchModel(Path folder, Checkpoint checkpoint, TimedKernels kernels) {
    this.folder = folder;
    this.checkpoint = checkpoint;
    this.kernels = kernels;
    this.model = Llama.load(kernels, checkpoint);
    this.cleanUp = new Thread(() -> delete(folder), "graft-bench-clean-up");
    Runtime.getRuntime().addShutdownHook(cleanUp);
  }

  /**
   * Writes and opens one.
   *
   * @param kernels closed with the model, or at once if it cannot be made
   */
  static BenchModel create(BenchShape shape, DType weights, Kernels kernels) {
    TimedKernels timed = new TimedKernels(kernels);
    @Nullable Path folder = null;
    try {
      folder = Files.createTempDirectory("graft-bench-");
      shape.checkpoint(weights).write(folder);
      return new BenchModel(folder, Checkpoint.open(folder), timed);
    } catch (IOException e) {
      timed.close();
      delete(folder);
      throw new UncheckedIOException(e);
    } catch (RuntimeException e) {
      timed.close();
      delete(folder);
      throw e;
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
    delete(folder);
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
