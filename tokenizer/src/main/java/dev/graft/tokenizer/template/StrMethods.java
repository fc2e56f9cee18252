package dev.graft.tokenizer.template;

import static dev.graft.tokenizer.template.Attributes.required;

import dev.graft.tokenizer.template.Value.Bool;
import dev.graft.tokenizer.template.Value.Int;
import dev.graft.tokenizer.template.Value.None;
import dev.graft.tokenizer.template.Value.PyDict;
import dev.graft.tokenizer.template.Value.PyList;
import dev.graft.tokenizer.template.Value.PyTuple;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.BiPredicate;
import java.util.function.IntPredicate;
import org.jspecify.annotations.Nullable;

/** The methods of Python's {@code str}. */
final class StrMethods {
  /** Methods of markupsafe's Markup that neither escape their arguments nor return text. */
  private static final Set<String> SAME_ON_MARKUP =
      Set.of(
          "count",
          "endswith",
          "find",
          "index",
          "isalnum",
          "isalpha",
          "isascii",
          "isdecimal",
          "isdigit",
          "islower",
          "isnumeric",
          "isprintable",
          "isspace",
          "istitle",
          "isupper",
          "rfind",
          "rindex",
          "startswith");

  private StrMethods() {}

  static Value call(Str self, String name, Arguments arguments) {
    if (self.markup() && !SAME_ON_MARKUP.contains(name)) {
      return onMarkup(self, name, arguments);
    }
    return switch (name) {
      case "strip", "lstrip", "rstrip" -> {
        @Nullable Value chars = arguments.bind(name, 0, "/chars")[0];
        yield strip(self, chars, !name.equals("rstrip"), !name.equals("lstrip"));
      }
      case "split", "rsplit" -> {
        @Nullable Value[] given = arguments.bind(name, 0, "sep", "maxsplit");
        int limit = given[1] == null ? -1 : Numbers.toInt(given[1], name);
        yield new PyList(
            name.equals("split")
                ? Splitting.split(self, separator(given[0]), limit)
                : Splitting.rsplit(self, separator(given[0]), limit));
      }
      case "replace" -> {
        @Nullable Value[] given = arguments.bind(name, 2, "/old", "/new", "/count");
        yield replace(
            self,
            text(required(given[0]), "replace() argument 1"),
            text(required(given[1]), "replace() argument 2"),
            given[2] == null ? -1 : Numbers.toInt(given[2], name));
      }
      case "startswith" -> affix(self, name, arguments, String::startsWith);
      case "endswith" -> affix(self, name, arguments, String::endsWith);
      case "find", "rfind", "index", "rindex" -> find(self, name, arguments);
      case "count" -> count(self, arguments);
      case "join" ->
          join(self, Ops.iterate(required(arguments.bind(name, 1, "/iterable")[0])), false);
      case "format" -> BraceFormat.format(self, arguments);
      case "format_map" -> BraceFormat.format(self, formatMap(arguments));
      case "splitlines" -> {
        @Nullable Value keep = arguments.bind(name, 0, "keepends")[0];
        yield new PyList(Splitting.splitLines(self, keep != null && Ops.truthy(keep)));
      }
      case "partition", "rpartition" -> {
        Str separator = text(required(arguments.bind(name, 1, "/sep")[0]), name + "()");
        yield Splitting.partition(self, separator, name.equals("rpartition"));
      }
      case "removeprefix", "removesuffix" -> {
        String affix = text(required(arguments.bind(name, 1, "/affix")[0]), name + "()").text();
        int length = self.text().length();
        yield name.equals("removeprefix")
            ? self.text().startsWith(affix) ? self.slice(affix.length(), length) : self
            : self.text().endsWith(affix) ? self.slice(0, length - affix.length()) : self;
      }
      case "center", "ljust", "rjust", "zfill" -> pad(self, name, arguments);
      case "expandtabs" -> {
        @Nullable Value size = arguments.bind(name, 0, "tabsize")[0];
        yield expandTabs(self, size == null ? 8 : Numbers.toInt(size, name));
      }
      default -> {
        arguments.none(name);
        yield name.startsWith("is") ? Bool.of(is(self, name)) : Casing.apply(self, name);
      }
    };
  }

  private static Value onMarkup(Str self, String name, Arguments arguments) {
    boolean plain =
        arguments.count() == 0
            && Set.of("strip", "lstrip", "rstrip", "upper", "lower", "title", "capitalize")
                .contains(name);
    if (!plain) {
      throw PyError.unsupported("'" + name + "' on an escaped string (Markup)");
    }
    return ((Str) call(self.asPlain(), name, arguments)).asMarkup();
  }

