package dev.graft.trainer.compare.scorecard;

import dev.graft.trainer.compare.config.PriceConfig;
import dev.graft.trainer.compare.contestant.Reply;
import dev.graft.trainer.compare.statistics.Interval;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.TreeMap;

/**
 * What a contestant's answers cost, in time, tokens and money.
 *
 * @param kind as in the configuration
 * @param model what its replies say
 * @param answered examples that it answered
 * @param failures why others have no answer, with counts
 * @param cut answers that ended at their longest
 * @param latencyP50 median milliseconds from request to last token
 * @param latencyP95 what 95 % of the answers do not exceed
 * @param inputTokens mean tokens read for an answer, in the contestant's own tokens
 * @param outputTokens mean tokens written
 * @param pricePerThousand requests, where there is a price
 * @param promptTokensSaved a request, against the contestant that reads most; in tokens of each
 */
public record Standing(
    String name,
    String kind,
    Optional<String> model,
    int answered,
    Map<String, Integer> failures,
    int cut,
    OptionalDouble latencyP50,
    OptionalDouble latencyP95,
    OptionalDouble inputTokens,
    OptionalDouble outputTokens,
    OptionalDouble pricePerThousand,
    OptionalDouble promptTokensSaved) {

  /** Sums up replies; what is saved is known only when all are. */
  static Standing of(String name, String kind, List<Reply> replies, Optional<PriceConfig> price) {
    List<Reply> answers = replies.stream().filter(it -> it.answer().isPresent()).toList();
    var failures = new TreeMap<String, Integer>();
    replies.forEach(
        it -> it.error().ifPresent(why -> failures.merge(kindOf(why), 1, Integer::sum)));
    double[] latencies =
        answers.stream()
            .filter(it -> it.latencyMs().isPresent())
            .mapToDouble(it -> it.latencyMs().getAsDouble())
            .sorted()
            .toArray();
    OptionalDouble input =
        answers.stream()
            .filter(it -> it.inputTokens().isPresent())
            .mapToLong(it -> it.inputTokens().getAsLong())
            .average();
    OptionalDouble output =
        answers.stream()
            .filter(it -> it.outputTokens().isPresent())
            .mapToLong(it -> it.outputTokens().getAsLong())
            .average();
    boolean priced = price.isPresent() && input.isPresent() && output.isPresent();
    return new Standing(
        name,
        kind,
        answers.stream().flatMap(it -> it.model().stream()).findFirst(),
        answers.size(),
        failures,
        (int) answers.stream().filter(Reply::cut).count(),
        quantile(latencies, 0.5),
        quantile(latencies, 0.95),
        input,
        output,
        priced
            ? OptionalDouble.of(
                (input.getAsDouble() * price.get().input()
                        + output.getAsDouble() * price.get().output())
                    / 1000)
            : OptionalDouble.empty(),
        OptionalDouble.empty());
  }

  /** Numbers in a reason would make every reason its own. */
  private static String kindOf(String why) {
    return why.startsWith("too long") ? "too long for the model" : why;
  }

  private static OptionalDouble quantile(double[] sorted, double share) {
    return sorted.length == 0
        ? OptionalDouble.empty()
        : OptionalDouble.of(Interval.quantile(sorted, share));
  }

  /** The same, with what is saved against so many tokens a request. */
  Standing against(double mostInput) {
    return new Standing(
        name,
        kind,
        model,
        answered,
        failures,
        cut,
        latencyP50,
        latencyP95,
        inputTokens,
        outputTokens,
        pricePerThousand,
        inputTokens.isPresent()
            ? OptionalDouble.of(mostInput - inputTokens.getAsDouble())
            : OptionalDouble.empty());
  }
}
