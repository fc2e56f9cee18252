package dev.graft.trainer.compare;

import dev.graft.trainer.compare.config.CompareConfig;
import dev.graft.trainer.compare.config.ContestantConfig;
import dev.graft.trainer.compare.config.PriceConfig;
import dev.graft.trainer.compare.config.ScorerConfig;
import dev.graft.trainer.compare.contestant.Contestant;
import dev.graft.trainer.compare.contestant.Example;
import dev.graft.trainer.compare.contestant.Judge;
import dev.graft.trainer.compare.contestant.Judge.Pair;
import dev.graft.trainer.compare.contestant.RemoteModel;
import dev.graft.trainer.compare.contestant.RemoteModel.Estimate;
import dev.graft.trainer.compare.contestant.Reply;
import dev.graft.trainer.config.UserException;
import dev.graft.trainer.console.Console;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * What the paid requests of a comparison would take, contestants' and judges', worked out before
 * the first of them is sent.
 */
final class PaidRequests {

  /**
   * Requests of one kind.
   *
   * @param who sends them, for people
   * @param priced under which name their price stands
   */
  private record Bill(String who, String priced, Estimate estimate) {}

  private final CompareConfig config;
  private final List<Bill> bills = new ArrayList<>();

  /**
   * Estimates.
   *
   * @param known replies that are there already, by contestant and example
   */
  PaidRequests(
      CompareConfig config,
      Contestants contestants,
      List<Example> examples,
      Map<String, Map<String, Reply>> known) {
    this.config = config;
    var expected = new LinkedHashMap<String, List<Reply>>();
    config
        .contestants()
        .forEach((name, kind) -> {
          Map<String, Reply> own = known.getOrDefault(name, Map.of());
          List<Example> unanswered =
              examples.stream().filter(it -> !own.containsKey(it.id())).toList();
          if (isRemote(kind) && !unanswered.isEmpty()) {
            try (Contestant opened = contestants.open(name)) {
              if (opened instanceof RemoteModel model && model.endpoint().isPaid()) {
                bills.add(new Bill(name, name, model.estimate(unanswered)));
              }
            }
          }
          expected.put(name, examples.stream().map(it -> expected(it, own.get(it.id()))).toList());
        });
    config
        .scorers()
        .forEach((name, scorer) -> {
          if (scorer instanceof ScorerConfig.Judge judge) {
            try (RemoteModel model = contestants.openJudge(name, judge)) {
              if (model.endpoint().isPaid()) {
                Estimate estimate =
                    new Judge(model, judge.rubric())
                        .estimate(
                            Judging.pairs(config, judge, examples, expected),
                            pair -> !isKnown(pair, known));
                bills.add(
                    new Bill("%s, judged by %s".formatted(name, judge.by()), judge.by(), estimate));
              }
            }
          }
        });
    bills.removeIf(bill -> bill.estimate.requests() == 0);
  }

  private static boolean isRemote(ContestantConfig kind) {
    return kind instanceof ContestantConfig.Claude
        || kind instanceof ContestantConfig.OpenaiCompatible;
  }

  private boolean isKnown(Pair pair, Map<String, Map<String, Reply>> known) {
    return Stream.of(pair.contestant(), config.baselineName())
        .allMatch(name -> known.getOrDefault(name, Map.of()).containsKey(pair.example().id()));
  }

  /** An answer that is not there yet is about as long as the reference. */
  private static Reply expected(Example example, @Nullable Reply known) {
    return known != null ? known : Reply.of(example.id(), example.reference());
  }

  /** Says what they would take, and stops unless they were allowed. */
  void allow(boolean paid, Console console) {
    if (bills.isEmpty()) {
      return;
    }
    var lines = new ArrayList<String>();
    bills.forEach(bill -> lines.add(words(bill)));
    if (bills.size() > 1) {
      lines.add(total());
    }
    if (!paid) {
      throw new UserException(String.join("\n", lines) + ". Say --yes to send them.");
    }
    lines.forEach(console::say);
  }

  private String words(Bill bill) {
    return words(bill.who, bill.estimate)
        + cost(bill)
            .map(PaidRequests::atPrices)
            .orElse("; prices.%s would tell the cost".formatted(bill.priced));
  }

  private String total() {
    Estimate sum = Estimate.NONE;
    for (Bill bill : bills) {
      sum = sum.plus(bill.estimate);
    }
    List<Optional<Double>> costs = bills.stream().map(this::cost).toList();
    return words("in all", sum)
        + (costs.stream().allMatch(Optional::isPresent)
            ? atPrices(costs.stream().mapToDouble(Optional::orElseThrow).sum())
            : "");
  }

  private static String words(String who, Estimate estimate) {
    return "%s: %,d requests, about %,d tokens to read and %,d to write"
        .formatted(who, estimate.requests(), estimate.inputTokens(), estimate.outputTokens());
  }

  private static String atPrices(double cost) {
    return String.format(Locale.ROOT, ", about %.2f at the prices given", cost);
  }

  private Optional<Double> cost(Bill bill) {
    return Optional.ofNullable(config.prices().get(bill.priced))
        .map(price -> cost(price, bill.estimate));
  }

  private static double cost(PriceConfig price, Estimate estimate) {
    return (estimate.inputTokens() * price.input() + estimate.outputTokens() * price.output())
        / 1e6;
  }
}
