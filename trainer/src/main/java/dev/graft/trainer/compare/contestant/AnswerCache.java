package dev.graft.trainer.compare.contestant;

import dev.graft.tokenizer.Message;
import dev.graft.trainer.compare.contestant.Endpoint.Completion;
import dev.graft.trainer.runs.AtomicFiles;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Answers by request, on disk: what was asked and paid once is not asked again. A request is known
 * by the SHA-256 of all that its answer depends on; keys are not part of it.
 */
public final class AnswerCache {

  private final Path folder;

  /** The folder is made when the first answer comes. */
  public AnswerCache(Path folder) {
    this.folder = folder;
  }

  /** Where answers are kept unless a configuration says otherwise. */
  public static Path defaultFolder() {
    String cache = System.getenv("XDG_CACHE_HOME");
    return (cache == null || cache.isBlank()
            ? Path.of(System.getProperty("user.home"), ".cache")
            : Path.of(cache))
        .resolve("graft/answers");
  }

  /**
   * An answer with the time that it took when it was asked.
   *
   * @param latencyMs milliseconds
   */
  public record Cached(Completion completion, double latencyMs) {}

  /** The answer to a request; empty where it was never asked, or what is kept cannot be read. */
  Optional<Cached> find(Map<String, Object> settings, List<Message> messages) {
    Path file = file(settings, messages);
    if (!Files.exists(file)) {
      return Optional.empty();
    }
    try {
      JsonNode node = JsonMapper.shared().readTree(Files.readString(file));
      if (!node.path("text").isString()) {
        return Optional.empty();
      }
      return Optional.of(
          new Cached(
              new Completion(
                  node.get("text").stringValue(),
                  whole(node, "input_tokens"),
                  whole(node, "output_tokens"),
                  node.path("model").asString(""),
                  node.path("cut").asBoolean(false)),
              node.path("latency_ms").asDouble(0)));
    } catch (IOException | JacksonException _) {
      return Optional.empty();
    }
  }

  private static OptionalLong whole(JsonNode node, String name) {
    return node.has(name) ? OptionalLong.of(node.get(name).asLong()) : OptionalLong.empty();
  }

  /** Keeps an answer. */
  void keep(Map<String, Object> settings, List<Message> messages, Cached answer) {
    var value = new LinkedHashMap<String, Object>();
    Completion completion = answer.completion();
    value.put("text", completion.text());
    completion.inputTokens().ifPresent(it -> value.put("input_tokens", it));
    completion.outputTokens().ifPresent(it -> value.put("output_tokens", it));
    value.put("model", completion.model());
    value.put("cut", completion.cut());
    value.put("latency_ms", answer.latencyMs());
    Path file = file(settings, messages);
    try {
      Files.createDirectories(file.getParent());
      AtomicFiles.writeText(file, JsonMapper.shared().writeValueAsString(value) + "\n");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private Path file(Map<String, Object> settings, List<Message> messages) {
    var request = new LinkedHashMap<>(settings);
    request.put(
        "messages",
        messages.stream().map(it -> List.of(it.role().dataName(), it.content())).toList());
    String hash = Examples.sha256(JsonMapper.shared().writeValueAsString(request));
    return folder.resolve(hash.substring(0, 2)).resolve(hash + ".json");
  }
}
