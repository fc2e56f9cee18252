package dev.graft.tokenizer.check;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Finds keys and personal data in a text. What it reports never holds a value in full. */
final class Secrets {
  /**
   * Something found.
   *
   * @param kind e.g. {@code e-mail address}
   * @param secret whether it opens something, rather than naming a person
   * @param masked its first characters and its length
   */
  record Hit(String kind, boolean secret, String masked) {}

  /**
   * @param hint characters of which a text must contain one for the pattern to be tried at all,
   *     since most texts contain nothing
   */
  private record Rule(
      String kind, boolean secret, String hint, Pattern pattern, Predicate<String> sound) {}

  private static final List<Rule> RULES =
      List.of(
          key("private key", "-----BEGIN", "-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----"),
          key("AWS access key", "AKIA", "\\bAKIA[0-9A-Z]{16}\\b"),
          key("GitHub token", "gh", "\\bgh[pousr]_[A-Za-z0-9]{36,}"),
          key("API key", "sk-", "\\bsk-[A-Za-z0-9_-]{20,}"),
          key("Google API key", "AIza", "\\bAIza[0-9A-Za-z_-]{35}"),
          key("Slack token", "xox", "\\bxox[abprs]-[0-9A-Za-z-]{10,}"),
          key("Hugging Face token", "hf_", "\\bhf_[A-Za-z0-9]{30,}"),
          key("JSON web token", "eyJ", "\\beyJ[\\w-]{10,}\\.eyJ[\\w-]{10,}\\.[\\w-]{10,}"),
          key(
              "password",
              "ass",
              "(?i)\\b(?:password|passwd|pwd)\\s{0,3}[=:]\\s{0,3}(?=\\S*\\d)[^\\s\"']{8,}"),
          person(
              "e-mail address",
              "@",
              "\\b[A-Za-z0-9._%+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\\.){1,8}[A-Za-z]{2,24}\\b",
              _ -> true),
          person(
              "IBAN",
              "",
              "\\b[A-Z]{2}[0-9]{2}(?: ?[0-9A-Z]{4}){2,7}(?: ?[0-9A-Z]{1,3})?\\b",
              Secrets::isIban),
          person(
              "credit card number",
              "",
              "(?<![\\w.-])[2-6](?:[ -]?[0-9]){12,18}(?![\\w-])",
              Secrets::isCard),
          person(
              "US social security number",
              "-",
              "(?<![\\w-])(?!000|666|9)[0-9]{3}-(?!00)[0-9]{2}-(?!0000)[0-9]{4}(?![\\w-])",
              _ -> true),
          person(
              "medical record number",
              "",
              "(?i)\\b(?:MRN|medical record (?:number|no\\.?))[ :#]{0,4}[0-9][0-9-]{4,12}",
              _ -> true),
          person(
              "phone number",
              "",
              "(?<![\\w.+-])(?:\\+[1-9][0-9]{0,2}[ .-]?(?:\\(0?[0-9]{1,4}\\)[ .-]?)?(?:[0-9]{2,4}[ .-]?){2,4}[0-9]{2,4}"
                  + "|\\(?[2-9][0-9]{2}\\)?[ .-][0-9]{3}[ .-][0-9]{4})(?![\\w-])",
              text -> digits(text).length() >= 10 && digits(text).length() <= 15));

  private Secrets() {}

  private static Rule key(String kind, String hint, String regex) {
    return new Rule(kind, true, hint, Pattern.compile(regex), _ -> true);
  }

  private static Rule person(String kind, String hint, String regex, Predicate<String> sound) {
    return new Rule(kind, false, hint, Pattern.compile(regex), sound);
  }

  static List<Hit> in(String text) {
    List<Hit> hits = new ArrayList<>();
    boolean digits = hasDigits(text, 5);
    for (Rule rule : RULES) {
      if (rule.hint().isEmpty() ? !digits : !text.contains(rule.hint())) {
        continue;
      }
      Matcher matcher = rule.pattern().matcher(text);
      while (matcher.find()) {
        if (rule.sound().test(matcher.group())) {
          hits.add(new Hit(rule.kind(), rule.secret(), masked(matcher.group())));
        }
      }
    }
    return hits;
  }

  /** Whether so many digits stand within a stretch that a number of theirs could be. */
  private static boolean hasDigits(String text, int wanted) {
    int count = 0;
    int others = 0;
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c >= '0' && c <= '9') {
        others = 0;
        if (++count >= wanted) {
          return true;
        }
      } else if (++others > 3) {
        count = 0;
      }
    }
    return false;
  }

  static String masked(String value) {
    int shown = Math.min(2, value.length() / 6);
    return value.substring(0, shown) + "… (" + value.length() + " characters)";
  }

  private static String digits(String text) {
    return text.replaceAll("[^0-9]", "");
  }

  /** ISO 13616: letters are 10 to 35, the first four characters go to the end, modulo 97 is 1. */
  static boolean isIban(String text) {
    String compact = text.replace(" ", "").toUpperCase(Locale.ROOT);
    if (compact.length() < 15 || compact.length() > 34) {
      return false;
    }
    String turned = compact.substring(4) + compact.substring(0, 4);
    StringBuilder number = new StringBuilder();
    for (int i = 0; i < turned.length(); i++) {
      number.append(Character.digit(turned.charAt(i), 36));
    }
    return new BigInteger(number.toString()).mod(BigInteger.valueOf(97)).intValue() == 1;
  }

  /** ISO/IEC 7812: Luhn's checksum over 13 to 19 digits. */
  static boolean isCard(String text) {
    String digits = digits(text);
    int sum = 0;
    for (int i = 0; i < digits.length(); i++) {
      int digit = digits.charAt(digits.length() - 1 - i) - '0';
      int twice = digit * 2;
      sum += i % 2 == 0 ? digit : (twice > 9 ? twice - 9 : twice);
    }
    return digits.length() >= 13 && digits.length() <= 19 && sum % 10 == 0;
  }
}
