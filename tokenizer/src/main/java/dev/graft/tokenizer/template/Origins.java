package dev.graft.tokenizer.template;

import dev.graft.tokenizer.template.Value.PyDict;
import dev.graft.tokenizer.template.Value.PyList;
import java.util.Collection;

/**
 * Which message a dict that the template builds was made from. Some templates copy messages into
 * dicts of their own before they print them.
 */
final class Origins {
  private static final int NONE = -1;
  private static final int SEVERAL = -2;
  private static final int MAX_DEPTH = 4;

  private Origins() {}

  /** The one message all values come from; -1 if none or several. */
  static int of(Collection<Value> values) {
    return Math.max(NONE, of(values, 0));
  }

  private static int of(Collection<Value> values, int depth) {
    int origin = NONE;
    for (Value value : values) {
      int own =
          switch (value) {
            case Str str -> of(str);
            case PyDict dict ->
                dict.message() >= 0
                    ? dict.message()
                    : depth < MAX_DEPTH ? of(dict.entries().values(), depth + 1) : NONE;
            case PyList list -> depth < MAX_DEPTH ? of(list.items(), depth + 1) : NONE;
            default -> NONE;
          };
      if (own == SEVERAL || (own >= 0 && origin >= 0 && own != origin)) {
        return SEVERAL;
      }
      origin = Math.max(origin, own);
    }
    return origin;
  }

  private static int of(Str str) {
    int origin = NONE;
    for (int i = 0; i < str.stretches(); i++) {
      long tag = str.stretchTag(i);
      if (Str.isData(tag)) {
        int own = Str.message(tag);
        if (origin >= 0 && own != origin) {
          return SEVERAL;
        }
        origin = own;
      }
    }
    return origin;
  }
}
