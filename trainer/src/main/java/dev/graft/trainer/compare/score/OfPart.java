package dev.graft.trainer.compare.score;

import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Scores a part of both texts: the first group of the pattern where it is first found, or the whole
 * match if it has no group. Where an answer has no such part, an empty text is scored, which is
 * wrong; a reference without it cannot be scored against.
 */
public record OfPart(Pattern pattern, Scorer scorer) implements Scorer {

  @Override
  public List<Metric> metrics() {
    return scorer.metrics();
  }

  @Override
  public Marks mark(String reference, String answer) {
    return scorer.mark(part(reference).orElse(""), part(answer).orElse(""));
  }

  @Override
  public Optional<String> problemWith(String reference) {
    Optional<String> part = part(reference);
    return part.isEmpty()
        ? Optional.of("the part '%s' is not in it".formatted(pattern))
        : scorer.problemWith(part.get());
  }

  private Optional<String> part(String text) {
    Matcher matcher = Texts.matcher(pattern, text);
    if (!matcher.find()) {
      return Optional.empty();
    }
    return Optional.ofNullable(matcher.groupCount() > 0 ? matcher.group(1) : matcher.group());
  }
}
