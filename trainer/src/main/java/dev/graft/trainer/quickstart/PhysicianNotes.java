package dev.graft.trainer.quickstart;

import java.time.LocalDate;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import tools.jackson.databind.json.JsonMapper;

/**
 * Invents physicians' notes and what should be read out of them, as conversations JSONL. The people
 * do not exist, and the plans are nobody's medical advice.
 */
final class PhysicianNotes {

  private static final String TASK =
      "Extract diagnosis_icd10, symptoms, prescribed_medications and follow_up_date as JSON.";

  private static final LocalDate FIRST_DAY = LocalDate.of(2025, 1, 6);
  private static final int DAYS = 330;

  private static final DateTimeFormatter IN_WORDS =
      DateTimeFormatter.ofPattern("d MMMM yyyy", Locale.ENGLISH);

  /** {@link Random}'s numbers are fixed by its specification, on every machine and for good. */
  private final Random random;

  private final JsonMapper json = JsonMapper.shared();

  PhysicianNotes(long seed) {
    random = new Random(seed);
  }

  /** One line of a data file. */
  String nextLine() {
    Condition condition = oneOf(Condition.ALL);
    List<String> symptoms = some(condition.symptoms(), 2 + random.nextInt(2));
    List<String> medications = some(condition.medications(), 1 + random.nextInt(2));
    LocalDate visit = FIRST_DAY.plusDays(random.nextInt(DAYS));
    LocalDate followUp = visit.plusDays(oneOf(condition.followUpDays()));

    var answer = new LinkedHashMap<String, Object>();
    answer.put("diagnosis_icd10", condition.code());
    answer.put("symptoms", symptoms);
    answer.put("prescribed_medications", medications);
    answer.put("follow_up_date", followUp.toString());
    String note = note(oneOf(condition.names()), symptoms, medications, visit, followUp);
    return json.writeValueAsString(
        Map.of(
            "conversations",
            List.of(
                message("human", TASK + "\n\n" + note),
                message("assistant", json.writeValueAsString(answer)))));
  }

  private static Map<String, String> message(String role, String content) {
    var message = new LinkedHashMap<String, String>();
    message.put("role", role);
    message.put("content", content);
    return message;
  }

  private String note(
      String diagnosis,
      List<String> symptoms,
      List<String> medications,
      LocalDate visit,
      LocalDate followUp) {
    String patient = (19 + random.nextInt(66)) + "-year-old " + oneOf(List.of("woman", "man"));
    String complaint = listed(symptoms);
    String duration = (2 + random.nextInt(9)) + " days";
    String plan = listed(medications);
    String day = IN_WORDS.format(visit);
    String next = IN_WORDS.format(followUp);
    return switch (random.nextInt(3)) {
      case 0 ->
          "%s, seen %s. Reports %s for %s. Assessment: %s. Plan: %s. Follow-up on %s."
              .formatted(patient, day, complaint, duration, diagnosis, plan, next);
      case 1 ->
          "Visit of %s. %s with %s for %s. Diagnosed with %s. Started %s. See again %s."
              .formatted(day, patient, complaint, duration, diagnosis, plan, next);
      default ->
          "%s: %s presents with %s (%s). Impression: %s. Rx: %s. Return visit %s."
              .formatted(day, patient, complaint, duration, diagnosis, plan, next);
    };
  }

  private <T> T oneOf(List<T> choices) {
    return choices.get(random.nextInt(choices.size()));
  }

  /** So many of them, in the order in which they are drawn. */
  private List<String> some(List<String> choices, int count) {
    var left = new ArrayList<>(choices);
    var drawn = new ArrayList<String>();
    while (drawn.size() < count) {
      drawn.add(left.remove(random.nextInt(left.size())));
    }
    return drawn;
  }

  private static String listed(List<String> parts) {
    String last = parts.getLast();
    return parts.size() == 1
        ? last
        : String.join(", ", parts.subList(0, parts.size() - 1)) + " and " + last;
  }
}
