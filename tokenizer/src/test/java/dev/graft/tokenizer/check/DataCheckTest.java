package dev.graft.tokenizer.check;

import static org.assertj.core.api.Assertions.assertThat;

import dev.graft.tokenizer.DataFormat;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Random;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.json.JsonMapper;

class DataCheckTest {
  private static final List<String> WORDS =
      List.of(
          ("the patient said that knee was sore after walking to market and doctor gave him a cream"
                  + " which helped in one week of rest with tea honey bread window river garden apple"
                  + " stone paper lamp chair music winter summer morning evening cat dog horse bird")
              .split(" "));

  @TempDir Path folder;
  private final List<String> rows = new ArrayList<>();
  private final Random random = new Random(7);

  @BeforeEach
  void cleanData() {
    for (int i = 0; i < 120; i++) {
      add(words(30), "It is clear: " + words(25) + ".");
    }
  }

  @Test
  void cleanDataHasNoFindings() throws IOException {
    assertThat(check().findings()).isEmpty();
  }

  @Test
  void wrongRowsAreAllNamed() throws IOException {
    rows.add(3, "{oops");
    rows.add(50, "{\"conversations\":[]}");
    rows.add(row("Hi", " "));
    Finding finding = finding(check(), "wrong-rows");
    assertThat(finding.severity()).isEqualTo(Finding.Severity.ERROR);
    assertThat(finding.places()).extracting(p -> p.origin().line()).containsExactly(4L, 51L, 123L);
    assertThat(finding.places().get(1).remark()).startsWith("the conversation has no messages");
  }

  @Test
  void exactAndNearDuplicates() throws IOException {
    rows.add(rows.get(4));
    String question = words(60);
    String answer = words(60) + ".";
    add(question, answer);
    add(question + " Please", answer.replace(".", " indeed."));
    CheckReport report = check();
    assertThat(places(report, "exact-duplicates")).containsExactly(121L);
    assertThat(places(report, "near-duplicates")).containsExactly(123L);
    assertThat(finding(report, "near-duplicates").places().getFirst().remark())
        .contains("train.jsonl line 122");
  }

  @Test
  void leakageFromTrainingToValidation() throws IOException {
    String question = words(60);
    String answer = words(60) + ".";
    add(question, answer);
    List<String> validation =
        List.of(
            row(words(30), words(30) + "."),
            rows.get(9),
            row(question + " Thanks", answer),
            row(promptOf(rows.get(11)), "Something else altogether, in quite other words."));
    CheckReport report = check(validation);
    assertThat(places(report, "leakage")).containsExactly(2L);
    assertThat(places(report, "near-leakage")).containsExactly(3L);
    assertThat(places(report, "prompt-leakage")).containsExactly(4L);
    assertThat(report.statistics().rows()).isEqualTo(121);
  }

  @Test
  void contradictionsCutAnswersAndRefusals() throws IOException {
    add(promptOf(rows.get(20)), "Quite the opposite of what was said there before, I think.");
    add(words(30), words(30) + " and then they went to the");
    add(words(30), "As an AI language model, I cannot have opinions about " + words(9) + ".");
    CheckReport report = check();
    assertThat(places(report, "conflicting-answers")).containsExactly(121L);
    assertThat(places(report, "truncated")).containsExactly(122L);
    assertThat(places(report, "refusals")).containsExactly(123L);
  }

  @Test
  void everyExchangeOfAConversationIsLookedAt() throws IOException {
    String question = words(30);
    String first = "Quite so: " + words(9) + ".";
    add(question, first);
    rows.add(row(question, "Not at all: " + words(9) + ".", words(9), "I cannot help with that."));
    rows.add(row("Hello!", "Hello, how are you?"));
    rows.add(row("Hello!", "Good morning, what brings you here?"));
    CheckReport report = check();
    assertThat(places(report, "conflicting-answers")).containsExactly(122L);
    assertThat(places(report, "refusals")).containsExactly(122L);
  }

  @Test
  void whatIsNoTextIsNamedWithItsLine() throws IOException {
    rows.add(row("Half of a pair: LONE.", "Yes.").replace("LONE", "\\ud83d"));
    Path train = folder.resolve("train.jsonl");
    Files.write(train, rows, StandardCharsets.UTF_8);
    Files.write(
        train,
        (row("Latin", "Caf\u00e9.") + "\n").getBytes(StandardCharsets.ISO_8859_1),
        StandardOpenOption.APPEND);
    Files.write(train, List.of(row("good", "again")), StandardOpenOption.APPEND);
    Finding finding = finding(checkFile(train), "wrong-rows");
    assertThat(finding.places()).extracting(p -> p.origin().line()).containsExactly(121L, 122L);
    assertThat(finding.places().get(0).remark()).contains("half a character");
    assertThat(finding.places().get(1).remark()).contains("0xE9 is not UTF-8");
  }

  @Test
  void aLongCommonInstructionMakesNoDuplicates() throws IOException {
    rows.clear();
    String instruction = words(200);
    for (int i = 0; i < 110; i++) {
      add(instruction + " " + words(30), "It is clear: " + words(25) + ".");
    }
    String own = words(30);
    String answer = "It is clear: " + words(25) + ".";
    add(instruction + " " + own, answer);
    add(instruction + " " + own + " indeed", answer);
    assertThat(places(check(), "near-duplicates")).containsExactly(112L);
  }

