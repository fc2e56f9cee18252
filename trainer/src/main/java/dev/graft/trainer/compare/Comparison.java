package dev.graft.trainer.compare;

import dev.graft.tokenizer.DataFormat;
import dev.graft.trainer.compare.config.CompareConfig;
import dev.graft.trainer.compare.config.ContestantConfig;
import dev.graft.trainer.compare.config.ScorerConfig;
import dev.graft.trainer.compare.contestant.AnswerFile;
import dev.graft.trainer.compare.contestant.Contestant;
import dev.graft.trainer.compare.contestant.Example;
import dev.graft.trainer.compare.contestant.Examples;
import dev.graft.trainer.compare.contestant.LocalModel;
import dev.graft.trainer.compare.contestant.LocalModel.Likelihood;
import dev.graft.trainer.compare.contestant.RecordedAnswers;
import dev.graft.trainer.compare.contestant.RemoteModel;
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
    config.scorers().forEach(this::checkJudge);
    config.go().ifPresent(go -> Decision.validate(go, unmarked(scorers)));
    console.say("%,d examples of %s".formatted(examples.size(), config.data()));

    var replies = new LinkedHashMap<String, List<Reply>>();
    var likelihoods = new LinkedHashMap<String, List<Likelihood>>();
    for (String name : config.contestants().keySet()) {
      replies.put(name, ask(name, examples, likelihoods));
      if (options.stop().requested()) {
        console.result("stopped; what was answered is kept in " + options.output());
        return Optional.empty();
      }
    }
    var scored = new ArrayList<Scored>();
    for (var entry : config.scorers().entrySet()) {
      scored.add(
          switch (entry.getValue()) {
            case ScorerConfig.Perplexity _ -> perplexity(entry.getKey(), likelihoods);
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
    return Optional.of(Scorecard.of(config, examples, replies, scored, notes));
  }

  private void checkJudge(String name, ScorerConfig scorer) {
    if (scorer instanceof ScorerConfig.Judge judge) {
      ContestantConfig by =
          Optional.ofNullable(config.judges().get(judge.by()))
              .orElse(config.contestants().get(judge.by()));
      if (!(by instanceof ContestantConfig.Claude
          || by instanceof ContestantConfig.OpenaiCompatible)) {
        throw new UserException(
            "scorers.%s.by: '%s' is neither one of judges nor a contestant of kind claude or"
                    .formatted(name, judge.by())
                + " openai-compatible");
      }
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

  private List<Reply> ask(
      String name, List<Example> examples, Map<String, List<Likelihood>> likelihoods) {
    boolean wantsLikelihood =
        config.scorers().values().stream().anyMatch(ScorerConfig.Perplexity.class::isInstance);
    ContestantConfig kind = config.contestants().get(name);
    boolean local =
        kind instanceof ContestantConfig.Base || kind instanceof ContestantConfig.Adapter;
    if (kind instanceof ContestantConfig.Recorded recorded) {
      return recorded(name, recorded, examples);
    }
    try (AnswerFile answers =
        AnswerFile.open(
            options.output().resolve("answers").resolve(name + ".jsonl"),
            contestants.settings(name),
            examples,
            options.fresh())) {
      List<Example> unanswered =
          examples.stream().filter(it -> !answers.replies().containsKey(it.id())).toList();
      int kept = examples.size() - unanswered.size();
      console.say(
          "%s: %,d to answer%s"
              .formatted(
                  name,
                  unanswered.size(),
                  kept > 0 ? ", %,d answered before".formatted(kept) : ""));
      if (!unanswered.isEmpty() || (local && wantsLikelihood)) {
        try (Contestant contestant = contestants.open(name)) {
          answer(name, contestant, unanswered, answers);
          if (contestant instanceof LocalModel model && wantsLikelihood) {
            likelihoods.put(name, likelihoods(model, examples));
          }
        }
      }
      return complete(name, examples, answers.replies());
    }
  }

  private List<Likelihood> likelihoods(LocalModel model, List<Example> examples) {
    var likelihoods = new ArrayList<Likelihood>();
    for (Example example : examples) {
      if (options.stop().requested()) {
        break;
      }
      likelihoods.add(model.likelihood(example));
    }
    return likelihoods;
  }

  private List<Reply> recorded(
      String name, ContestantConfig.Recorded config, List<Example> examples) {
    try (RecordedAnswers answers = new RecordedAnswers(config)) {
      var replies = new LinkedHashMap<String, Reply>();
      answers.answer(examples, reply -> replies.put(reply.id(), reply), () -> false);
      List<String> strangers = answers.strangers(examples);
      if (!strangers.isEmpty() && this.config.limit().isEmpty()) {
        String words =
            "%s: %,d of its ids are none of the examples', the first: %s"
                .formatted(name, strangers.size(), strangers.getFirst());
        notes.add(words);
        console.warn(words);
      }
      return complete(name, examples, replies);
    }
  }

  private void answer(
      String name, Contestant contestant, List<Example> unanswered, AnswerFile answers) {
    if (contestant instanceof RemoteModel remote) {
      allow(name, remote.endpoint().isPaid(), remote.estimate(unanswered));
    }
    var byId = new LinkedHashMap<String, Example>();
    unanswered.forEach(example -> byId.put(example.id(), example));
    int[] done = {0};
    long[] said = {System.nanoTime()};
    contestant.answer(
        unanswered,
        reply -> {
          answers.add(Objects.requireNonNull(byId.get(reply.id())), reply);
          done[0]++;
          if (System.nanoTime() - said[0] > 5_000_000_000L) {
            said[0] = System.nanoTime();
            console.say("%s: %,d of %,d".formatted(name, done[0], unanswered.size()));
          }
        },
        options.stop()::requested);
  }

  /** Says what paid requests would take, and stops unless they were allowed. */
  void allow(String name, boolean isPaid, RemoteModel.Estimate estimate) {
    if (!isPaid || estimate.requests() == 0) {
      return;
    }
    String cost =
        Optional.ofNullable(config.prices().get(name))
            .map(price ->
                String.format(
                    Locale.ROOT,
                    ", about %.2f at the prices given",
                    (estimate.inputTokens() * price.input()
                            + estimate.outputTokens() * price.output())
                        / 1e6))
            .orElse("; prices.%s would tell the cost".formatted(name));
    String words =
        "%s: %,d requests, about %,d tokens to read and %,d to write%s"
            .formatted(
                name, estimate.requests(), estimate.inputTokens(), estimate.outputTokens(), cost);
    if (!options.paid()) {
      throw new UserException(words + ". Say --yes to send them.");
    }
    console.say(words);
  }

  /** A reply for every example, in their order; who was not asked has none. */
  private List<Reply> complete(String name, List<Example> examples, Map<String, Reply> replies) {
    List<Reply> all =
        examples.stream()
            .map(example ->
                Optional.ofNullable(replies.get(example.id()))
                    .orElseGet(() -> Reply.failed(example.id(), "not asked")))
            .toList();
    long missing = all.stream().filter(it -> it.answer().isEmpty()).count();
    if (missing == all.size() && !options.stop().requested()) {
      throw new UserException(
          "%s: gave no answer at all: %s"
              .formatted(name, all.getFirst().error().orElse("nobody knows why")));
    }
    if (missing > 0 && !options.stop().requested()) {
      String why = all.stream().flatMap(it -> it.error().stream()).findFirst().orElse("");
      console.warn(
          "%s: %,d of %,d answers are missing and not scored; the first: %s"
              .formatted(name, missing, all.size(), why));
    }
    return all;
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
