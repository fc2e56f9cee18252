package dev.graft.trainer.compare.contestant;

import dev.graft.trainer.config.UserException;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * A contestant's answers as JSONL, a line for each reply as soon as it is there, so that a
 * comparison that was broken off goes on where it stopped. The first line says what they are the
 * answers of; each reply says which example it belongs to by a digest of the example.
 */
public final class AnswerFile implements AutoCloseable {

  private final Path file;
  private final Map<String, Reply> replies = new LinkedHashMap<>();
  private final BufferedWriter writer;

  private AnswerFile(Path file, List<String> kept) throws IOException {
    this.file = file;
    // Rewritten without what belongs to other examples or was cut off in the middle of a line.
    Files.createDirectories(file.toAbsolutePath().getParent());
    Path aside = file.resolveSibling(file.getFileName() + ".tmp-" + ProcessHandle.current().pid());
    Files.write(aside, kept, StandardCharsets.UTF_8);
    Files.move(aside, file, java.nio.file.StandardCopyOption.REPLACE_EXISTING);
    this.writer = Files.newBufferedWriter(file, StandardCharsets.UTF_8, StandardOpenOption.APPEND);
  }

  /**
   * Opens a file of answers, and keeps those that are of the same settings and examples. Failures
   * are not kept: they are tried again.
   *
   * @param settings what the answers depend on: model, prompts, limits
   * @param fresh whether answers of other settings may be thrown away
   * @throws UserException if the file has answers of other settings
   */
  public static AnswerFile open(Path file, String settings, List<Example> examples, boolean fresh) {
    String mark = Examples.sha256(settings).substring(0, 16);
    var header = new LinkedHashMap<String, Object>();
    header.put("settings", mark);
    header.put("of", settings);
    var kept = new ArrayList<String>();
    kept.add(JsonMapper.shared().writeValueAsString(header));
    try {
      var read = new LinkedHashMap<String, Reply>();
      if (Files.exists(file) && !fresh) {
        read.putAll(read(file, mark, examples, kept));
      }
      var answers = new AnswerFile(file, kept);
      answers.replies.putAll(read);
      return answers;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Map<String, Reply> read(
      Path file, String mark, List<Example> examples, List<String> kept) throws IOException {
    var digests = new HashMap<String, String>();
    examples.forEach(example -> digests.put(example.id(), Examples.digest(example)));
    var replies = new LinkedHashMap<String, Reply>();
    boolean first = true;
    boolean ofTheseSettings = false;
    for (String line : Files.readAllLines(file, StandardCharsets.UTF_8)) {
      JsonNode node = parsed(line);
      if (first) {
        first = false;
        ofTheseSettings = node.path("settings").asString("").equals(mark);
        continue;
      }
      if (!ofTheseSettings && node.has("answer")) {
        throw new UserException(
            file
                + ": has answers of other settings (model, prompt or limits have changed)."
                + " Say --fresh to throw them away, or choose another output.");
      }
      String id = node.path("id").asString("");
      boolean ours = node.path("example").asString("").equals(digests.get(id));
      if (ours && node.has("answer") && !replies.containsKey(id)) {
        replies.put(id, reply(node, id));
        kept.add(line);
      }
    }
    return replies;
  }

  private static JsonNode parsed(String line) {
    try {
      return JsonMapper.shared().readTree(line);
    } catch (JacksonException _) {
      // The last line of a process that was killed.
      return JsonMapper.shared().createObjectNode();
    }
  }

  private static Reply reply(JsonNode node, String id) {
    return new Reply(
        id,
        Optional.of(node.path("answer").asString("")),
        Optional.empty(),
        node.has("input_tokens")
            ? OptionalLong.of(node.path("input_tokens").asLong())
            : OptionalLong.empty(),
        node.has("output_tokens")
            ? OptionalLong.of(node.path("output_tokens").asLong())
            : OptionalLong.empty(),
        node.has("latency_ms")
            ? OptionalDouble.of(node.path("latency_ms").asDouble())
            : OptionalDouble.empty(),
        Optional.ofNullable(node.path("model").asString(null)),
        node.path("cut").asBoolean(false));
  }

  /** Keeps a reply, on disk as well. */
  public synchronized void add(Example example, Reply reply) {
    var line = new LinkedHashMap<>(reply.toMap());
    line.put("example", Examples.digest(example));
    try {
      writer.write(JsonMapper.shared().writeValueAsString(line));
      writer.newLine();
      writer.flush();
    } catch (IOException e) {
      throw new UncheckedIOException(file + ": cannot be written", e);
    }
    replies.put(reply.id(), reply);
  }

  /** Replies by example, those kept and those added. */
  public Map<String, Reply> replies() {
    return replies;
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
