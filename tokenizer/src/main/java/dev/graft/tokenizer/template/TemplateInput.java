package dev.graft.tokenizer.template;

import java.time.Clock;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * What a template is rendered with.
 *
 * <p>Values are plain Java: {@code Map}, {@code List}, {@code String}, {@code Boolean}, {@code
 * Number} and null, as JSON has them; {@link #plain} makes them from Jackson's tree. Integers stay
 * integers and decimals become floats.
 *
 * @param variables every variable the template finds, {@code messages} among them
 * @param strftimeNow what the template's {@code strftime_now(format)} answers; see {@link #now}
 */
public record TemplateInput(
    Map<String, @Nullable Object> variables, UnaryOperator<String> strftimeNow) {

  public TemplateInput {
    variables = Collections.unmodifiableMap(new LinkedHashMap<>(variables));
  }

  /**
   * Exactly these variables and no others. {@link #builder} adds those that transformers always
   * passes.
   */
  public static TemplateInput of(Map<String, @Nullable Object> variables) {
    return new TemplateInput(variables, now(Clock.system(ZoneId.systemDefault())));
  }

  /**
   * Python's {@code datetime.now().strftime} by a clock; a fixed one makes renderings repeatable.
   */
  public static UnaryOperator<String> now(Clock clock) {
    return format -> Strftime.format(format, clock);
  }

  /** Starts an input as {@code apply_chat_template} makes it. */
  public static Builder builder(List<? extends Map<String, ?>> messages) {
    return new Builder(messages);
  }

  /** Turns Jackson's tree into plain Java values. */
  public static @Nullable Object plain(JsonNode node) {
    if (node.isObject()) {
      Map<String, @Nullable Object> map = new LinkedHashMap<>();
      node.properties().forEach(entry -> map.put(entry.getKey(), plain(entry.getValue())));
      return map;
    }
    if (node.isArray()) {
      List<@Nullable Object> list = new ArrayList<>(node.size());
      node.forEach(item -> list.add(plain(item)));
      return list;
    }
    if (node.isString()) {
      return node.stringValue();
    }
    if (node.isBoolean()) {
      return node.booleanValue();
    }
    if (node.isIntegralNumber()) {
      return node.bigIntegerValue();
    }
    if (node.isNumber()) {
      return node.doubleValue();
    }
    return null;
  }

  TemplateInput with(String name, @Nullable Object value) {
    Map<String, @Nullable Object> changed = new LinkedHashMap<>(variables);
    changed.put(name, value);
    return new TemplateInput(changed, strftimeNow);
  }

  /**
   * Collects an input. As in transformers {@code tools} and {@code documents} are None unless
   * given, {@code add_generation_prompt} is false, and special tokens that the tokenizer lacks stay
   * undefined.
   */
  public static final class Builder {
    private final Map<String, @Nullable Object> variables = new LinkedHashMap<>();
    private UnaryOperator<String> strftimeNow = now(Clock.system(ZoneId.systemDefault()));

    private Builder(List<? extends Map<String, ?>> messages) {
      variables.put("messages", messages);
      variables.put("tools", null);
      variables.put("documents", null);
      variables.put("add_generation_prompt", false);
    }

    public Builder addGenerationPrompt(boolean add) {
      return variable("add_generation_prompt", add);
    }

    public Builder bosToken(@Nullable String token) {
      return token == null ? this : variable("bos_token", token);
    }

    public Builder eosToken(@Nullable String token) {
      return token == null ? this : variable("eos_token", token);
    }

    public Builder tools(@Nullable List<?> tools) {
      return variable("tools", tools);
    }

    public Builder documents(@Nullable List<?> documents) {
      return variable("documents", documents);
    }

    /** Anything else: {@code enable_thinking}, {@code date_string}, {@code pad_token}, … */
    public Builder variable(String name, @Nullable Object value) {
      variables.put(name, value);
      return this;
    }

    /** The clock behind {@code strftime_now}; the system's unless given. */
    public Builder clock(Clock clock) {
      strftimeNow = now(clock);
      return this;
    }

    public TemplateInput build() {
      return new TemplateInput(variables, strftimeNow);
    }
  }
}
