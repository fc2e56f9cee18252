package dev.graft.trainer.compare;

import dev.graft.tokenizer.DataFormat;
import dev.graft.trainer.compare.config.CompareConfig;
import dev.graft.trainer.compare.config.ScorerConfig;
import dev.graft.trainer.compare.contestant.Example;
import dev.graft.trainer.compare.contestant.Examples;
import dev.graft.trainer.compare.contestant.Likelihood;
import dev.graft.trainer.compare.contestant.Reply;
import dev.graft.trainer.compare.score.Mark;
import dev.graft.trainer.compare.score.Marks;
import dev.graft.trainer.compare.score.Metric;
import dev.graft.trainer.compare.score.Scorer;
import dev.graft.trainer.compare.scorecard.Decision;
import dev.graft.trainer.compare.scorecard.Scorecard;
import dev.graft.trainer.compare.scorecard.Scored;
import dev.graft.trainer.config.UserException;
import dev.graft.trainer.console.Console;
import dev.graft.trainer.runs.StopSignal;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/**
 * Compares contestants on held-out examples: reads them, has everybody answer, marks the answers,
 * and says what the marks show.
 */
public final class Comparison {

  private static final Metric PERPLEXITY =
      new Metric(
          "perplexity",
          false,
          "exp of the mean negative log-likelihood of the references' tokens, in the model's own"
              + " tokens: comparable between models of one tokenizer");

  private final CompareConfig config;
  private final Options options;
  private final Console console;
  private final Contestants contestants;
  private final List<String> notes = new ArrayList<>();

  /**
   * How a comparison goes on, besides what is compared.
   *
   * @param output folder of answers and scorecards
   * @param paid whether requests that cost money may be sent
   * @param fresh whether answers of other settings are thrown away
   * @param environment where keys are found
   * @param stop when it is requested, nobody else is asked and what was answered is kept
   */
  public record Options(
      Path output, boolean paid, boolean fresh, Map<String, String> environment, StopSignal stop) {}

  public Comparison(CompareConfig config, Options options, Console console) {
    this.config = config;
    this.options = options;
    this.console = console;
    this.contestants = new Contestants(config, options.environment());
  }

  /**
   * Runs it.
   *
   * @return empty where it was stopped; running it again goes on
   * @throws UserException for whatever can be put right, before anybody is asked where possible
   */
  public Optional<Scorecard> run() {
    List<Example> examples =
        Examples.read(
            config.data(),
            DataFormat.parse(config.format().name().toLowerCase(Locale.ROOT).replace('_', '-')),
            config.columnNames(),
            config.limit().orElse(Integer.MAX_VALUE));
    Map<String, Scorer> scorers = Scorers.of(config.scorers());
    scorers.forEach((name, scorer) -> check(name, scorer, examples));
    config.scorers().values().forEach(Comparison::checkHuman);
    config.go().ifPresent(go -> Decision.validate(go, unmarked(scorers)));
    console.say("%,d examples of %s".formatted(examples.size(), config.data()));

    var answering = new Answering(config, contestants, options, console, notes, examples);
    new PaidRequests(config, contestants, examples, answering.known())
        .allow(options.paid(), console);
    Map<String, List<Reply>> replies = answering.askAll();
    if (isStopped()) {
      return Optional.empty();
    }
    var scored = new ArrayList<Scored>();
    for (var entry : config.scorers().entrySet()) {
      scored.add(
          switch (entry.getValue()) {
            case ScorerConfig.Perplexity _ -> perplexity(entry.getKey(), answering.likelihoods());
            case ScorerConfig.Judge judge ->
                new Judging(config, contestants, options, console, notes)
                    .judge(entry.getKey(), judge, examples, replies);
            case ScorerConfig.Exact _,
                ScorerConfig.NormalizedExact _,
                ScorerConfig.Contains _,
                ScorerConfig.Regex _,
                ScorerConfig.RougeL _,
                ScorerConfig.Chrf _,
                ScorerConfig.TokenF1 _,
                ScorerConfig.Json _,
                ScorerConfig.Code _,
                ScorerConfig.Structure _ ->
                marked(
                    entry.getKey(),
                    Objects.requireNonNull(scorers.get(entry.getKey())),
                    examples,
                    replies);
          });
    }
    return isStopped()
        ? Optional.empty()
        : Optional.of(Scorecard.of(config, examples, replies, scored, notes));
  }

