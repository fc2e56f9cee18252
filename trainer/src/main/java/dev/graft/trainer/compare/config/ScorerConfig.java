package dev.graft.trainer.compare.config;

import static dev.graft.trainer.config.InvalidSetting.unless;

import dev.graft.trainer.config.Key;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * How answers are marked. {@code part} is a regular expression whose first group, or whole match,
 * is scored of both texts in place of all of them.
 */
public sealed interface ScorerConfig {

  /** The description of {@code part}. */
  String PART = "regular expression: its first group, of both texts, is what is scored";

  /** The answer is the reference. */
  record Exact(@Key(PART) Optional<String> part) implements ScorerConfig {}

  /** The answer is the reference but for case, white space, quotes and a full stop. */
  record NormalizedExact(@Key(PART) Optional<String> part) implements ScorerConfig {}

  /** The answer contains texts. */
  record Contains(
      @Key(PART) Optional<String> part,
      @Key("all of which the answer contains; default: the reference") List<String> texts)
      implements ScorerConfig {}

  /** A pattern is found in the answer. */
  record Regex(
      @Key(PART) Optional<String> part,
      @Key(value = "regular expression that the answer contains", required = true) String pattern)
      implements ScorerConfig {}

  /** ROUGE-L. */
  record RougeL(@Key(PART) Optional<String> part) implements ScorerConfig {}

  /** chrF2. */
  record Chrf(@Key(PART) Optional<String> part) implements ScorerConfig {}

  /** SQuAD's F1. */
  record TokenF1(@Key(PART) Optional<String> part) implements ScorerConfig {}

  /** Perplexity of the reference, of local models. */
  record Perplexity() implements ScorerConfig {}

  /** JSON, its fields and its validity. */
  record Json(
      @Key(PART) Optional<String> part,
      @Key(value = "JSON schema that answers are validated against", input = true)
          Optional<Path> schema,
      @Key(
              "types by path, e.g. {diagnosis_icd10: code, meds[].name: text}; types: text, exact,"
                  + " number, number(TOLERANCE), date, date(day-first), code")
          Map<String, String> fields)
      implements ScorerConfig {
    public Json {
      fields = new LinkedHashMap<>(fields);
    }
  }

  /** Codes such as ICD-10's. */
  record Code(
      @Key(PART) Optional<String> part,
      @Key("path of the codes in JSON; default: the whole text") Optional<String> field,
      @Key(value = "file of the codes that exist, one a line; may be gzipped", input = true)
          Optional<Path> table,
      @Key(value = "column of the codes in the table, from 1", byDefault = "1") int column)
      implements ScorerConfig {
    public Code {
      unless(column >= 1, "column", "is counted from 1");
    }
  }

  /** Sections, XML, Markdown. */
  record Structure(
      @Key(PART) Optional<String> part,
      @Key("headings that are required, in order, e.g. [Fact, Legal basis, Risk, Recommendation]")
          List<String> sections,
      @Key(value = "the answer has to be XML", byDefault = "false") boolean xml,
      @Key(value = "XML schema that the answer has to be valid against", input = true)
          Optional<Path> xsd,
      @Key(value = "faults of Markdown count", byDefault = "false") boolean markdown)
      implements ScorerConfig {
    public Structure {
      sections = List.copyOf(sections);
      unless(
          !sections.isEmpty() || xml || xsd.isPresent() || markdown,
          "sections",
          "say sections, xml, xsd or markdown: otherwise there is nothing to check");
    }
  }

  /** A model prefers one answer or the other. */
  record Judge(
      @Key(
              value = "one of judges, or a contestant of kind claude or openai-compatible",
              required = true)
          String by,
      @Key(value = "what makes an answer good, in plain words", required = true) String rubric,
      @Key("only the first so many examples, since every pair costs two requests")
          OptionalInt limit,
      @Key(
              value =
                  "JSONL of a person's own judgements, to see whether the judge agrees: id,"
                      + " contestant, preferred (contestant, baseline or tie)",
              input = true)
          Optional<Path> human)
      implements ScorerConfig {}
}
