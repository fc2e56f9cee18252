package dev.graft.trainer.compare;

import dev.graft.trainer.compare.config.CompareConfig;
import dev.graft.trainer.compare.config.ScorerConfig;
import dev.graft.trainer.compare.contestant.Contestant;
import dev.graft.trainer.compare.contestant.Endpoint.Refusal;
import dev.graft.trainer.compare.contestant.Example;
import dev.graft.trainer.compare.contestant.Judge;
import dev.graft.trainer.compare.contestant.Judge.Preference;
import dev.graft.trainer.compare.contestant.RemoteModel;
import dev.graft.trainer.compare.contestant.Reply;
import dev.graft.trainer.compare.score.Mark;
import dev.graft.trainer.compare.score.Marks;
import dev.graft.trainer.compare.score.Metric;
import dev.graft.trainer.compare.scorecard.Scored;
import dev.graft.trainer.config.UserException;
import dev.graft.trainer.console.Console;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

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

  Scored judge(
      String name,
      ScorerConfig.Judge scorer,
      List<Example> examples,
      Map<String, List<Reply>> replies) {
    var marks = new LinkedHashMap<String, List<Optional<Marks>>>();
    var preferences = new HashMap<String, Preference>();
    try (Contestant opened = contestants.open(scorer.by())) {
      if (!(opened instanceof RemoteModel model)) {
        throw new UserException(
            "scorers.%s.by: '%s' is no claude or openai-compatible".formatted(name, scorer.by()));
      }
      allow(name, model, scorer, examples, replies);
      var judge = new Judge(model, scorer.rubric());
      List<Reply> baseline = replies.getOrDefault(config.baselineName(), List.of());
      replies.forEach((contestant, all) -> {
        if (!contestant.equals(config.baselineName())) {
          marks.put(
              contestant,
              judge(name, judge, scorer, examples, contestant, all, baseline, preferences));
        }
      });
    }
    scorer.human().ifPresent(file -> notes.add(agreement(name, file, preferences)));
    return new Scored(name, List.of(PREFERRED), Scored.Form.PREFERENCE, marks);
  }

  private void allow(
      String name,
      RemoteModel model,
      ScorerConfig.Judge scorer,
      List<Example> examples,
      Map<String, List<Reply>> replies) {
    if (model.endpoint().isPaid() && !options.paid()) {
      int pairs =
          Math.min(examples.size(), scorer.limit().orElse(Integer.MAX_VALUE))
              * (replies.size() - 1);
      throw new UserException(
          "scorers.%s: up to %,d requests to %s. Say --yes to send them."
              .formatted(name, 2 * pairs, model.endpoint().address()));
    }
  }

  private List<Optional<Marks>> judge(
      String name,
      Judge judge,
      ScorerConfig.Judge scorer,
      List<Example> examples,
      String contestant,
      List<Reply> answers,
      List<Reply> baseline,
      Map<String, Preference> preferences) {
    var own = new ArrayList<Optional<Marks>>();
    int refused = 0;
    String why = "";
    for (int i = 0; i < examples.size(); i++) {
      Optional<String> one = answers.get(i).answer();
      Optional<String> other = baseline.get(i).answer();
      boolean judged =
          i < scorer.limit().orElse(Integer.MAX_VALUE) && one.isPresent() && other.isPresent();
      if (!judged || options.stop().requested()) {
        own.add(Optional.empty());
        continue;
      }
      try {
        Preference preference = judge.prefer(examples.get(i), one.get(), other.get());
        preferences.put(examples.get(i).id() + "\0" + contestant, preference);
        own.add(Optional.of(Marks.of(Mark.of(preference.value()))));
      } catch (Refusal e) {
        refused++;
        why = Optional.ofNullable(e.getMessage()).orElse("");
        own.add(Optional.empty());
      }
    }
    if (refused > 0) {
      String words =
          "%s: %,d pairs of %s were not judged and do not count; the last: %s"
              .formatted(name, refused, contestant, why);
      notes.add(words);
      console.warn(words);
    }
    return own;
  }

  /** How often the judge says what a person says, and by how much that is more than chance. */
  private static String agreement(String name, Path file, Map<String, Preference> preferences) {
    int[][] table = new int[3][3];
    int count = 0;
    int number = 0;
    try {
      for (String line : Files.readAllLines(file)) {
        number++;
        if (line.isBlank()) {
          continue;
        }
        JsonNode row = JsonMapper.shared().readTree(line);
        Optional<Preference> person = Preference.of(row.path("preferred").asString(""));
        if (person.isEmpty() || !row.has("id") || !row.has("contestant")) {
          throw new UserException(
              "%s line %d: needs id, contestant and preferred: contestant, baseline or tie"
                  .formatted(file, number));
        }
        Preference judge =
            preferences.get(row.get("id").asString() + "\0" + row.get("contestant").asString());
        if (judge != null) {
          table[judge.ordinal()][person.get().ordinal()]++;
          count++;
        }
      }
    } catch (JacksonException e) {
      throw new UserException("%s line %d: is not JSON".formatted(file, number), e);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    if (count == 0) {
      return name + ": none of the pairs in " + file + " was judged";
    }
    return String.format(
        Locale.ROOT,
        "%s: agrees with a person on %d of %d pairs (Cohen's kappa %.2f)",
        name,
        table[0][0] + table[1][1] + table[2][2],
        count,
        kappa(table, count));
  }

  /**
   * Cohen 1960: (observed - expected agreement) / (1 - expected); 1 where only one word was used.
   */
  static double kappa(int[][] table, int count) {
    double observed = 0;
    double expected = 0;
    for (int i = 0; i < table.length; i++) {
      observed += table[i][i] / (double) count;
      double row = 0;
      double column = 0;
      for (int j = 0; j < table.length; j++) {
        row += table[i][j];
        column += table[j][i];
      }
      expected += row * column / count / count;
    }
    return expected == 1 ? 1 : (observed - expected) / (1 - expected);
  }
}
