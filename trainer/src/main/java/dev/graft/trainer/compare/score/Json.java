package dev.graft.trainer.compare.score;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;

/** JSON of answers: parsed as strictly as a program behind the model would, and walked by paths. */
final class Json {

  private static final JsonMapper STRICT =
      JsonMapper.builder()
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .enable(DeserializationFeature.USE_BIG_DECIMAL_FOR_FLOATS)
          .enable(SerializationFeature.ORDER_MAP_ENTRIES_BY_KEYS)
          .build();

  private Json() {}

  /** The value that a text is, nothing before or behind it and no key twice; empty otherwise. */
  static Optional<JsonNode> strict(String text) {
    if (text.isBlank()) {
      return Optional.empty();
    }
    try {
      return Optional.of(STRICT.readTree(text));
    } catch (JacksonException _) {
      return Optional.empty();
    }
  }

  /** The value that a text is, or that its first fenced block is. */
  static Optional<JsonNode> lenient(String text) {
    return strict(text).or(() -> strict(Texts.unfenced(text)));
  }

  /**
   * The values at a path: keys parted by dots, {@code []} behind a key for each element of its
   * list; a list at the end of the path stands for its elements. null and what is not there are no
   * values.
   */
  static List<JsonNode> at(JsonNode root, String path) {
    List<JsonNode> nodes = List.of(root);
    for (String step : path.split("\\.", -1)) {
      boolean each = step.endsWith("[]");
      String key = each ? step.substring(0, step.length() - 2) : step;
      var next = new ArrayList<JsonNode>();
      for (JsonNode node : nodes) {
        JsonNode value = node.path(key);
        if (each && value.isArray()) {
          value.forEach(next::add);
        } else if (!value.isMissingNode()) {
          next.add(value);
        }
      }
      nodes = next;
    }
    var values = new ArrayList<JsonNode>();
    for (JsonNode node : nodes) {
      if (node.isArray()) {
        node.forEach(values::add);
      } else {
        values.add(node);
      }
    }
    values.removeIf(JsonNode::isNull);
    return values;
  }

  /** What a person would write: text without quotes, everything else as JSON. */
  static String text(JsonNode node) {
    return node.isString() ? node.stringValue() : canonical(node);
  }

  private static String canonical(JsonNode node) {
    // Through plain values, since only maps are sorted by key.
    return STRICT.writeValueAsString(STRICT.treeToValue(node, Object.class));
  }
}
