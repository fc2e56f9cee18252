package dev.graft.tokenizer.check;

import dev.graft.tokenizer.Origin;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** Answers against what most answers are like, and what no data should hold. */
final class AnswerChecks {
  private static final double MAJORITY = 0.5;

  /** Of so few answers none is like most. */
  private static final int FEW = 5;

  private record Answer(Origin origin, AnswerForm form) {}

  private final List<Answer> answers = new ArrayList<>();
  private final Places refusals = new Places();
  private final Places commercial = new Places();
  private final Map<String, Places> secrets = new LinkedHashMap<>();
  private final Map<String, Places> personal = new LinkedHashMap<>();
  private final Map<String, Long> sources = new TreeMap<>();

  void add(Traits traits) {
    boolean refused = false;
    for (AnswerForm form : traits.answers()) {
      answers.add(new Answer(traits.origin(), form));
      if (form.refusal() && !refused) {
        refusals.add(traits.origin(), "");
        refused = true;
      }
    }
    addHits(traits);
    traits
        .source()
        .ifPresent(source -> {
          if (sources.containsKey(source) || sources.size() < Statistics.MAX_SOURCES) {
            sources.merge(source, 1L, Long::sum);
          }
          if (Provenance.isCommercialModel(source)) {
            commercial.add(traits.origin(), source);
          }
        });
  }

  /** A row is named once for each kind, with how often. */
  private void addHits(Traits traits) {
    Map<String, List<Secrets.Hit>> kinds = new LinkedHashMap<>();
    traits
        .hits()
        .forEach(hit -> kinds.computeIfAbsent(hit.kind(), _ -> new ArrayList<>()).add(hit));
    kinds.forEach((kind, hits) ->
        (hits.getFirst().secret() ? secrets : personal)
            .computeIfAbsent(kind, _ -> new Places())
            .add(
                traits.origin(),
                hits.getFirst().masked()
                    + (hits.size() > 1 ? ", " + hits.size() + " in all" : "")));
  }

  /** Rows that name each source. */
  Map<String, Long> sources() {
    return sources;
  }

  void report(List<Finding> findings) {
    reportTruncated(findings);
    refusals.warn(
        "refusals",
        Places.Noun.CONVERSATION,
        "%s in which the assistant refuses (\"As an AI…\", \"I cannot help…\")",
        "The model learns to refuse, in those words. Remove them, unless that is meant.",
        findings);
    reportLanguages(findings);
    reportDrift(
        "format-json",
        "%%s not JSON, though most are",
        form -> form.json() == null ? null : "JSON",
        findings);
    reportDrift(
        "format-schema", "%%s JSON with other keys than most: %s", AnswerForm::json, findings);
    reportDrift(
        "format-sections",
        "%%s with other sections, or in another order, than most: %s",
        form -> form.headings().isEmpty() ? null : form.headings(),
        findings);
    secrets.forEach((kind, places) ->
        places.warn(
            "secret",
            Places.Noun.CONVERSATION,
            "%s with what looks like a secret: " + kind,
            "A model can recite what it has learned. Remove it and revoke the key.",
            findings));
    personal.forEach((kind, places) ->
        places.warn(
            "personal-data",
            Places.Noun.CONVERSATION,
            "%s with what looks like personal data: " + kind,
            "A model can recite what it has learned. Replace it by something invented.",
            findings));
    commercial.warn(
        "source",
        Places.Noun.CONVERSATION,
        "%s with a commercial model as source",
        Provenance.advice(),
        findings);
  }

  private void reportTruncated(List<Finding> findings) {
    long prose = answers.stream().filter(a -> a.form().prose()).count();
    long ended = answers.stream().filter(a -> a.form().prose() && a.form().ends()).count();
    // Where many answers end without a full stop, that is their style.
    if (ended * 10 < prose * 9) {
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
        Places.Noun.ANSWER,
        "%s that may end in the middle of a sentence",
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
            Places.Noun.ANSWER,
            "%s in " + language + ", while most are in " + main.get(),
            "Fine if people ask in both languages, else remove or translate them.",
            findings));
  }

  /** What more than half of the answers (or of those where it can be said) have in common. */
  private Optional<String> majority(
      Function<AnswerForm, @Nullable String> of, boolean ofThoseOnly) {
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
        .filter(entry -> entry.getValue() >= FEW && entry.getValue() > total * MAJORITY)
        .map(Map.Entry::getKey)
        .findFirst();
  }

  private void reportDrift(
      String code,
      String message,
      Function<AnswerForm, @Nullable String> of,
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
        Places.Noun.ANSWER,
        message.formatted(shown.replace("%", "%%")),
        "Who reads the answers by program will stumble over these. Bring them into one form.",
        findings);
  }

  /** How many answers are of one form. */
  Statistics.Formats formats() {
    long json = answers.stream().filter(a -> a.form().json() != null).count();
    return new Statistics.Formats(
        answers.size(),
        json,
        most(AnswerForm::json),
        most(form -> form.headings().isEmpty() ? null : form.headings()));
  }

  /** How many answers have what most of those have that have any. */
  private long most(Function<AnswerForm, @Nullable String> of) {
    Map<String, Long> counts = new HashMap<>();
    for (Answer answer : answers) {
      String value = of.apply(answer.form());
      if (value != null) {
        counts.merge(value, 1L, Long::sum);
      }
    }
    return counts.values().stream().mapToLong(Long::longValue).max().orElse(0);
  }
}
