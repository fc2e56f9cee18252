package dev.graft.tokenizer.template;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What a call passes: positional and keyword arguments, already evaluated. */
record Arguments(List<Value> positional, Map<String, Value> named) {
  static final Arguments NONE = new Arguments(List.of(), Map.of());

  int count() {
    return positional.size() + named.size();
  }

  /**
   * Lays the arguments out in the order of a signature, as Python would.
   *
   * @param function named in the errors
   * @param required how many of the parameters have no default
   * @param parameters their names; one that starts with {@code /} is positional only
   * @return one entry a parameter, null where none was given
   */
  @Nullable Value[] bind(String function, int required, String... parameters) {
    if (positional.size() > parameters.length) {
      throw PyError.type(
          function
              + "() takes at most "
              + parameters.length
              + " arguments ("
              + positional.size()
              + " given)");
    }
    @Nullable Value[] bound = new @Nullable Value[parameters.length];
    for (int i = 0; i < positional.size(); i++) {
      bound[i] = positional.get(i);
    }
    for (Map.Entry<String, Value> entry : named.entrySet()) {
      int at = List.of(parameters).indexOf(entry.getKey());
      if (at < 0) {
        throw PyError.type(
            function + "() got an unexpected keyword argument '" + entry.getKey() + "'");
      }
      if (bound[at] != null) {
        throw PyError.type(
            function + "() got multiple values for argument '" + entry.getKey() + "'");
      }
      bound[at] = entry.getValue();
    }
    for (int i = 0; i < required; i++) {
      if (bound[i] == null) {
        throw PyError.type(
            function + "() missing a required argument: '" + parameters[i].replace("/", "") + "'");
      }
    }
    return bound;
  }

  Value first(String function) {
    if (positional.isEmpty()) {
      throw PyError.type(function + "() missing a required argument");
    }
    return positional.getFirst();
  }

  void none(String function) {
    if (count() > 0) {
      throw PyError.type(function + "() takes no arguments (" + count() + " given)");
    }
  }
}
