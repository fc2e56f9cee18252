package dev.graft.modelio.peft;

import dev.graft.modelio.ModelIoException;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/**
 * Looks module paths up in PEFT's {@code rank_pattern} and {@code alpha_pattern}, whose keys are
 * regular expressions for the end of a path. The expressions come from a file, so that the work
 * spent on one is bounded.
 */
final class ModulePatterns {
  private static final int MAX_STEPS = 100_000;

  private ModulePatterns() {}

  /** The value of the first key that matches the path, or {@code otherwise}. */
  static <T> T find(Map<String, T> patterns, String path, T otherwise) {
    for (Map.Entry<String, T> entry : patterns.entrySet()) {
      if (matches(entry.getKey(), path)) {
        return entry.getValue();
      }
    }
    return otherwise;
  }

  /** PEFT's rule: {@code (.*\.)?(KEY)$}, matched from the beginning of the path. */
  static boolean matches(String key, String path) {
    return isWhole(key, "(.*\\.)?(" + key + ")", path);
  }

  /** PEFT's rule for a {@code target_modules} that is one text: it is the whole path. */
  static boolean isWhole(String expression, String path) {
    return isWhole(expression, expression, path);
  }

  private static boolean isWhole(String written, String expression, String path) {
    try {
      return Pattern.compile(expression).matcher(new Budgeted(path)).matches();
    } catch (PatternSyntaxException e) {
      throw new ModelIoException(
          "the pattern \"%s\" is not a regular expression: %s."
              .formatted(written, e.getDescription()),
          e);
    } catch (StackOverflowError e) {
      throw new ModelIoException("the pattern \"" + written + "\" is too deep.", e);
    }
  }

  /** Text that lets itself be looked at a bounded number of times: backtracking has an end. */
  private static final class Budgeted implements CharSequence {
    private final String text;
    private int steps;

    Budgeted(String text) {
      this.text = text;
    }

    @Override
    public int length() {
      return text.length();
    }

    @Override
    public char charAt(int index) {
      if (++steps > MAX_STEPS) {
        throw new ModelIoException("a pattern takes too long to match; write it more simply.");
      }
      return text.charAt(index);
    }

    @Override
    public CharSequence subSequence(int start, int end) {
      return text.subSequence(start, end);
    }

    @Override
    public String toString() {
      return text;
    }
  }
}