  static Str text(Value value, String what) {
    if (value instanceof Str str) {
      return str;
    }
    throw PyError.type(what + " must be str, not " + value.typeName());
  }

  private static @Nullable Str separator(@Nullable Value value) {
    return value == null || value instanceof None ? null : text(value, "separator");
  }

  /** {@code strip} and its halves; {@code chars} absent or None means white space. */
  static Str strip(Str self, @Nullable Value chars, boolean left, boolean right) {
    IntPredicate strips = Characters::isSpace;
    if (chars != null && !(chars instanceof None)) {
      String set = text(chars, "strip arg").text();
      strips = c -> set.indexOf(c) >= 0;
    }
    String text = self.text();
    int start = 0;
    int end = text.length();
    while (left && start < end && strips.test(text.codePointAt(start))) {
      start += Character.charCount(text.codePointAt(start));
    }
    while (right && end > start && strips.test(text.codePointBefore(end))) {
      end -= Character.charCount(text.codePointBefore(end));
    }
    return self.slice(start, end);
  }

  static Str replace(Str self, Str old, Str replacement, int limit) {
    String text = self.text();
    if (old.text().isEmpty()) {
      return interleave(self, replacement, limit);
    }
    int at = limit == 0 ? -1 : text.indexOf(old.text());
    if (at < 0) {
      return self;
    }
    StrBuilder out = new StrBuilder(text.length());
    int start = 0;
    for (int done = 0; at >= 0 && (limit < 0 || done < limit); done++) {
      out.append(self.slice(start, at)).append(replacement);
      start = at + old.text().length();
      at = text.indexOf(old.text(), start);
    }
    return out.append(self.slice(start, text.length())).toStr();
  }

  private static Str interleave(Str self, Str replacement, int limit) {
    StrBuilder out = new StrBuilder();
    int done = 0;
    String text = self.text();
    int at = 0;
    while (at <= text.length()) {
      if (limit < 0 || done++ < limit) {
        out.append(replacement);
      }
      if (at == text.length()) {
        break;
      }
      int next = at + Character.charCount(text.codePointAt(at));
      out.append(self.slice(at, next));
      at = next;
    }
    return out.toStr();
  }

  private static Value affix(
      Str self, String name, Arguments arguments, BiPredicate<String, String> test) {
    @Nullable Value[] given = arguments.bind(name, 1, "/affix", "/start", "/end");
    Value wanted = required(given[0]);
    Subscripts.Bounds bounds = Subscripts.Bounds.of(given[1], given[2], null, self.length());
    boolean whole = given[1] == null && given[2] == null;
    if (!whole && startsBeyond(given[1], self)) {
      return Bool.FALSE;
    }
    String text =
        whole
            ? self.text()
            : self.slice(self.offset(bounds.start()), self.offset(Math.max(0, bounds.stop())))
                .text();
    List<Value> affixes =
        wanted instanceof PyTuple tuple ? tuple.items() : List.of(text(wanted, name + " arg"));
    for (Value affix : affixes) {
      if (test.test(text, text(affix, name + " arg").text())) {
        return Bool.TRUE;
      }
    }
    return Bool.FALSE;
  }

  /** {@code 'ab'.find('', 3)} is -1, not 2: a start beyond the end finds nothing, not even ''. */
  private static boolean startsBeyond(@Nullable Value start, Str self) {
    return start instanceof Value.Num number
        && number.asInteger().compareTo(java.math.BigInteger.valueOf(self.length())) > 0;
  }

  private static Value find(Str self, String name, Arguments arguments) {
    @Nullable Value[] given = arguments.bind(name, 1, "/sub", "/start", "/end");
    String wanted = text(required(given[0]), name + "()").text();
    Subscripts.Bounds bounds = Subscripts.Bounds.of(given[1], given[2], null, self.length());
    int found = -1;
    if (bounds.start() <= bounds.stop() && !startsBeyond(given[1], self)) {
      int from = self.offset(bounds.start());
      String window = self.text().substring(from, self.offset(bounds.stop()));
      int at = name.startsWith("r") ? window.lastIndexOf(wanted) : window.indexOf(wanted);
      found = at < 0 ? -1 : self.index(from + at);
    }
    if (found < 0 && name.endsWith("index")) {
      throw PyError.value("substring not found");
    }
    return Int.of(found);
  }

