package dev.graft.trainer.compare.contestant;

import dev.graft.trainer.compare.config.ContestantConfig;
import dev.graft.trainer.config.UserException;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Answers made elsewhere, a JSON object a line. */
public final class RecordedAnswers implements Contestant {

  /** What each thing is called unless the configuration says otherwise. */
  private static final Map<String, String> NAMES =
      Map.of(
          "id", "id",
          "answer", "answer",
          "input-tokens", "input_tokens",
          "output-tokens", "output_tokens",
          "latency-ms", "latency_ms",
          "model", "model",
          "error", "error");

  private final Path file;
  private final Map<String, String> names;
  private final Map<String, Reply> replies = new LinkedHashMap<>();

  /**
   * Reads the answers.
   *
   * @throws UserException for lines that are no answers, and ids that occur twice
   */
  public RecordedAnswers(ContestantConfig.Recorded config) {
    this.file = config.file();
    this.names = new HashMap<>(NAMES);
    names.putAll(config.fields());
    var lines = new HashMap<String, Integer>();
    try (BufferedReader reader = Files.newBufferedReader(file, StandardCharsets.UTF_8)) {
      int number = 0;
      for (String line = reader.readLine(); line != null; line = reader.readLine()) {
        number++;
        if (line.isBlank()) {
          continue;
        }
        Reply reply = reply(line, number);
        Integer before = lines.putIfAbsent(reply.id(), number);
        if (before != null) {
          throw new UserException(
              "%s line %d: the id '%s' has an answer already, on line %d. Keep one of them."
                  .formatted(file, number, reply.id(), before));
        }
        replies.put(reply.id(), reply);
      }
    } catch (java.nio.charset.CharacterCodingException e) {
      throw new UserException(file + ": is not UTF-8 text", e);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    if (replies.isEmpty()) {
      throw new UserException(file + ": holds no answer");
    }
  }

  private Reply reply(String line, int number) {
    JsonNode row;
    try {
      row = JsonMapper.shared().readTree(line);
    } catch (JacksonException e) {
      throw new UserException("%s line %d: is not JSON".formatted(file, number), e);
    }
    Optional<JsonNode> id = at(row, "id");
    if (id.isEmpty()) {
      throw new UserException(
          "%s line %d: has no '%s'. If the id is called otherwise, say so in fields: {id: …}."
              .formatted(file, number, names.get("id")));
    }
    Optional<JsonNode> answer = at(row, "answer").filter(it -> !it.isNull());
    Optional<JsonNode> error = at(row, "error").filter(it -> !it.isNull());
    if (answer.isEmpty() && error.isEmpty()) {
      throw new UserException(
          "%s line %d: has no '%s'. If the answer is called otherwise, say so in fields: {answer:"
                  .formatted(file, number, names.get("answer"))
              + " …}; for an answer that failed give '%s'.".formatted(names.get("error")));
    }
    if (error.isPresent()) {
      return Reply.failed(text(id.get()), "recorded error: " + text(error.get()));
    }
    return new Reply(
        text(id.get()),
        Optional.of(text(answer.orElseThrow())),
        Optional.empty(),
        whole(row, "input-tokens"),
        whole(row, "output-tokens"),
        at(row, "latency-ms")
            .filter(JsonNode::isNumber)
            .map(it -> OptionalDouble.of(it.doubleValue()))
            .orElse(OptionalDouble.empty()),
        at(row, "model").map(RecordedAnswers::text),
        false);
  }

  /** A value by its own key, or else by a path with dots. */
  private Optional<JsonNode> at(JsonNode row, String name) {
    String key = names.getOrDefault(name, name);
    if (row.has(key)) {
      return Optional.of(row.get(key));
    }
    JsonNode node = row;
    for (String step : key.split("\\.")) {
      node =
          step.matches("\\d+") && node.isArray()
              ? node.path(Integer.parseInt(step))
              : node.path(step);
    }
    return node.isMissingNode() ? Optional.empty() : Optional.of(node);
  }

  private OptionalLong whole(JsonNode row, String name) {
    return at(row, name)
        .filter(JsonNode::isIntegralNumber)
        .map(it -> OptionalLong.of(it.longValue()))
        .orElse(OptionalLong.empty());
  }

  private static String text(JsonNode node) {
    return node.isString() ? node.stringValue() : node.toString();
  }

  @Override
  public void answer(List<Example> examples, Consumer<Reply> sink, BooleanSupplier stop) {
    List<String> known = examples.stream().map(Example::id).toList();
    if (known.stream().noneMatch(replies::containsKey)) {
      throw new UserException(
          "%s: belongs to other data: none of its ids (%s, …) is one of the examples' (%s, …)."
                  .formatted(file, replies.keySet().iterator().next(), known.getFirst())
              + " Rows without an id are named by their number, from 1.");
    }
    for (Example example : examples) {
      Reply reply = replies.get(example.id());
      sink.accept(
          reply != null ? reply : Reply.failed(example.id(), "no answer in " + file.getFileName()));
    }
  }

  /** Ids that have an answer but are none of the examples. */
  public List<String> strangers(List<Example> examples) {
    var known = examples.stream().map(Example::id).collect(Collectors.toSet());
    return replies.keySet().stream().filter(id -> !known.contains(id)).toList();
  }

  @Override
  public void close() {}
}
