package dev.graft.tokenizer.template;

import dev.graft.tokenizer.template.Value.Bool;
import dev.graft.tokenizer.template.Value.Int;
import dev.graft.tokenizer.template.Value.None;
import dev.graft.tokenizer.template.Value.PyDict;
import dev.graft.tokenizer.template.Value.PyList;
import dev.graft.tokenizer.template.Value.Real;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Turns a TemplateInput into Python's values, marking what each message says. */
final class Conversion {
  private static final int MAX_DEPTH = 500;

  /** Fields that name the speaker: they are printed in headers and are not what is said. */
  private static final Set<String> HEADER_FIELDS = Set.of("role", "name");

  private Conversion() {}

  /** The context of a rendering: the globals under the input's variables. */
  static Map<String, Value> context(TemplateInput input, boolean tracked) {
    Map<String, Value> context = new HashMap<>(Globals.functions(input.strftimeNow()));
    for (Map.Entry<String, @Nullable Object> variable : input.variables().entrySet()) {
      Object value = variable.getValue();
      context.put(
          variable.getKey(),
          tracked && variable.getKey().equals("messages") && value instanceof List<?> messages
              ? messages(messages)
              : convert(value, 0, 0));
    }
    return context;
  }

  private static PyList messages(List<?> messages) {
    List<Value> values = new ArrayList<>(messages.size());
    for (int i = 0; i < messages.size(); i++) {
      Object message = messages.get(i);
      if (!(message instanceof Map<?, ?> fields)) {
        values.add(convert(message, 0, 0));
        continue;
      }
      LinkedHashMap<Value, Value> entries = new LinkedHashMap<>();
      for (Map.Entry<?, ?> field : fields.entrySet()) {
        boolean header = field.getKey() instanceof String name && HEADER_FIELDS.contains(name);
        entries.put(
            convert(field.getKey(), 0, 0), convert(field.getValue(), header ? 0 : Str.data(i), 0));
      }
      values.add(new PyDict(entries, i));
    }
    return new PyList(values);
  }

  private static Value convert(@Nullable Object value, long tag, int depth) {
    if (depth > MAX_DEPTH) {
      throw TemplateException.of("the input is nested deeper than " + MAX_DEPTH);
    }
    return switch (value) {
      case null -> None.NONE;
      case String text -> Str.tagged(text, tag);
      case Boolean bool -> Bool.of(bool);
      case BigInteger integer -> new Int(integer);
      case BigDecimal decimal -> new Real(decimal.doubleValue());
      case Float real -> new Real(Double.parseDouble(real.toString()));
      case Double real -> new Real(real);
      case Number number -> Int.of(number.longValue());
      case Map<?, ?> map -> {
        LinkedHashMap<Value, Value> entries = new LinkedHashMap<>();
        for (Map.Entry<?, ?> entry : map.entrySet()) {
          entries.put(
              convert(entry.getKey(), tag, depth + 1), convert(entry.getValue(), tag, depth + 1));
        }
        yield new PyDict(entries);
      }
      case Iterable<?> items -> {
        List<Value> values = new ArrayList<>();
        for (Object item : items) {
          values.add(convert(item, tag, depth + 1));
        }
        yield new PyList(values);
      }
      case CharSequence text -> Str.tagged(text.toString(), tag);
      default ->
          throw TemplateException.of(
              "the input holds a "
                  + value.getClass().getName()
                  + "; use maps, lists, strings, numbers, booleans and null");
    };
  }
}