  @Test
  void anotherLanguage() throws IOException {
    add(
        words(30),
        "Der Patient ist nicht mit dem Auto gekommen, und ich habe für ihn die Salbe auf den Tisch"
            + " gelegt, die von der Apotheke war.");
    assertThat(finding(check(), "language").message()).contains("German").contains("English");
    rows.set(120, rows.getLast().replaceFirst("content\":\"", "content\":\"Translate: "));
    assertThat(check().findings()).isEmpty();
  }

  @Test
  void formsThatDrift() throws IOException {
    rows.clear();
    for (int i = 0; i < 100; i++) {
      add(words(30), "{\"code\":\"" + words(2) + "\",\"reason\":\"" + words(9) + "\"}");
    }
    add(words(30), "{\"code\":\"x\",\"reason\":\"cut off");
    add(words(30), "{\"code\":\"x\",\"reasons\":\"y\"}");
    CheckReport report = check();
    assertThat(places(report, "format-json")).containsExactly(101L);
    assertThat(places(report, "format-schema")).containsExactly(102L);

    rows.clear();
    for (int i = 0; i < 100; i++) {
      add(words(30), "# Plan\n" + words(9) + ".\n# Findings\n" + words(9) + ".");
    }
    add(words(30), "# Findings\n" + words(9) + ".\n# Plan\n" + words(9) + ".");
    assertThat(places(check(), "format-sections")).containsExactly(101L);
  }

  @Test
  void secretsAreNamedButNotShown() throws IOException {
    String key = "sk-ant-" + "a1B2".repeat(8);
    add("Call me: jane.doe@example.org or " + words(20), "The key is " + key + ".");
    add("My card is 4111 1111 1111 1111, " + words(20), "IBAN DE89 3704 0044 0532 0130 00 it is.");
    CheckReport report = check();
    assertThat(report.findings()).extracting(Finding::code).containsOnly("secret", "personal-data");
    assertThat(report.findings()).hasSize(4);
    assertThat(report.toString())
        .doesNotContain(key)
        .doesNotContain("jane.doe")
        .doesNotContain("1111 1111")
        .doesNotContain("0532 0130");
  }

  @Test
  void sourcesAndCounts() throws IOException {
    rows.set(5, rows.get(5).replaceFirst("\\{", "{\"source\":\"GPT-4o\","));
    assertThat(places(check(), "source")).containsExactly(6L);
    rows.subList(50, rows.size()).clear();
    assertThat(finding(check(), "few-rows").message()).isEqualTo("only 50 conversations");
  }

  @Test
  void realDialoguesAndTheirKnownLeak() {
    String conformance = System.getProperty("conformance.dir", "");
    Assumptions.assumeTrue(
        !conformance.isEmpty(), "conformance.dir is not set: real data not there");
    Path data =
        Path.of(System.getProperty("graft.root", ""))
            .resolve(conformance)
            .resolve("data/mts-dialog");
    CheckReport report =
        new DataCheck(DataFormat.AUTO, Map.of(), null, OptionalInt.empty(), _ -> {})
            .run(
                List.of(data.resolve("train.conversations.jsonl")),
                List.of(data.resolve("validation.conversations.jsonl")));
    assertThat(places(report, "exact-duplicates")).containsExactly(1110L);
    assertThat(places(report, "near-leakage")).containsExactly(59L);
    assertThat(report.findings()).noneMatch(f -> f.code().equals("language"));
  }

  private CheckReport check() throws IOException {
    return check(List.of());
  }

  private CheckReport check(List<String> validation) throws IOException {
    Path train = folder.resolve("train.jsonl");
    Files.write(train, rows, StandardCharsets.UTF_8);
    List<Path> others = new ArrayList<>();
    if (!validation.isEmpty()) {
      others.add(Files.write(folder.resolve("validation.jsonl"), validation));
    }
    return new DataCheck(DataFormat.AUTO, Map.of(), null, OptionalInt.empty(), _ -> {})
        .run(List.of(train), others);
  }

  private static CheckReport checkFile(Path file) {
    return new DataCheck(DataFormat.AUTO, Map.of(), null, OptionalInt.empty(), _ -> {})
        .run(List.of(file), List.of());
  }

  private static Finding finding(CheckReport report, String code) {
    Optional<Finding> found =
        report.findings().stream().filter(f -> f.code().equals(code)).findFirst();
    assertThat(found).as("%s in %s", code, report.findings()).isPresent();
    return found.orElseThrow();
  }

  private static List<Long> places(CheckReport report, String code) {
    return finding(report, code).places().stream().map(p -> p.origin().line()).toList();
  }

  private String words(int count) {
    List<String> words = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      words.add(WORDS.get(random.nextInt(WORDS.size())));
    }
    return String.join(" ", words);
  }

  private void add(String human, String assistant) {
    rows.add(row(human, assistant));
  }

  /** A conversation of human and assistant in turn. */
  private static String row(String... contents) {
    List<Map<String, String>> messages = new ArrayList<>();
    for (int i = 0; i < contents.length; i++) {
      messages.add(Map.of("role", i % 2 == 0 ? "human" : "assistant", "content", contents[i]));
    }
    return JsonMapper.shared().writeValueAsString(Map.of("conversations", messages));
  }

  private static String promptOf(String row) {
    return JsonMapper.shared().readTree(row).at("/conversations/0/content").stringValue();
  }
}
