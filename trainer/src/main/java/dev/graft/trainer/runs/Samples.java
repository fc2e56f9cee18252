package dev.graft.trainer.runs;

import dev.graft.trainer.config.UserException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.databind.json.JsonMapper;

/** What {@code samples.jsonl} says. */
final class Samples {

  private Samples() {}

  /**
   * Reads the file. A last line without its end is left out, as in {@link Metrics#read}.
   *
   * @return in order; empty where there is no such file
   * @throws UserException if it cannot be read or a line is damaged, by its number
   */
  static List<Sample> read(Path file) {
    if (!Files.exists(file)) {
      return List.of();
    }
    var samples = new ArrayList<Sample>();
    JsonLines.read(
        file, "samples", line -> samples.add(JsonMapper.shared().readValue(line, Sample.class)));
    return List.copyOf(samples);
  }
}
