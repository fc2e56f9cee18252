package dev.graft.tokenizer.template;

import static dev.graft.tokenizer.template.Attributes.required;

import dev.graft.tokenizer.template.Filters.Filter;
import dev.graft.tokenizer.template.Value.Int;
import dev.graft.tokenizer.template.Value.None;
import dev.graft.tokenizer.template.Value.PyDict;
import dev.graft.tokenizer.template.Value.PyTuple;
import dev.graft.tokenizer.template.Value.Undefined;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Filters that make text. */
final class TextFilters {
  private static final String URL_SAFE = "_.-~";

  private TextFilters() {}

  static void register(Map<String, Filter> filters) {
    for (String method : List.of("upper", "lower", "capitalize")) {
      filters.put(method, (value, arguments) -> StrMethods.call(soft(value), method, arguments));
    }
    filters.put("title", TextFilters::title);
    filters.put("trim", TextFilters::trim);
    filters.put("replace", TextFilters::replace);
    filters.put("string", (value, arguments) -> soft(value, arguments, "string"));
    filters.put("tojson", Json::dump);
    filters.put("indent", TextFilters::indent);
    filters.put("join", TextFilters::join);
    filters.put("format", TextFilters::format);
    filters.put("center", TextFilters::center);
    filters.put("truncate", TextFilters::truncate);
    filters.put("wordcount", TextFilters::wordCount);
    filters.put("urlencode", TextFilters::urlEncode);
    filters.put("escape", TextFilters::escape);
    filters.put("e", TextFilters::escape);
    filters.put(
        "forceescape",
        (value, arguments) -> {
          arguments.none("forceescape");
          return Html.escape(Printer.str(value));
        });
    filters.put(
        "safe",
        (value, arguments) -> {
          arguments.none("safe");
          return Printer.str(value).asMarkup();
        });
  }

  /** markupsafe's {@code soft_str}: text stays what it is, anything else is printed. */
  static Str soft(Value value) {
    return value instanceof Str str ? str : Printer.str(value);
  }

  private static Str soft(Value value, Arguments arguments, String name) {
    arguments.none(name);
    return soft(value);
  }

  private static Value escape(Value value, Arguments arguments) {
    arguments.none("escape");
    return Html.escape(value);
  }

  private static Value trim(Value value, Arguments arguments) {
    @Nullable Value chars = arguments.bind("trim", 0, "chars")[0];
    Str text = soft(value);
    Str stripped = StrMethods.strip(text.asPlain(), chars, true, true);
    return text.markup() ? stripped.asMarkup() : stripped;
  }

  /** Jinja's own idea of a word: it starts after blanks, dashes and opening brackets. */
  private static Value title(Value value, Arguments arguments) {
    arguments.none("title");
    Str text = soft(value);
    StringBuilder out = new StringBuilder();
    int at = 0;
    String source = text.text();
    while (at < source.length()) {
      boolean separator = startsWord(source.codePointAt(at));
      int end = at;
      while (end < source.length() && startsWord(source.codePointAt(end)) == separator) {
        end += Character.charCount(source.codePointAt(end));
      }
      int head = at + Character.charCount(source.codePointAt(at));
      out.append(source.substring(at, head).toUpperCase(Locale.ROOT))
          .append(source.substring(head, end).toLowerCase(Locale.ROOT));
      at = end;
    }
    return text.withText(out.toString()).asPlain();
  }

  private static boolean startsWord(int c) {
    return Characters.isSpace(c) || "-({[<".indexOf(c) >= 0;
  }

  private static Value replace(Value value, Arguments arguments) {
    @Nullable Value[] given = arguments.bind("replace", 2, "old", "new", "count");
    int count = given[2] == null || given[2] == None.NONE ? -1 : Numbers.toInt(given[2], "count");
    return StrMethods.replace(
        Printer.str(value),
        Printer.str(required(given[0])),
        Printer.str(required(given[1])),
        count);
  }

  private static Value indent(Value value, Arguments arguments) {
    @Nullable Value[] given = arguments.bind("indent", 0, "width", "first", "blank");
    boolean first = given[1] != null && Ops.truthy(given[1]);
    boolean blank = given[2] != null && Ops.truthy(given[2]);
    if (!(value instanceof Str text)) {
      throw value instanceof Undefined undefined
          ? undefined.error()
          : PyError.type(
              "unsupported operand type(s) for +=: '" + value.typeName() + "' and 'str'");
    }
    Str indention;
    if (given[0] instanceof Str str) {
      indention = str;
    } else {
      int width = given[0] == null ? 4 : Numbers.toInt(given[0], "width");
      indention = (Str) Ops.binary(Expr.BinaryOp.MUL, new Str(" "), Int.of(width));
    }
    List<Value> lines = Splitting.splitLines(text.asPlain().plus(new Str("\n")), false);
    StrBuilder out = new StrBuilder(text.text().length());
    if (first) {
      out.append(indention);
    }
    for (int i = 0; i < lines.size(); i++) {
      Str line = (Str) lines.get(i);
      if (i > 0) {
        out.append("\n");
        if (blank || !line.text().isEmpty()) {
          out.append(indention);
        }
      }
      out.append(line);
    }
    return text.markup() ? out.toStr().asMarkup() : out.toStr();
  }

