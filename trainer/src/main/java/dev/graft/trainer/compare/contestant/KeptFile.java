package dev.graft.trainer.compare.contestant;

import dev.graft.trainer.config.UserException;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * What came of each example, as JSONL: a line for each as soon as it is there, so that a comparison
 * that was broken off goes on where it stopped. The first line says what the others depend on; each
 * other says which example it belongs to by a digest of the example.
 *
 * @param <T> what comes of an example
 */
public final class KeptFile<T> implements AutoCloseable {

  /** How one is written. */
  public interface Form<T> {

    /** Its keys, apart from {@code id} and {@code example}. */
    Map<String, Object> toMap(T value);

    /** What a line says; empty for a failure, which is tried again. */
    Optional<T> of(String id, JsonNode line);
  }

  private final Path file;
  private final Form<T> form;
  private final Map<String, T> values = new LinkedHashMap<>();
  private final BufferedWriter writer;

  private KeptFile(Path file, Form<T> form, List<String> lines) throws IOException {
    this.file = file;
    this.form = form;
    // Rewritten without what belongs to other examples or was cut off in the middle of a line.
    Files.createDirectories(file.toAbsolutePath().getParent());
    Path aside = file.resolveSibling(file.getFileName() + ".tmp-" + ProcessHandle.current().pid());
    Files.write(aside, lines, StandardCharsets.UTF_8);
    Files.move(aside, file, StandardCopyOption.REPLACE_EXISTING);
    this.writer = Files.newBufferedWriter(file, StandardCharsets.UTF_8, StandardOpenOption.APPEND);
  }

  /**
   * Opens a file, and keeps what is of the same settings and examples.
   *
   * @param settings what all of it depends on: model, prompts, limits
   * @param fresh whether what is there may be thrown away
   * @throws UserException if the file is of other settings
   */
  public static <T> KeptFile<T> open(
      Path file, Form<T> form, String settings, List<Example> examples, boolean fresh) {
    var header = new LinkedHashMap<String, Object>();
    header.put("settings", mark(settings));
    header.put("of", settings);
    var lines = new ArrayList<String>();
    lines.add(JsonMapper.shared().writeValueAsString(header));
    Map<String, T> kept = fresh ? Map.of() : read(file, form, settings, examples, lines);
    try {
      var opened = new KeptFile<>(file, form, lines);
      opened.values.putAll(kept);
      return opened;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * What a file keeps of these settings and examples, by the examples' ids.
   *
   * @throws UserException if the file is of other settings
   */
  public static <T> Map<String, T> read(
      Path file, Form<T> form, String settings, List<Example> examples) {
    return read(file, form, settings, examples, new ArrayList<>());
  }

  private static <T> Map<String, T> read(
      Path file, Form<T> form, String settings, List<Example> examples, List<String> kept) {
    var digests = new HashMap<String, String>();
    examples.forEach(example -> digests.put(example.id(), Examples.digest(example)));
    var values = new LinkedHashMap<String, T>();
    boolean first = true;
    boolean ofTheseSettings = false;
    for (String line : lines(file)) {
      JsonNode node = parsed(line);
      if (first) {
        first = false;
        ofTheseSettings = node.path("settings").asString("").equals(mark(settings));
        continue;
      }
      String id = node.path("id").asString("");
      Optional<T> value = form.of(id, node);
      if (!ofTheseSettings && value.isPresent()) {
        throw new UserException(
            file
                + ": is of other settings (model, prompt or limits have changed)."
                + " Say --fresh to throw it away, or choose another output.");
      }
      boolean ours = node.path("example").asString("").equals(digests.get(id));
      if (ours && value.isPresent() && !values.containsKey(id)) {
        values.put(id, value.get());
        kept.add(line);
      }
    }
    return values;
  }

  private static List<String> lines(Path file) {
    try {
      return Files.exists(file) ? Files.readAllLines(file, StandardCharsets.UTF_8) : List.of();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static String mark(String settings) {
    return Examples.sha256(settings).substring(0, 16);
  }

  private static JsonNode parsed(String line) {
    try {
      return JsonMapper.shared().readTree(line);
    } catch (JacksonException _) {
      // The last line of a process that was killed.
      return JsonMapper.shared().createObjectNode();
    }
  }

  /** Keeps what came of an example, on disk as well. */
  public synchronized void add(Example example, T value) {
    var line = new LinkedHashMap<String, Object>();
    line.put("id", example.id());
    line.putAll(form.toMap(value));
    line.put("example", Examples.digest(example));
    try {
      writer.write(JsonMapper.shared().writeValueAsString(line));
      writer.newLine();
      writer.flush();
    } catch (IOException e) {
      throw new UncheckedIOException(file + ": cannot be written", e);
    }
    values.put(example.id(), value);
  }

  /** What came of each example, by its id: what was kept and what was added. */
  public Map<String, T> values() {
    return values;
  }

  @Override
  public void close() {
    try {
      writer.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