  private static Value count(Str self, Arguments arguments) {
    @Nullable Value[] given = arguments.bind("count", 1, "/sub", "/start", "/end");
    String wanted = text(required(given[0]), "count()").text();
    Subscripts.Bounds bounds = Subscripts.Bounds.of(given[1], given[2], null, self.length());
    if (bounds.start() > bounds.stop() || startsBeyond(given[1], self)) {
      return Int.of(0);
    }
    if (wanted.isEmpty()) {
      return Int.of(bounds.stop() - bounds.start() + 1);
    }
    String window = self.text().substring(self.offset(bounds.start()), self.offset(bounds.stop()));
    int count = 0;
    for (int at = window.indexOf(wanted); at >= 0; count++) {
      at = window.indexOf(wanted, at + wanted.length());
    }
    return Int.of(count);
  }

  /** {@code separator.join(items)}; the filter turns every item into text first. */
  static Str join(Str separator, Iterator<Value> items, boolean convert) {
    StrBuilder out = new StrBuilder();
    for (int i = 0; items.hasNext(); i++) {
      if (i > 0) {
        out.append(separator);
      }
      Value item = items.next();
      if (item instanceof Str str) {
        out.append(str);
      } else if (convert) {
        out.append(Printer.str(item));
      } else {
        throw PyError.type(
            "sequence item " + i + ": expected str instance, " + item.typeName() + " found");
      }
    }
    return out.toStr();
  }

  private static Arguments formatMap(Arguments arguments) {
    Value mapping = arguments.first("format_map");
    if (arguments.count() != 1 || !(mapping instanceof PyDict dict)) {
      throw PyError.type("format_map() takes exactly one mapping");
    }
    Map<String, Value> named = new LinkedHashMap<>();
    for (Map.Entry<Value, Value> entry : dict.entries().entrySet()) {
      if (entry.getKey() instanceof Str key) {
        named.put(key.text(), entry.getValue());
      }
    }
    return new Arguments(List.of(), named);
  }

  static Str pad(Str self, String name, Arguments arguments) {
    @Nullable Value[] given = arguments.bind(name, 1, "/width", "/fillchar");
    int missing = Numbers.toInt(required(given[0]), name) - self.length();
    String fill = given[1] == null ? " " : text(given[1], name + "()").text();
    if (fill.codePointCount(0, fill.length()) != 1) {
      throw PyError.type("The fill character must be exactly one character long");
    }
    if (missing <= 0) {
      return self;
    }
    if (missing > StrBuilder.MAX_LENGTH) {
      throw PyError.limit("a string is padded to " + missing + " characters");
    }
    if (name.equals("zfill")) {
      boolean sign = self.text().startsWith("-") || self.text().startsWith("+");
      int head = sign ? 1 : 0;
      return new StrBuilder()
          .append(self.slice(0, head))
          .append("0".repeat(missing))
          .append(self.slice(head, self.text().length()))
          .toStr();
    }
    // CPython gives center's odd blank to the left when the width is odd.
    int left =
        switch (name) {
          case "ljust" -> 0;
          case "rjust" -> missing;
          default -> missing / 2 + (missing & (missing + self.length()) & 1);
        };
    return new StrBuilder()
        .append(fill.repeat(left))
        .append(self)
        .append(fill.repeat(missing - left))
        .toStr();
  }

  private static Value expandTabs(Str self, int size) {
    StrBuilder out = new StrBuilder();
    int column = 0;
    String text = self.text();
    for (int at = 0; at < text.length(); ) {
      int next = at + Character.charCount(text.codePointAt(at));
      char c = text.charAt(at);
      if (c == '\t') {
        int blanks = size > 0 ? size - column % size : 0;
        out.append(" ".repeat(blanks));
        column += blanks;
      } else {
        out.append(self.slice(at, next));
        column = c == '\n' || c == '\r' ? 0 : column + 1;
      }
      at = next;
    }
    return out.toStr();
  }

  private static boolean is(Str self, String name) {
    String text = self.text();
    return switch (name) {
      case "isascii" -> text.chars().allMatch(c -> c < 0x80);
      case "isprintable" -> text.codePoints().allMatch(Characters::isPrintable);
      case "islower" -> Casing.isLower(text);
      case "isupper" -> Casing.isUpper(text);
      case "istitle" -> Casing.isTitle(text);
      case "isspace" -> all(text, Characters::isSpace);
      case "isalpha" -> all(text, Characters::isAlpha);
      case "isalnum" -> all(text, Characters::isAlnum);
      case "isdecimal" -> all(text, Characters::isDecimal);
      case "isdigit" -> all(text, Characters::isDigit);
      case "isnumeric" -> all(text, Characters::isNumeric);
      default -> throw new IllegalStateException(name.toLowerCase(Locale.ROOT));
    };
  }

  private static boolean all(String text, IntPredicate test) {
    return !text.isEmpty() && text.codePoints().allMatch(test);
  }
}
