package dev.graft.trainer.compare;

import dev.graft.trainer.compare.contestant.Judge.Preference;
import dev.graft.trainer.config.UserException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * What a person prefers, to see whether a judge agrees.
 *
 * @param file where it stands
 */
record HumanJudgements(Path file, Map<Judged, Preference> preferences) {

  /** Whose answer to which example was held against the baseline's. */
  record Judged(String example, String contestant) {}

  /** A pair that both judged. */
  record Both(Preference judge, Preference person) {}

  /**
   * Reads a person's judgements, a JSON object a line.
   *
   * @throws UserException for lines that are none, and pairs that are judged twice
   */
  static HumanJudgements read(Path file) {
    var preferences = new LinkedHashMap<Judged, Preference>();
    try {
      int number = 0;
      for (String line : Files.readAllLines(file)) {
        number++;
        if (!line.isBlank()) {
          add(line, "%s line %d".formatted(file, number), preferences);
        }
      }
    } catch (CharacterCodingException e) {
      throw new UserException(file + ": is not UTF-8 text", e);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return new HumanJudgements(file, preferences);
  }

  private static void add(String line, String place, Map<Judged, Preference> preferences) {
    JsonNode row;
    try {
      row = JsonMapper.shared().readTree(line);
    } catch (JacksonException e) {
      throw new UserException(place + ": is not JSON", e);
    }
    Optional<Preference> preference = Preference.of(row.path("preferred").asString(""));
    if (preference.isEmpty() || !row.has("id") || !row.has("contestant")) {
      throw new UserException(
          place + ": needs id, contestant and preferred: contestant, baseline or tie");
    }
    var judged = new Judged(row.get("id").asString(), row.get("contestant").asString());
    if (preferences.put(judged, preference.get()) != null) {
      throw new UserException(
          "%s: '%s' of %s is judged a second time"
              .formatted(place, judged.example, judged.contestant));
    }
  }

  /** How often a judge says what the person says, and by how much that is more than chance. */
  String agreement(Map<Judged, Preference> judge) {
    var both = new ArrayList<Both>();
    preferences.forEach((judged, person) ->
        Optional.ofNullable(judge.get(judged)).ifPresent(it -> both.add(new Both(it, person))));
    if (both.isEmpty()) {
      return "none of the pairs in " + file + " was judged";
    }
    return String.format(
        Locale.ROOT,
        "agrees with a person on %d of %d pairs (Cohen's kappa %.2f)",
        both.stream().filter(it -> it.judge == it.person).count(),
        both.size(),
        kappa(both));
  }

  /**
   * Agreement beyond chance: (observed - expected) / (1 - expected), where chance is that of two
   * who use the words as often but without looking (Cohen 1960); 1 where only one word was used.
   */
  static double kappa(List<Both> both) {
    double count = both.size();
    double observed = both.stream().filter(it -> it.judge == it.person).count() / count;
    double expected = 0;
    for (Preference word : Preference.values()) {
      double byJudge = both.stream().filter(it -> it.judge == word).count() / count;
      double byPerson = both.stream().filter(it -> it.person == word).count() / count;
      expected += byJudge * byPerson;
    }
    return expected == 1 ? 1 : (observed - expected) / (1 - expected);
  }
}