  private static Value join(Value value, Arguments arguments) {
    @Nullable Value[] given = arguments.bind("join", 0, "d", "attribute");
    Str separator = given[0] == null ? Str.EMPTY : Printer.str(given[0]);
    Iterator<Value> items = Ops.iterate(value);
    if (given[1] == null || given[1] == None.NONE) {
      return StrMethods.join(separator, items, true);
    }
    AttributePath path = AttributePath.of(given[1]);
    List<Value> picked = new ArrayList<>();
    items.forEachRemaining(item -> picked.add(path.get(item)));
    return StrMethods.join(separator, picked.iterator(), true);
  }

  private static Value format(Value value, Arguments arguments) {
    if (!arguments.positional().isEmpty() && !arguments.named().isEmpty()) {
      throw PyError.type("can't handle positional and keyword arguments at the same time");
    }
    if (arguments.named().isEmpty()) {
      return Percent.format(soft(value), new PyTuple(arguments.positional()));
    }
    java.util.LinkedHashMap<Value, Value> named = new java.util.LinkedHashMap<>();
    arguments.named().forEach((name, item) -> named.put(new Str(name), item));
    return Percent.format(soft(value), new PyDict(named));
  }

  private static Value center(Value value, Arguments arguments) {
    @Nullable Value width = arguments.bind("center", 0, "width")[0];
    Value columns = width == null ? Int.of(80) : width;
    return StrMethods.pad(soft(value), "center", new Arguments(List.of(columns), Map.of()));
  }

  private static Value truncate(Value value, Arguments arguments) {
    @Nullable Value[] given = arguments.bind("truncate", 0, "length", "killwords", "end", "leeway");
    int length = given[0] == null ? 255 : Numbers.toInt(given[0], "length");
    Str end = given[2] == null ? new Str("...") : StrMethods.text(given[2], "end");
    int leeway = given[3] == null || given[3] == None.NONE ? 5 : Numbers.toInt(given[3], "leeway");
    if (length < end.length() || leeway < 0) {
      throw new PyError(
          PyError.Kind.ASSERTION, "truncate needs length >= len(end) and leeway >= 0");
    }
    if (Ops.length(value) <= length + leeway) {
      return value;
    }
    if (!(value instanceof Str text) || text.markup()) {
      throw PyError.unsupported("truncate of a " + value.typeName());
    }
    Str head = text.slice(0, text.offset(length - end.length()));
    if (given[1] == null || !Ops.truthy(given[1])) {
      head = (Str) Splitting.rsplit(head, new Str(" "), 1).getFirst();
    }
    return head.plus(end);
  }

  private static Value wordCount(Value value, Arguments arguments) {
    arguments.none("wordcount");
    int words = 0;
    boolean inside = false;
    for (int c : soft(value).text().codePoints().toArray()) {
      boolean word = Characters.isWord(c);
      words += word && !inside ? 1 : 0;
      inside = word;
    }
    return Int.of(words);
  }

  private static Value urlEncode(Value value, Arguments arguments) {
    arguments.none("urlencode");
    if (value instanceof Str || !Ops.isIterable(value)) {
      return quoted(value, "/");
    }
    StrBuilder out = new StrBuilder();
    Value pairs =
        value instanceof PyDict dict ? new Value.DictView(dict, Value.DictView.Kind.ITEMS) : value;
    for (Iterator<Value> items = Ops.iterate(pairs); items.hasNext(); ) {
      List<Value> pair = Ops.toList(items.next());
      if (pair.size() != 2) {
        throw PyError.value("expected pairs to encode");
      }
      out.append(out.length() == 0 ? "" : "&")
          .append(quoted(pair.get(0), ""))
          .append("=")
          .append(quoted(pair.get(1), ""));
    }
    return out.toStr();
  }

  private static Str quoted(Value value, String safe) {
    Str text = soft(value);
    StringBuilder out = new StringBuilder();
    for (byte b : text.text().getBytes(StandardCharsets.UTF_8)) {
      int c = b & 0xff;
      boolean plain =
          (c < 0x80 && Character.isLetterOrDigit(c))
              || URL_SAFE.indexOf(c) >= 0
              || safe.indexOf(c) >= 0;
      if (plain) {
        out.append((char) c);
      } else if (c == ' ' && safe.isEmpty()) {
        out.append('+');
      } else {
        out.append(String.format("%%%02X", c));
      }
    }
    return Str.tagged(out.toString(), text.anyTag());
  }
}
