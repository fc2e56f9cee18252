package dev.graft.trainer.compare;

import dev.graft.trainer.compare.HumanJudgements.Judged;
import dev.graft.trainer.compare.config.CompareConfig;
import dev.graft.trainer.compare.config.ScorerConfig;
import dev.graft.trainer.compare.contestant.Example;
import dev.graft.trainer.compare.contestant.Judge;
import dev.graft.trainer.compare.contestant.Judge.Pair;
import dev.graft.trainer.compare.contestant.Judge.Preference;
import dev.graft.trainer.compare.contestant.RemoteModel;
import dev.graft.trainer.compare.contestant.Reply;
import dev.graft.trainer.compare.score.Mark;
import dev.graft.trainer.compare.score.Marks;
import dev.graft.trainer.compare.score.Metric;
import dev.graft.trainer.compare.scorecard.Scored;
import dev.graft.trainer.console.Console;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Has a model judge every contestant's answers against the baseline's. */
final class Judging {

  static final Metric PREFERRED =
      new Metric("preferred", true, "mean preference over the baseline: 1 won, 0.5 tied, 0 lost");

  private final CompareConfig config;
  private final Contestants contestants;
  private final Comparison.Options options;
  private final Console console;
  private final List<String> notes;

  Judging(
      CompareConfig config,
      Contestants contestants,
      Comparison.Options options,
      Console console,
      List<String> notes) {
    this.config = config;
    this.contestants = contestants;
    this.options = options;
    this.console = console;
    this.notes = notes;
  }

  /** The pairs that a scorer has judged: two answers that are there, up to its limit. */
  static List<Pair> pairs(
      CompareConfig config,
      ScorerConfig.Judge scorer,
      List<Example> examples,
      Map<String, List<Reply>> replies) {
    List<Reply> baseline = replies.getOrDefault(config.baselineName(), List.of());
    int count = Math.min(examples.size(), scorer.limit().orElse(Integer.MAX_VALUE));
    var pairs = new ArrayList<Pair>();
    replies.forEach((contestant, all) -> {
      for (int i = 0; i < count && !contestant.equals(config.baselineName()); i++) {
        Optional<String> one = all.get(i).answer();
        Optional<String> other = baseline.get(i).answer();
        if (one.isPresent() && other.isPresent()) {
          pairs.add(new Pair(contestant, examples.get(i), one.get(), other.get()));
        }
      }
    });
    return pairs;
  }

  Scored judge(
      String name,
      ScorerConfig.Judge scorer,
      List<Example> examples,
      Map<String, List<Reply>> replies) {
    List<Pair> pairs = pairs(config, scorer, examples, replies);
    var preferences = new HashMap<Judged, Preference>();
    try (RemoteModel model = contestants.openJudge(name, scorer)) {
      var progress = new Progress(console, name, pairs.size());
      var refusals = new LinkedHashMap<String, List<String>>();
      new Judge(model, scorer.rubric())
          .prefer(
              pairs,
              (pair, preference) -> {
                preferences.put(new Judged(pair.example().id(), pair.contestant()), preference);
                progress.oneMore();
              },
              (pair, why) -> {
                refusals.computeIfAbsent(pair.contestant(), _ -> new ArrayList<>()).add(why);
                progress.oneMore();
              },
              options.stop()::requested);
      refusals.forEach((contestant, whys) -> refused(name, contestant, whys));
    }
    scorer
        .human()
        .map(HumanJudgements::read)
        .ifPresent(people -> notes.add(name + ": " + people.agreement(preferences)));
    var marks = new LinkedHashMap<String, List<Optional<Marks>>>();
    for (String contestant : replies.keySet()) {
      if (!contestant.equals(config.baselineName())) {
        marks.put(
            contestant,
            examples.stream()
                .map(example ->
                    Optional.ofNullable(preferences.get(new Judged(example.id(), contestant)))
                        .map(preference -> Marks.of(Mark.of(preference.value()))))
                .toList());
      }
    }
    return new Scored(name, List.of(PREFERRED), Scored.Form.PREFERENCE, marks);
  }

  private void refused(String name, String contestant, List<String> whys) {
    String words =
        "%s: %,d pairs of %s were not judged and do not count; the first: %s"
            .formatted(name, whys.size(), contestant, whys.getFirst());
    notes.add(words);
    console.warn(words);
  }
}
