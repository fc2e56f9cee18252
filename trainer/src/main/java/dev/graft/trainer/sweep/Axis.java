package dev.graft.trainer.sweep;

import dev.graft.trainer.config.ConfigException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * A key and the values that it takes in turn.
 *
 * @param key e.g. {@code lora.rank}
 * @param values as they would be written behind {@code --set KEY=}, at least one, each once
 */
public record Axis(String key, List<String> values) {

  public Axis {
    values = List.copyOf(values);
  }

  /**
   * Reads {@code lora.rank=8,16}. Commas within brackets, braces and quotes belong to a value:
   * {@code lora.targets=[q_proj,v_proj],all-linear} are two.
   *
   * @throws ConfigException that names the option
   */
  public static Axis parse(String option) {
    String place = "--set " + option;
    int equals = option.indexOf('=');
    if (equals < 1) {
      throw new ConfigException(place + ": write --set key=value,value, e.g. --set lora.rank=8,16");
    }
    String key = option.substring(0, equals).strip();
    List<String> values = split(option.substring(equals + 1), place);
    Set<String> seen = new HashSet<>();
    for (String value : values) {
      if (value.isEmpty() && values.size() > 1) {
        throw new ConfigException(
            place + ": a value between the commas is empty; null unsets a key");
      }
      if (!seen.add(value)) {
        throw new ConfigException("%s: lists %s twice".formatted(place, value));
      }
    }
    return new Axis(key, values);
  }

  private static List<String> split(String text, String place) {
    List<String> values = new ArrayList<>();
    int depth = 0;
    char quote = 0;
    int from = 0;
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (quote != 0) {
        quote = c == quote ? 0 : quote;
      } else if (c == '"' || c == '\'') {
        quote = c;
      } else if (c == '[' || c == '{') {
        depth++;
      } else if (c == ']' || c == '}') {
        depth--;
      } else if (c == ',' && depth == 0) {
        values.add(text.substring(from, i).strip());
        from = i + 1;
      }
      if (depth < 0) {
        throw new ConfigException("%s: '%s' closes nothing".formatted(place, c));
      }
    }
    if (depth > 0 || quote != 0) {
      throw new ConfigException(place + ": a bracket or quote is not closed");
    }
    values.add(text.substring(from).strip());
    return values;
  }

  /** Whether there is a choice at all. */
  boolean varies() {
    return values.size() > 1;
  }
}
