package dev.graft.tokenizer.template;

import java.util.Locale;

/** Upper, lower, title and swapped case as Python has them. */
final class Casing {
  private Casing() {}

  static Str apply(Str self, String method) {
    String text = self.text();
    return self.withText(
        switch (method) {
          case "upper" -> text.toUpperCase(Locale.ROOT);
          case "lower" -> text.toLowerCase(Locale.ROOT);
          case "casefold" -> casefold(text);
          case "capitalize" -> capitalize(text);
          case "title" -> title(text);
          case "swapcase" -> swap(text);
          default -> throw new IllegalStateException(method);
        });
  }

  static String capitalize(String text) {
    if (text.isEmpty()) {
      return text;
    }
    int first = text.offsetByCodePoints(0, 1);
    return Characters.title(text.codePointAt(0)) + lowerRest(text, first);
  }

  /** Lower case of the tail, with the whole text as context (a final sigma looks back). */
  private static String lowerRest(String text, int from) {
    String head = text.substring(0, from).toLowerCase(Locale.ROOT);
    return text.toLowerCase(Locale.ROOT).substring(head.length());
  }

  /**
   * Full case folding: lower case except where Unicode folds further. Going through upper case
   * expands ß and the ligatures as the folding table does.
   */
  private static String casefold(String text) {
    StringBuilder out = new StringBuilder(text.length());
    text.codePoints()
        .forEach(c -> {
          if (c < 0x80) {
            out.append((char) Character.toLowerCase(c));
          } else if (c == 0x130 || (c >= 0x13a0 && c <= 0x13f5)) {
            out.append(c == 0x130 ? "i\u0307" : Character.toString(c));
          } else {
            String upper = Character.toString(c).toUpperCase(Locale.ROOT);
            upper.codePoints().forEach(u -> out.appendCodePoint(Character.toLowerCase(u)));
          }
        });
    return out.toString();
  }

  private static String title(String text) {
    StringBuilder out = new StringBuilder(text.length());
    String lower = text.toLowerCase(Locale.ROOT);
    boolean sameLength = lower.length() == text.length();
    boolean afterCased = false;
    for (int at = 0; at < text.length(); ) {
      int c = text.codePointAt(at);
      int next = at + Character.charCount(c);
      if (afterCased) {
        out.append(
            sameLength ? lower.substring(at, next) : Character.toString(Character.toLowerCase(c)));
      } else {
        out.append(Characters.title(c));
      }
      afterCased = Characters.isCased(c);
      at = next;
    }
    return out.toString();
  }

  private static String swap(String text) {
    StringBuilder out = new StringBuilder(text.length());
    text.codePoints()
        .forEach(c -> {
          String one = Character.toString(c);
          out.append(
              Character.isUpperCase(c)
                  ? one.toLowerCase(Locale.ROOT)
                  : Character.isLowerCase(c) ? one.toUpperCase(Locale.ROOT) : one);
        });
    return out.toString();
  }

  static boolean isLower(String text) {
    return text.codePoints().anyMatch(Character::isLowerCase)
        && text.codePoints().noneMatch(c -> Character.isUpperCase(c) || Character.isTitleCase(c));
  }

  static boolean isUpper(String text) {
    return text.codePoints().anyMatch(Character::isUpperCase)
        && text.codePoints().noneMatch(c -> Character.isLowerCase(c) || Character.isTitleCase(c));
  }

  static boolean isTitle(String text) {
    boolean afterCased = false;
    boolean any = false;
    for (int c : text.codePoints().toArray()) {
      if (Character.isUpperCase(c) || Character.isTitleCase(c)) {
        if (afterCased) {
          return false;
        }
        afterCased = true;
        any = true;
      } else if (Character.isLowerCase(c)) {
        if (!afterCased) {
          return false;
        }
        any = true;
      } else {
        afterCased = false;
      }
    }
    return any;
  }
}