  private boolean isStopped() {
    if (options.stop().requested()) {
      console.result("stopped; what was answered is kept in " + options.output());
    }
    return options.stop().requested();
  }

  private static void checkHuman(ScorerConfig scorer) {
    if (scorer instanceof ScorerConfig.Judge judge) {
      judge.human().ifPresent(HumanJudgements::read);
    }
  }

  /** References that nothing can be scored against are mistakes in the data. */
  private void check(String name, Scorer scorer, List<Example> examples) {
    var problems = new ArrayList<String>();
    for (Example example : examples) {
      scorer
          .problemWith(example.reference())
          .ifPresent(why -> problems.add("example %s: %s".formatted(example.id(), why)));
    }
    if (problems.size() == examples.size()) {
      throw new UserException(
          "scorers.%s: no reference can be scored; %s".formatted(name, problems.getFirst()));
    }
    if (!problems.isEmpty()) {
      String words =
          "%s: %d of %d references cannot be scored and are left out; the first: %s"
              .formatted(name, problems.size(), examples.size(), problems.getFirst());
      notes.add(words);
      console.warn(words);
    }
  }

  /** The scorers with their figures and nobody's marks, to check rules against. */
  private List<Scored> unmarked(Map<String, Scorer> scorers) {
    var unmarked = new ArrayList<Scored>();
    config
        .scorers()
        .forEach((name, it) -> {
          Scorer scorer = scorers.get(name);
          List<Metric> metrics =
              scorer != null
                  ? scorer.metrics()
                  : List.of(it instanceof ScorerConfig.Judge ? Judging.PREFERRED : PERPLEXITY);
          unmarked.add(new Scored(name, metrics, Scored.Form.PLAIN, Map.of()));
        });
    return unmarked;
  }

  private Scored marked(
      String name, Scorer scorer, List<Example> examples, Map<String, List<Reply>> replies) {
    var marks = new LinkedHashMap<String, List<Optional<Marks>>>();
    replies.forEach((contestant, all) -> {
      var own = new ArrayList<Optional<Marks>>();
      for (int i = 0; i < all.size(); i++) {
        String reference = examples.get(i).reference();
        own.add(
            scorer.problemWith(reference).isPresent()
                ? Optional.empty()
                : all.get(i).answer().map(answer -> mark(name, scorer, reference, answer)));
      }
      marks.put(contestant, own);
    });
    return new Scored(name, scorer.metrics(), Scored.Form.PLAIN, marks);
  }

  private static Marks mark(String name, Scorer scorer, String reference, String answer) {
    try {
      return scorer.mark(reference, answer);
    } catch (IllegalArgumentException e) {
      throw new UserException("scorers.%s: %s".formatted(name, e.getMessage()), e);
    }
  }

  private static Scored perplexity(String name, Map<String, List<Likelihood>> likelihoods) {
    var marks = new LinkedHashMap<String, List<Optional<Marks>>>();
    likelihoods.forEach((contestant, all) ->
        marks.put(
            contestant,
            all.stream()
                .map(it ->
                    it.tokens() == 0
                        ? Optional.<Marks>empty()
                        : Optional.of(
                            Marks.of(Mark.ratio(it.negativeLogLikelihood(), it.tokens()))))
                .toList()));
    return new Scored(name, List.of(PERPLEXITY), Scored.Form.EXPONENTIAL, marks);
  }
}
