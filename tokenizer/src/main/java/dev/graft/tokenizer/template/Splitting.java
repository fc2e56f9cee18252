package dev.graft.tokenizer.template;

import dev.graft.tokenizer.template.Value.PyTuple;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Python's {@code split}, {@code rsplit}, {@code splitlines} and {@code partition}. */
final class Splitting {
  private Splitting() {}

  static List<Value> split(Str self, @Nullable Str separator, int limit) {
    return separator == null ? splitSpace(self, limit) : splitAt(self, separator.text(), limit);
  }

  private static List<Value> splitAt(Str self, String separator, int limit) {
    if (separator.isEmpty()) {
      throw PyError.value("empty separator");
    }
    List<Value> parts = new ArrayList<>();
    int start = 0;
    for (int at; (limit < 0 || parts.size() < limit); start = at + separator.length()) {
      at = self.text().indexOf(separator, start);
      if (at < 0) {
        break;
      }
      parts.add(self.slice(start, at));
    }
    parts.add(self.slice(start, self.text().length()));
    return parts;
  }

  private static List<Value> splitSpace(Str self, int limit) {
    String text = self.text();
    List<Value> parts = new ArrayList<>();
    int at = skip(text, 0, true);
    while (at < text.length()) {
      if (limit >= 0 && parts.size() >= limit) {
        parts.add(StrMethods.strip(self.slice(at, text.length()), null, false, true));
        return parts;
      }
      int end = skip(text, at, false);
      parts.add(self.slice(at, end));
      at = skip(text, end, true);
    }
    return parts;
  }

  private static int skip(String text, int from, boolean space) {
    int at = from;
    while (at < text.length() && Characters.isSpace(text.charAt(at)) == space) {
      at++;
    }
    return at;
  }

  static List<Value> rsplit(Str self, @Nullable Str separator, int limit) {
    String text = self.text();
    List<Value> parts = new ArrayList<>();
    if (separator != null) {
      if (separator.text().isEmpty()) {
        throw PyError.value("empty separator");
      }
      int end = text.length();
      while (limit < 0 || parts.size() < limit) {
        int at = text.lastIndexOf(separator.text(), end - separator.text().length());
        if (at < 0 || end < separator.text().length()) {
          break;
        }
        parts.add(self.slice(at + separator.text().length(), end));
        end = at;
      }
      parts.add(self.slice(0, end));
    } else {
      int end = skipBack(text, text.length(), true);
      while (end > 0) {
        if (limit >= 0 && parts.size() >= limit) {
          parts.add(StrMethods.strip(self.slice(0, end), null, true, false));
          break;
        }
        int start = skipBack(text, end, false);
        parts.add(self.slice(start, end));
        end = skipBack(text, start, true);
      }
    }
    Collections.reverse(parts);
    return parts;
  }

  private static int skipBack(String text, int from, boolean space) {
    int at = from;
    while (at > 0 && Characters.isSpace(text.charAt(at - 1)) == space) {
      at--;
    }
    return at;
  }

  static List<Value> splitLines(Str self, boolean keepEnds) {
    String text = self.text();
    List<Value> lines = new ArrayList<>();
    int start = 0;
    while (start < text.length()) {
      int end = start;
      while (end < text.length() && !Characters.isLineBreak(text.charAt(end))) {
        end++;
      }
      int next = Math.min(end + 1, text.length());
      if (text.startsWith("\r\n", end)) {
        next++;
      }
      lines.add(self.slice(start, keepEnds ? next : end));
      start = next;
    }
    return lines;
  }

  static Value partition(Str self, Str separator, boolean last) {
    String text = self.text();
    String wanted = separator.text();
    if (wanted.isEmpty()) {
      throw PyError.value("empty separator");
    }
    int at = last ? text.lastIndexOf(wanted) : text.indexOf(wanted);
    if (at < 0) {
      return last ? PyTuple.of(Str.EMPTY, Str.EMPTY, self) : PyTuple.of(self, Str.EMPTY, Str.EMPTY);
    }
    return PyTuple.of(
        self.slice(0, at), separator, self.slice(at + wanted.length(), text.length()));
  }
}
