package dev.graft.tokenizer.template;

import dev.graft.tokenizer.template.Value.Int;
import dev.graft.tokenizer.template.Value.None;
import dev.graft.tokenizer.template.Value.Undefined;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The {@code attribute=} of filters: {@code 'user.name'}, with numbers as list positions. */
record AttributePath(List<Value> parts, @Nullable Value fallback) {

  static AttributePath of(@Nullable Value attribute) {
    return of(attribute, null);
  }

  static AttributePath of(@Nullable Value attribute, @Nullable Value fallback) {
    Value instead = fallback == None.NONE ? null : fallback;
    if (attribute == null || attribute == None.NONE) {
      return new AttributePath(List.of(), instead);
    }
    if (!(attribute instanceof Str path)) {
      return new AttributePath(List.of(attribute), instead);
    }
    List<Value> parts = new ArrayList<>();
    for (Value part : Splitting.split(path, new Str("."), -1)) {
      String text = ((Str) part).text();
      boolean number = !text.isEmpty() && text.chars().allMatch(c -> c >= '0' && c <= '9');
      parts.add(number ? new Int(new BigInteger(text)) : part);
    }
    return new AttributePath(parts, instead);
  }

  Value get(Value item) {
    Value value = item;
    for (Value part : parts) {
      value = Subscripts.get(value, part);
      if (fallback != null && value instanceof Undefined) {
        value = fallback;
      }
    }
    return value;
  }
}
