package dev.graft.trainer.runs;

import java.nio.file.Path;
import tools.jackson.databind.json.JsonMapper;

/** Writes {@code samples.jsonl}, a {@link Sample} a line. */
public final class SamplesWriter implements AutoCloseable {

  private final JsonLines lines;

  private SamplesWriter(JsonLines lines) {
    this.lines = lines;
  }

  /** Opens the file, which is appended to if it exists. */
  public static SamplesWriter open(Path file) {
    return new SamplesWriter(JsonLines.open(file));
  }

  /** Writes a line. */
  public void add(Sample sample) {
    lines.add(JsonMapper.shared().writeValueAsString(sample));
  }

  /** Brings all lines to the disk and says how many bytes they are. */
  public long flush() {
    return lines.flush();
  }

  /** Takes away the lines after so many bytes, which a run that goes on will write again. */
  public boolean cut(long bytes) {
    return lines.cut(bytes);
  }

  @Override
  public void close() {
    lines.close();
  }
}
