package dev.graft.tokenizer;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Tool calls and tool definitions: OpenAI's shape is the one that chat templates take, and the one
 * kept.
 */
final class ToolCalls {
  private ToolCalls() {}

  /** OpenAI's {@code tool_calls}, as they are, if they are sound. */
  static List<?> checked(@Nullable Object value, Function<String, DataException> wrong) {
    if (!(value instanceof List<?> calls)) {
      throw wrong.apply(": \"tool_calls\" must be a list, not " + MessageParser.kind(value) + ".");
    }
    for (Object call : calls) {
      Object function = call instanceof Map<?, ?> fields ? fields.get("function") : null;
      if (!(function instanceof Map<?, ?> named) || !(named.get("name") instanceof String)) {
        throw wrong.apply(
            ": a tool call must look like {\"type\":\"function\",\"function\":{\"name\":\"…\","
                + "\"arguments\":\"{…}\"}}.");
      }
      Object arguments = named.get("arguments");
      boolean isObject = arguments instanceof Map<?, ?>;
      if (arguments instanceof String text) {
        isObject = parsed(text) instanceof Map<?, ?>;
      }
      if (arguments != null && !isObject) {
        throw wrong.apply(
            ": the arguments of the tool call \""
                + named.get("name")
                + "\" are no JSON object; a model that learns from them learns to write broken"
                + " calls. Fix them.");
      }
    }
    return calls;
  }

  /** Anthropic's {@code tool_use} block as OpenAI would write it. */
  static Map<String, @Nullable Object> ofAnthropic(
      Map<String, @Nullable Object> block, Function<String, DataException> wrong) {
    if (!(block.get("name") instanceof String name)
        || !(block.get("input") instanceof Map<?, ?> input)) {
      throw wrong.apply(": a tool_use block needs a \"name\" and an \"input\" that is an object.");
    }
    Map<String, @Nullable Object> function = new LinkedHashMap<>();
    function.put("name", name);
    function.put("arguments", input);
    Map<String, @Nullable Object> call = new LinkedHashMap<>();
    call.put("id", block.get("id"));
    call.put("type", "function");
    call.put("function", function);
    return call;
  }

  /** A tool as OpenAI defines it, also where Anthropic's definition is given. */
  static Map<String, @Nullable Object> tool(Map<String, @Nullable Object> tool) {
    if (!tool.containsKey("input_schema")) {
      return tool;
    }
    Map<String, @Nullable Object> function = new LinkedHashMap<>();
    function.put("name", tool.get("name"));
    if (tool.get("description") != null) {
      function.put("description", tool.get("description"));
    }
    function.put("parameters", tool.get("input_schema"));
    Map<String, @Nullable Object> rewritten = new LinkedHashMap<>();
    rewritten.put("type", "function");
    rewritten.put("function", function);
    return rewritten;
  }

  /**
   * Calls for a chat template. OpenAI writes arguments as a string of JSON; templates print them
   * through {@code tojson} and want the object, which is what servers hand them too.
   */
  static @Nullable Object forTemplate(@Nullable Object calls) {
    if (!(calls instanceof List<?> list)) {
      return calls;
    }
    List<@Nullable Object> rewritten = new ArrayList<>();
    for (Object call : list) {
      if (call instanceof Map<?, ?> fields
          && fields.get("function") instanceof Map<?, ?> function
          && function.get("arguments") instanceof String text
          && parsed(text) instanceof Map<?, ?> arguments) {
        Map<String, @Nullable Object> newFunction = MessageParser.object(function);
        newFunction.put("arguments", arguments);
        Map<String, @Nullable Object> newCall = MessageParser.object(fields);
        newCall.put("function", newFunction);
        rewritten.add(newCall);
      } else {
        rewritten.add(call);
      }
    }
    return rewritten;
  }

  private static @Nullable Object parsed(String json) {
    try {
      return PlainValues.parse(json, Origin.MEMORY, "arguments");
    } catch (DataException _) {
      return null;
    }
  }
}
