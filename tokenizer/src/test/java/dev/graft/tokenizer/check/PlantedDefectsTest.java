package dev.graft.tokenizer.check;

import static org.assertj.core.api.Assertions.assertThat;

import dev.graft.tokenizer.DataFormat;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Random;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.json.JsonMapper;

/** A thousand conversations with defects of every kind among them: all are found, and only they. */
class PlantedDefectsTest {
  private static final String[] WORDS =
      ("the patient said that her knee was sore after walking to market and doctor gave him cream"
              + " which helped in one week of rest with tea honey bread window river garden apple"
              + " stone paper lamp chair music winter summer morning evening horse bird sleep cold")
          .split(" ");

  private static final List<String> REFUSALS =
      List.of(
          "As an AI language model, I do not have opinions about that.",
          "I'm sorry, but I can't help with that request today.",
          "I am unable to provide medical advice of that kind.",
          "I cannot assist with this. Please ask somebody else.");

  private static final List<String> UNFINISHED =
      List.of(" and then they went to the", " which they said,", " Then they went. After that she");

  private static final List<String> FOREIGN =
      List.of(
          "Der Patient ist nicht mit dem Auto gekommen, und ich habe die Salbe auf den Tisch"
              + " gelegt, die von der Apotheke für ihn war.",
          "Le patient est venu avec sa femme et les enfants, mais il ne va pas au marché pour des"
              + " pommes que la dame vend dans la rue.",
          "El paciente dice que la rodilla le duele por las noches y no puede dormir en su cama con"
              + " el frío que hace en los meses de invierno.");

  private static final Map<String, List<String>> VALUES =
      Map.of(
          "private key", List.of("-----BEGIN OPENSSH PRIVATE KEY-----"),
          "API key",
              List.of("sk-proj-Ab3Cd4Ef5Gh6Ij7Kl8Mn9", "api_key = \"9f8e7d6c5b4a39281706f5e4\""),
          "GitHub token", List.of("ghp_Z9y8X7w6V5u4T3s2R1q0P9o8N7m6L5k4J3i2"),
          "password", List.of("password: tr0ub4dor&3x"),
          "e-mail address", List.of("jane.doe@clinic.example.org", "x+y@a-b.co.uk"),
          "phone number", List.of("(415) 555-0132", "+49 30 1234567", "06 12 34 56 78"),
          "IBAN", List.of("DE89 3704 0044 0532 0130 00", "FR1420041010050500013M02606"),
          "credit card number", List.of("4111 1111 1111 1111", "378282246310005"),
          "US social security number", List.of("536-22-8145"),
          "medical record number", List.of("MRN: 00482913", "medical record number 55-10292"));

  @TempDir Path folder;
  private final Random random = new Random(99);
  private final List<String> rows = new ArrayList<>();
  private final Map<String, TreeSet<Long>> planted = new HashMap<>();

  private String words(int count) {
    StringBuilder words = new StringBuilder("So");
    for (int i = 0; i < count; i++) {
      words.append(' ').append(WORDS[random.nextInt(WORDS.length)]);
    }
    return words.toString();
  }

  private String any(List<String> list) {
    return list.get(random.nextInt(list.size()));
  }

  private void add(String human, String assistant, String defect) {
    rows.add(
        JsonMapper.shared().writeValueAsString(Map.of("prompt", human, "completion", assistant)));
    if (!defect.isEmpty()) {
      planted.computeIfAbsent(defect, _ -> new TreeSet<>()).add((long) rows.size());
    }
  }

  @Test
  void areFoundAndNothingElse() throws IOException {
    List<String> kinds = new ArrayList<>(VALUES.keySet());
    for (int i = 0; i < 1000; i++) {
      String human = words(15 + random.nextInt(60));
      String assistant = words(15 + random.nextInt(60)) + ".";
      add(human, assistant, "");
      switch (random.nextInt(30)) {
        case 0 -> add(human, assistant, "exact-duplicates");
        case 1 -> add(human + " now", assistant, "near-duplicates");
        case 2 -> add(human, words(70) + ".", "conflicting-answers");
        case 3 -> add(words(30), words(30) + any(UNFINISHED), "truncated");
        case 4 -> add(words(30), any(REFUSALS), "refusals");
        case 5 -> add(words(30), any(FOREIGN) + " " + random.nextInt(), "language");
        case 6, 7, 8, 9 -> {
          String kind = any(kinds);
          add(
              words(30),
              words(9) + ": " + any(VALUES.getOrDefault(kind, List.of())) + " " + words(9) + ".",
              kind);
        }
        default -> {}
      }
    }
    Path file = Files.write(folder.resolve("planted.jsonl"), rows);

    CheckReport report =
        new DataCheck(DataFormat.AUTO, Map.of(), null, OptionalInt.empty(), _ -> {})
            .run(List.of(file), List.of());

    Map<String, TreeSet<Long>> found = new HashMap<>();
    for (Finding finding : report.findings()) {
      boolean ofKind = finding.code().equals("secret") || finding.code().equals("personal-data");
      String name = ofKind ? finding.message().replaceFirst(".*: ", "") : finding.code();
      finding
          .places()
          .forEach(place ->
              found.computeIfAbsent(name, _ -> new TreeSet<>()).add(place.origin().line()));
    }
    found.remove("many-rows");
    assertThat(found).isEqualTo(planted);
    assertThat(planted).hasSize(6 + VALUES.size());
  }
}
