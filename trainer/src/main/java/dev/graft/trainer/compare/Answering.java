package dev.graft.trainer.compare;

import dev.graft.trainer.compare.config.CompareConfig;
import dev.graft.trainer.compare.config.ContestantConfig;
import dev.graft.trainer.compare.config.ScorerConfig;
import dev.graft.trainer.compare.contestant.Contestant;
import dev.graft.trainer.compare.contestant.Example;
import dev.graft.trainer.compare.contestant.KeptFile;
import dev.graft.trainer.compare.contestant.Likelihood;
import dev.graft.trainer.compare.contestant.LocalModel;
import dev.graft.trainer.compare.contestant.RecordedAnswers;
import dev.graft.trainer.compare.contestant.Reply;
import dev.graft.trainer.config.UserException;
import dev.graft.trainer.console.Console;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/**
 * Has every contestant answer. What comes is kept in the output folder, and what is there is not
 * asked again.
 */
final class Answering {

  private final CompareConfig config;
  private final Contestants contestants;
  private final Comparison.Options options;
  private final Console console;
  private final List<String> notes;
  private final List<Example> examples;
  private final Map<String, Map<String, Reply>> known = new LinkedHashMap<>();
  private final Map<String, List<Likelihood>> likelihoods = new LinkedHashMap<>();

  /**
   * Reads what is there.
   *
   * @throws UserException for answers of other data or settings
   */
  Answering(
      CompareConfig config,
      Contestants contestants,
      Comparison.Options options,
      Console console,
      List<String> notes,
      List<Example> examples) {
    this.config = config;
    this.contestants = contestants;
    this.options = options;
    this.console = console;
    this.notes = notes;
    this.examples = examples;
    config
        .contestants()
        .forEach((name, kind) -> {
          if (kind instanceof ContestantConfig.Recorded recorded) {
            known.put(name, recorded(name, recorded));
          } else if (!options.fresh()) {
            known.put(
                name,
                KeptFile.read(
                    file("answers", name), Reply.FORM, contestants.settings(name), examples));
          }
        });
  }

  /** The replies that were there before anybody was asked, by contestant and example. */
  Map<String, Map<String, Reply>> known() {
    return known;
  }

  /** The likelihoods of the references by local contestant, if a scorer wants them. */
  Map<String, List<Likelihood>> likelihoods() {
    return likelihoods;
  }

  /** Everybody's replies in the order of the examples; when it is stopped, not all of them. */
  Map<String, List<Reply>> askAll() {
    var replies = new LinkedHashMap<String, List<Reply>>();
    for (var entry : config.contestants().entrySet()) {
      if (options.stop().requested()) {
        break;
      }
      String name = entry.getKey();
      replies.put(
          name,
          complete(
              name,
              entry.getValue() instanceof ContestantConfig.Recorded
                  ? known.getOrDefault(name, Map.of())
                  : ask(name, entry.getValue())));
    }
    return replies;
  }

  private Path file(String folder, String name) {
    return options.output().resolve(folder).resolve(name + ".jsonl");
  }

  private Map<String, Reply> recorded(String name, ContestantConfig.Recorded recorded) {
    try (RecordedAnswers answers = new RecordedAnswers(recorded)) {
      var replies = new LinkedHashMap<String, Reply>();
      answers.answer(examples, reply -> replies.put(reply.id(), reply), () -> false);
      List<String> strangers = answers.strangers(examples);
      if (!strangers.isEmpty() && config.limit().isEmpty()) {
        String words =
            "%s: %,d of its ids are none of the examples', the first: %s"
                .formatted(name, strangers.size(), strangers.getFirst());
        notes.add(words);
        console.warn(words);
      }
      return replies;
    }
  }

  private Map<String, Reply> ask(String name, ContestantConfig kind) {
    boolean likelihood =
        (kind instanceof ContestantConfig.Base || kind instanceof ContestantConfig.Adapter)
            && config.scorers().values().stream()
                .anyMatch(ScorerConfig.Perplexity.class::isInstance);
    String settings = contestants.settings(name);
    try (KeptFile<Reply> answers =
        KeptFile.open(file("answers", name), Reply.FORM, settings, examples, options.fresh())) {
      List<Example> unanswered = missing(answers);
      sayToDo(name, "answer", unanswered.size());
      if (!likelihood) {
        if (!unanswered.isEmpty()) {
          try (Contestant contestant = contestants.open(name)) {
            answer(name, contestant, unanswered, answers);
          }
        }
        return answers.values();
      }
      try (KeptFile<Likelihood> kept =
          KeptFile.open(
              file("likelihoods", name), Likelihood.FORM, settings, examples, options.fresh())) {
        List<Example> unread = missing(kept);
        if (!unanswered.isEmpty() || !unread.isEmpty()) {
          try (LocalModel model = (LocalModel) contestants.open(name)) {
            answer(name, model, unanswered, answers);
            read(name, model, unread, kept);
          }
        }
        likelihoods.put(
            name,
            examples.stream()
                .map(it -> kept.values().getOrDefault(it.id(), Likelihood.NONE))
                .toList());
      }
      return answers.values();
    }
  }

  private List<Example> missing(KeptFile<?> kept) {
    return examples.stream().filter(it -> !kept.values().containsKey(it.id())).toList();
  }

  private void sayToDo(String name, String what, int missing) {
    int kept = examples.size() - missing;
    console.say(
        "%s: %,d to %s%s"
            .formatted(name, missing, what, kept > 0 ? ", %,d kept".formatted(kept) : ""));
  }

  private void answer(
      String name, Contestant contestant, List<Example> unanswered, KeptFile<Reply> answers) {
    var byId = new LinkedHashMap<String, Example>();
    unanswered.forEach(example -> byId.put(example.id(), example));
    var progress = new Progress(console, name, unanswered.size());
    contestant.answer(
        unanswered,
        reply -> {
          answers.add(Objects.requireNonNull(byId.get(reply.id())), reply);
          progress.oneMore();
        },
        options.stop()::requested);
  }

  private void read(
      String name, LocalModel model, List<Example> unread, KeptFile<Likelihood> kept) {
    if (!unread.isEmpty() && !options.stop().requested()) {
      sayToDo(name, "read for perplexity", unread.size());
    }
    var progress = new Progress(console, name, unread.size());
    model.likelihoods(
        unread,
        (example, likelihood) -> {
          kept.add(example, likelihood);
          progress.oneMore();
        },
        options.stop()::requested);
  }

  /** A reply for every example, in their order; who was not asked has none. */
  private List<Reply> complete(String name, Map<String, Reply> replies) {
    List<Reply> all =
        examples.stream()
            .map(example ->
                Optional.ofNullable(replies.get(example.id()))
                    .orElseGet(() -> Reply.failed(example.id(), "not asked")))
            .toList();
    if (options.stop().requested()) {
      return all;
    }
    long missing = all.stream().filter(it -> it.answer().isEmpty()).count();
    String why = all.stream().flatMap(it -> it.error().stream()).findFirst().orElse("");
    if (missing == all.size()) {
      throw new UserException("%s: gave no answer at all: %s".formatted(name, why));
    }
    if (missing > 0) {
      console.warn(
          "%s: %,d of %,d answers are missing and not scored; the first: %s"
              .formatted(name, missing, all.size(), why));
    }
    return all;
  }
}
