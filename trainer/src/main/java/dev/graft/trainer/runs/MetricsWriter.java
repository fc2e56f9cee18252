package dev.graft.trainer.runs;

import dev.graft.trainer.config.UserException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/**
 * Writes {@code metrics.jsonl}: a line per optimizer step and per evaluation, numbers in full
 * precision, each line whole in the file when the call returns, so that the file can be followed.
 * While it is open the file is locked, which tells another process that the run goes on.
 */
public final class MetricsWriter implements AutoCloseable {

  private final Path file;
  private final FileChannel channel;

  private MetricsWriter(Path file, FileChannel channel) {
    this.file = file;
    this.channel = channel;
  }

  /** Opens the file, which is appended to if it exists. */
  public static MetricsWriter open(Path file) {
    try {
      FileChannel channel =
          FileChannel.open(
              file, StandardOpenOption.CREATE, StandardOpenOption.WRITE, StandardOpenOption.APPEND);
      // Held until the channel is closed; file systems without locks are written to all the same.
      if (!lock(channel)) {
        channel.close();
        throw new UserException(file + ": another run is writing to it; choose another output");
      }
      return new MetricsWriter(file, channel);
    } catch (IOException e) {
      throw new UserException("%s: cannot be written: %s".formatted(file, e.getMessage()), e);
    }
  }

  /** Writes the line of a step. */
  public void step(StepMetrics step) {
    write(
        new JsonLine("step")
            .put("step", step.step())
            .put("epoch", step.epoch())
            .put("loss", step.loss())
            .put("grad_norm", step.gradNorm())
            .put("learning_rate", step.learningRate())
            .put("target_tokens", step.targetTokens())
            .put("tokens", step.tokens())
            .put("tokens_per_second", step.tokensPerSecond()));
  }

  /** Writes the line of an evaluation. */
  public void evaluation(EvaluationMetrics evaluation) {
    write(
        new JsonLine("evaluation")
            .put("step", evaluation.step())
            .put("epoch", evaluation.epoch())
            .put("loss", evaluation.loss())
            .put("perplexity", evaluation.perplexity())
            .put("target_tokens", evaluation.targetTokens())
            .put("seconds", evaluation.seconds()));
  }

  @Override
  public void close() {
    try {
      channel.force(true);
      channel.close();
    } catch (IOException e) {
      throw unwritable(e);
    }
  }

  /** Whether somebody, in this process or another, has the file open for writing metrics. */
  static boolean isBeingWritten(Path file) {
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
      return !lock(channel);
    } catch (IOException e) {
      return false;
    }
  }

  private static boolean lock(FileChannel channel) {
    try {
      FileLock lock = channel.tryLock();
      return lock != null;
    } catch (OverlappingFileLockException e) {
      return false;
    } catch (IOException e) {
      return true;
    }
  }

  private void write(JsonLine line) {
    try {
      var bytes = ByteBuffer.wrap(line.finish().getBytes(StandardCharsets.UTF_8));
      while (bytes.hasRemaining()) {
        channel.write(bytes);
      }
    } catch (IOException e) {
      throw unwritable(e);
    }
  }

  private UserException unwritable(IOException e) {
    return new UserException("%s: cannot be written: %s".formatted(file, e.getMessage()), e);
  }

  /** A JSON object in one line; a double reads back as the same double. */
  private static final class JsonLine {

    private final StringBuilder json;

    JsonLine(String kind) {
      json = new StringBuilder("{\"kind\":\"").append(kind).append('"');
    }

    JsonLine put(String key, long value) {
      json.append(",\"").append(key).append("\":").append(value);
      return this;
    }

    /** JSON has no NaN and no infinity: null stands for them. */
    JsonLine put(String key, double value) {
      json.append(",\"").append(key).append("\":");
      json.append(Double.isFinite(value) ? Double.toString(value) : "null");
      return this;
    }

    String finish() {
      return json.append("}\n").toString();
    }
  }
}
