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
   * @param hints of which a text must contain one for the pattern to be tried at all, since most
   *     texts contain nothing
   */
  private record Rule(
      String kind, boolean secret, List<String> hints, Pattern pattern, Predicate<String> sound) {}

  /** What stands where a key would, in instructions about keys. */
  private static final Pattern PLACEHOLDER =
      Pattern.compile("(?i)x{6}|\\*{4}|\\.{3}|your|placeholder|redacted|<|\\$\\{");

  private static final List<Rule> RULES =
      List.of(
          key("private key", "-----BEGIN", "-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----"),
          key("AWS access key", "AKIA", "\\bAKIA[0-9A-Z]{16}\\b"),
          key("AWS access key", "ASIA", "\\bASIA[0-9A-Z]{16}\\b"),
          key("GitHub token", "gh", "\\bgh[pousr]_[A-Za-z0-9]{36,}"),
          key("GitHub token", "github_pat_", "\\bgithub_pat_[A-Za-z0-9_]{50,}"),
          key("GitLab token", "glpat-", "\\bglpat-[A-Za-z0-9_-]{20,}"),
          key("API key", "sk-", "\\bsk-(?=[A-Za-z_-]*[0-9])[A-Za-z0-9_-]{20,}"),
          key("Stripe key", "k_live_", "\\b[sr]k_live_[A-Za-z0-9]{20,}"),
          key("Google API key", "AIza", "\\bAIza[0-9A-Za-z_-]{35}"),
          key("Slack token", "xox", "\\bxox[abprs]-[0-9A-Za-z-]{10,}"),
          key("Hugging Face token", "hf_", "\\bhf_[A-Za-z0-9]{30,}"),
          key("npm token", "npm_", "\\bnpm_[A-Za-z0-9]{36}\\b"),
          key("JSON web token", "eyJ", "\\beyJ[\\w-]{10,}\\.eyJ[\\w-]{10,}\\.[\\w-]{10,}"),
          key(
              "password in an address",
              "://",
              "\\b[a-z][a-z0-9+]{1,15}://[^\\s/:@]{1,64}:[^\\s/@]{3,64}@"),
          new Rule(
              "password",
              true,
              List.of("assw", "ASSW", "pwd", "PWD"),
              Pattern.compile(
                  "(?i)\\b(?:password|passwd|pwd)[\"']?\\s{0,3}[=:]\\s{0,3}[\"']?"
                      + "(?=[^\\s\"']{0,60}\\d)(?=[^\\s\"']{0,60}[a-z])[^\\s\"']{8,64}"),
              Secrets::isNoPlaceholder),
          new Rule(
              "API key",
              true,
              List.of("key", "KEY", "Key", "oken", "OKEN", "ecret", "ECRET"),
              Pattern.compile(
                  "(?i)\\b(?:api|access|secret|private|auth)[_ -]?(?:access[_-]?)?(?:key|token)"
                      + "[\"']?\\s{0,3}[=:]\\s{0,3}[\"']?"
                      + "(?=[A-Za-z_+/=-]{0,60}[0-9])[A-Za-z0-9_+/=-]{20,128}"),
              Secrets::isNoPlaceholder),
          person(
              "e-mail address",
              "@",
              "\\b[A-Za-z0-9._%+-]{1,64}@(?:[A-Za-z0-9-]{1,63}\\.){1,8}[A-Za-z]{2,24}\\b",
              _ -> true),
          new Rule(
              "medical record number",
              false,
              List.of("MRN", "mrn", "ecord n", "ecord N", "ECORD N"),
              Pattern.compile(
                  "(?i)\\b(?:MRN|medical record (?:number|no\\.?))(?: is)?[ :#]{0,4}"
                      + "[A-Z]{0,3}-?[0-9][0-9-]{4,12}"),
              _ -> true));

  /** Tried only where digits are close together, see {@link #numbers}. */
  private static final List<Rule> NUMBERS =
      List.of(
          person(
              "credit card number",
              "",
              "(?<![\\w.-])[2-6](?:[ -]?[0-9]){12,18}(?![\\w-])",
              Secrets::isCard),
          person(
              "US social security number",
              "",
              "(?<![\\w-])(?!000|666|9)[0-9]{3}-(?!00)[0-9]{2}-(?!0000)[0-9]{4}(?![\\w-])",
              _ -> true),
          person(
              "phone number",
              "",
              "(?<![\\w.+-])(?:"
                  // +49 (0)30 1234 5678
                  + "\\+[1-9][0-9]{0,2}[ .-]?(?:\\(0?[0-9]{1,4}\\)[ .-]?)?(?:[0-9]{2,4}[ .-]?){2,4}"
                  + "[0-9]{2,4}"
                  // (415) 555-0132, 415-555-0132
                  + "|(?:1[ .-])?(?:\\([2-9][0-9]{2}\\)[ .-]?|[2-9][0-9]{2}[ .-])"
                  + "[2-9][0-9]{2}[ .-][0-9]{4}"
                  // 06 12 34 56 78
                  + "|0[1-9](?:[ .][0-9]{2}){4}"
                  // 0171 2345678, 030/1234567
                  + "|0[1-9][0-9]{1,3} ?[ /-] ?[0-9]{6,8}"
                  + ")(?![\\w-]|[.,][0-9])",
              text -> digits(text).length() >= 10 && digits(text).length() <= 15));

  private static final Pattern IBAN =
      Pattern.compile("[A-Z]{2}[0-9]{2}(?: ?[0-9A-Z]{4}){2,7}(?: ?[0-9A-Z]{1,3})?(?!\\w)");

  /** Fewer digits than this are none of the numbers. */
  private static final int DIGITS = 9;

  private Secrets() {}

  private static Rule key(String kind, String hint, String regex) {
    return new Rule(kind, true, List.of(hint), Pattern.compile(regex), Secrets::isNoPlaceholder);
  }

  private static Rule person(String kind, String hint, String regex, Predicate<String> sound) {
    return new Rule(kind, false, List.of(hint), Pattern.compile(regex), sound);
  }

  static List<Hit> in(String text) {
    List<Hit> hits = new ArrayList<>();
    for (Rule rule : RULES) {
      for (String hint : rule.hints()) {
        if (text.contains(hint)) {
          find(rule, rule.pattern().matcher(text), hits);
          break;
        }
      }
    }
    numbers(text, hits);
    return hits;
  }

  private static void find(Rule rule, Matcher matcher, List<Hit> hits) {
    while (matcher.find()) {
      if (rule.sound().test(matcher.group())) {
        hits.add(new Hit(rule.kind(), rule.secret(), masked(matcher.group())));
      }
    }
  }

  /**
   * Goes through a text once and tries the patterns of numbers on stretches only in which digits
   * are never more than three characters apart: on ordinary text that is some fifty times faster
   * than to try them everywhere.
   */
  private static void numbers(String text, List<Hit> hits) {
    int i = 0;
    int ibansUpTo = 0;
    while (i < text.length()) {
      if (!isDigit(text.charAt(i))) {
        i++;
        continue;
      }
      int start = i;
      int end = i;
      int count = 0;
      for (; i < text.length() && i - end <= 3; i++) {
        char c = text.charAt(i);
        if (isDigit(c)) {
          count++;
          end = i + 1;
        } else if (" .-()/".indexOf(c) < 0) {
          break;
        }
      }
      int iban = start >= ibansUpTo ? iban(text, start, hits) : 0;
      ibansUpTo = Math.max(iban, ibansUpTo);
      if (count >= DIGITS && start >= ibansUpTo) {
        for (Rule rule : NUMBERS) {
          // A plus or a bracket may stand in front; what is around it decides, too.
          Matcher matcher = rule.pattern().matcher(text);
          matcher.useTransparentBounds(true).useAnchoringBounds(false);
          find(rule, matcher.region(Math.max(0, start - 2), end), hits);
        }
      }
      i = Math.max(i, start + 1);
    }
  }

  /** Where an IBAN has its check digits here, its end, else 0. */
  private static int iban(String text, int digits, List<Hit> hits) {
    int start = digits - 2;
    if (start < 0 || !isCapital(text.charAt(start)) || !isCapital(text.charAt(start + 1))) {
      return 0;
    }
    if (start > 0 && Character.isLetterOrDigit(text.charAt(start - 1))) {
      return 0;
    }
    Matcher matcher = IBAN.matcher(text);
    matcher.useTransparentBounds(true).useAnchoringBounds(false);
    matcher.region(start, Math.min(text.length(), start + 45));
    if (!matcher.lookingAt()) {
      return 0;
    }
    // A word in capitals behind it looks like its last group.
    String value = matcher.group();
    while (!isIban(value)) {
      int space = value.lastIndexOf(' ');
      if (space < 0) {
        return 0;
      }
      value = value.substring(0, space);
    }
    hits.add(new Hit("IBAN", false, masked(value)));
    return start + value.length();
  }

  private static boolean isDigit(char c) {
    return c >= '0' && c <= '9';
  }

  private static boolean isCapital(char c) {
    return c >= 'A' && c <= 'Z';
  }

  private static boolean isNoPlaceholder(String value) {
    return !PLACEHOLDER.matcher(value).find();
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
