package dev.graft.tokenizer.check;

import dev.graft.tokenizer.Origin;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Answers against what most answers are like, and what no data should hold. */
final class AnswerChecks {
  private static final Pattern COMMERCIAL =
      Pattern.compile(
          "gpt-?[345]|chatgpt|openai|claude|anthropic|gemini|bard|palm|mistral-(?:large|medium)"
              + "|command-r|grok|\\bo[134](?:-mini)?\\b");
  private static final double MAJORITY = 0.5;

  private record Answer(Origin origin, Traits.AnswerForm form) {}

  private final List<Answer> answers = new ArrayList<>();
  private final Places refusals = new Places();
  private final Places commercial = new Places();
  private final Map<String, Places> secrets = new LinkedHashMap<>();
  private final Map<String, Places> personal = new LinkedHashMap<>();

  void add(Traits traits) {
    answers.add(new Answer(traits.origin(), traits.answerForm()));
    if (traits.answerForm().refusal()) {
      refusals.add(traits.origin(), "");
    }
    for (Secrets.Hit hit : traits.hits()) {
      (hit.secret() ? secrets : personal)
          .computeIfAbsent(hit.kind(), _ -> new Places())
          .add(traits.origin(), hit.masked());
    }
    traits
        .source()
        .filter(source -> COMMERCIAL.matcher(source.toLowerCase(Locale.ROOT)).find())
        .ifPresent(source ->
            commercial.add(
                traits.origin(), source.length() > 40 ? source.substring(0, 40) : source));
  }

  void report(List<Finding> findings) {
    reportTruncated(findings);
    refusals.warn(
        "refusals",
        "%,d answers refuse (\"As an AI…\", \"I cannot help…\")",
        "The model learns to refuse, in those words. Remove them, unless that is meant.",
        findings);
    reportLanguages(findings);
    reportDrift(
        "format-json",
        "%,d answers are not JSON, though most are",
        form -> form.json() == null ? null : "JSON",
        findings);
    reportDrift(
        "format-schema",
        "%,d JSON answers have other keys than most: %s",
        Traits.AnswerForm::json,
        findings);
    reportDrift(
        "format-sections",
        "%,d answers have other sections, or another order, than most: %s",
        form -> form.headings().isEmpty() ? null : form.headings(),
        findings);
    secrets.forEach((kind, places) ->
        places.warn(
            "secret",
            "%,d times something that looks like a secret: " + kind,
            "A model can recite what it has learned. Remove it and revoke the key.",
            findings));
    personal.forEach((kind, places) ->
        places.warn(
            "personal-data",
            "%,d times what looks like personal data: " + kind,
            "A model can recite what it has learned. Replace it by something invented.",
            findings));
    commercial.warn(
        "source",
        "%,d conversations name a commercial model as their source",
        "Its terms may forbid to train other models on what it wrote. Ask before training.",
        findings);
  }

  private void reportTruncated(List<Finding> findings) {
    long prose = answers.stream().filter(a -> a.form().prose()).count();
    long ended = answers.stream().filter(a -> a.form().prose() && a.form().ends()).count();
    // Where many answers end without a full stop, that is their style.
    if (ended * 10 < prose * 7) {
      return;
    }
    Places truncated = new Places();
    for (Answer answer : answers) {
      if (answer.form().prose() && !answer.form().ends()) {
        truncated.add(answer.origin(), "");
      }
    }
    truncated.warn(
        "truncated",
        "%,d answers seem to end in the middle of a sentence",
        "The model learns to stop there. Look whether a length limit cut them when they were made.",
        findings);
  }

  private void reportLanguages(List<Finding> findings) {
    Optional<String> main = majority(form -> form.language().orElse(null), true);
    if (main.isEmpty()) {
      return;
    }
    Map<String, Places> others = new LinkedHashMap<>();
    for (Answer answer : answers) {
      answer
          .form()
          .language()
          .filter(language -> !language.equals(main.get()))
          .ifPresent(language ->
              others.computeIfAbsent(language, _ -> new Places()).add(answer.origin(), ""));
    }
    others.forEach((language, places) ->
        places.warn(
            "language",
            "%,d answers are in " + language + ", most are in " + main.get(),
            "Fine if people ask in both languages, else remove or translate them.",
            findings));
  }

  /** What more than half of the answers (or of those where it can be said) have in common. */
  private Optional<String> majority(
      Function<Traits.AnswerForm, @Nullable String> of, boolean ofThoseOnly) {
    Map<String, Long> counts = new HashMap<>();
    long known = 0;
    for (Answer answer : answers) {
      String value = of.apply(answer.form());
      if (value != null) {
        counts.merge(value, 1L, Long::sum);
        known++;
      }
    }
    long total = ofThoseOnly ? known : answers.size();
    return counts.entrySet().stream()
        .filter(entry -> entry.getValue() > total * MAJORITY)
        .map(Map.Entry::getKey)
        .findFirst();
  }

  private void reportDrift(
      String code,
      String message,
      Function<Traits.AnswerForm, @Nullable String> of,
      List<Finding> findings) {
    Optional<String> usual = majority(of, false);
    if (usual.isEmpty()) {
      return;
    }
    Places others = new Places();
    for (Answer answer : answers) {
      String value = of.apply(answer.form());
      // What is no JSON at all is told once, by its own finding.
      boolean counts = value != null || !code.equals("format-schema");
      if (counts && !usual.get().equals(value)) {
        others.add(answer.origin(), value == null || value.length() > 100 ? "" : value);
      }
    }
    String shown = usual.get().length() > 200 ? usual.get().substring(0, 200) + "…" : usual.get();
    others.warn(
        code,
        message.replace("%s", shown.replace("%", "%%")),
        "Who reads the answers by program will stumble over these. Bring them into one form.",
        findings);
  }
}
