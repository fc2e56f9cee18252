package dev.graft.trainer.compare;

import dev.graft.trainer.compare.config.ScorerConfig;
import dev.graft.trainer.compare.score.Chrf;
import dev.graft.trainer.compare.score.CodeTable;
import dev.graft.trainer.compare.score.Codes;
import dev.graft.trainer.compare.score.Contains;
import dev.graft.trainer.compare.score.Exact;
import dev.graft.trainer.compare.score.FieldType;
import dev.graft.trainer.compare.score.JsonFields;
import dev.graft.trainer.compare.score.JsonSchema;
import dev.graft.trainer.compare.score.NormalizedExact;
import dev.graft.trainer.compare.score.OfPart;
import dev.graft.trainer.compare.score.Regex;
import dev.graft.trainer.compare.score.RougeL;
import dev.graft.trainer.compare.score.Scorer;
import dev.graft.trainer.compare.score.Structure;
import dev.graft.trainer.compare.score.TokenF1;
import dev.graft.trainer.compare.score.XmlCheck;
import dev.graft.trainer.config.UserException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/**
 * Makes scorers of what a configuration says; what cannot be used is said before anybody is asked.
 */
final class Scorers {

  private Scorers() {}

  /** The scorers that mark texts, by name; those of models (perplexity, judge) are left out. */
  static Map<String, Scorer> of(Map<String, ScorerConfig> configs) {
    var scorers = new LinkedHashMap<String, Scorer>();
    configs.forEach((name, config) -> {
      try {
        of(config).ifPresent(scorer -> scorers.put(name, scorer));
      } catch (IllegalArgumentException e) {
        throw new UserException("scorers.%s: %s".formatted(name, e.getMessage()), e);
      }
    });
    return scorers;
  }

  private static Optional<Scorer> of(ScorerConfig config) {
    return switch (config) {
      case ScorerConfig.Exact it -> Optional.of(part(it.part(), new Exact()));
      case ScorerConfig.NormalizedExact it -> Optional.of(part(it.part(), new NormalizedExact()));
      case ScorerConfig.Contains it -> Optional.of(part(it.part(), new Contains(it.texts())));
      case ScorerConfig.Regex it ->
          Optional.of(part(it.part(), new Regex(pattern(it.pattern(), "pattern"))));
      case ScorerConfig.RougeL it -> Optional.of(part(it.part(), new RougeL()));
      case ScorerConfig.Chrf it -> Optional.of(part(it.part(), new Chrf()));
      case ScorerConfig.TokenF1 it -> Optional.of(part(it.part(), new TokenF1()));
      case ScorerConfig.Json it -> Optional.of(part(it.part(), json(it)));
      case ScorerConfig.Code it ->
          Optional.of(
              part(
                  it.part(),
                  new Codes(it.field(), it.table().map(file -> table(file, it.column())))));
      case ScorerConfig.Structure it -> Optional.of(part(it.part(), structure(it)));
      case ScorerConfig.Perplexity _ -> Optional.empty();
      case ScorerConfig.Judge _ -> Optional.empty();
    };
  }

  private static Scorer part(Optional<String> part, Scorer scorer) {
    return part.<Scorer>map(it -> new OfPart(pattern(it, "part"), scorer)).orElse(scorer);
  }

  private static Pattern pattern(String text, String key) {
    try {
      return Pattern.compile(text);
    } catch (PatternSyntaxException e) {
      throw new IllegalArgumentException(
          "%s: '%s' is no regular expression: %s".formatted(key, text, e.getDescription()), e);
    }
  }

  private static Scorer json(ScorerConfig.Json config) {
    var fields = new LinkedHashMap<String, FieldType>();
    config
        .fields()
        .forEach((path, words) ->
            fields.put(
                path,
                FieldType.parse(words)
                    .orElseThrow(() ->
                        new IllegalArgumentException(
                            "fields.%s: '%s' is none of %s"
                                .formatted(path, words, FieldType.WORDS)))));
    return new JsonFields(fields, config.schema().map(Scorers::schema));
  }

  private static JsonSchema schema(Path file) {
    try {
      return JsonSchema.of(Files.readString(file));
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException("schema: %s: %s".formatted(file, e.getMessage()), e);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static CodeTable table(Path file, int column) {
    try {
      return CodeTable.read(file, column);
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException("table: %s: %s".formatted(file, e.getMessage()), e);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Scorer structure(ScorerConfig.Structure config) {
    try {
      Optional<XmlCheck> xml =
          config
              .xsd()
              .map(XmlCheck::against)
              .or(() -> config.xml() ? Optional.of(XmlCheck.wellFormed()) : Optional.empty());
      return new Structure(config.sections(), xml, config.markdown());
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(
          "xsd: %s %s".formatted(config.xsd().map(Path::toString).orElse(""), e.getMessage()), e);
    }
  }
}
