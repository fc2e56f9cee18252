package dev.graft.tokenizer.check;

import java.util.TreeSet;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.json.JsonFactory;

/** Whether a text is JSON, and which keys it has. */
final class JsonShape {
  private static final JsonFactory JSON = new JsonFactory();

  private JsonShape() {}

  /** The sorted top-level keys of a JSON object, {@code []} for a list, null for anything else. */
  static @Nullable String of(String text) {
    boolean object = text.startsWith("{");
    if (!object && !text.startsWith("[")) {
      return null;
    }
    TreeSet<String> keys = new TreeSet<>();
    try (JsonParser json = JSON.createParser(ObjectReadContext.empty(), text)) {
      json.nextToken();
      if (object) {
        for (String key = json.nextName(); key != null; key = json.nextName()) {
          keys.add(key);
          json.nextToken();
          json.skipChildren();
        }
      } else {
        json.skipChildren();
      }
      JsonToken behind = json.nextToken();
      return behind != null ? null : object ? keys.toString() : "[]";
    } catch (JacksonException _) {
      return null;
    }
  }
}
