package dev.graft.tokenizer.template;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.GZIPInputStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Templates of real models against what transformers' environment renders from them. */
class ConformanceTest {
  private record Case(String name, String template, JsonNode json) {
    TemplateInput input() {
      // The oracle's strftime_now answers this whatever the format.
      return new TemplateInput(Cases.variables(json.get("data")), _ -> "26 Jul 2024");
    }
  }

  private static final List<Case> CASES = new ArrayList<>();
  private static final Map<String, ChatTemplate> PARSED = new HashMap<>();

  private static ChatTemplate parsed(String template) {
    return PARSED.computeIfAbsent(template, ChatTemplate::parse);
  }

  @BeforeAll
  static void read() throws IOException {
    String conformance = System.getProperty("conformance.dir", "");
    Assumptions.assumeTrue(
        !conformance.isEmpty(), "conformance.dir is not set: no templates of real models here");
    Path folder = Path.of(conformance, "chat-templates");
    for (JsonNode json :
        JsonMapper.shared().readTree(Files.readAllBytes(folder.resolve("cases.json")))) {
      CASES.add(new Case(json.get("name").stringValue(), json.get("template").stringValue(), json));
    }
    try (InputStream file =
        new GZIPInputStream(Files.newInputStream(folder.resolve("stress.json.gz")))) {
      JsonNode stress = JsonMapper.shared().readTree(file);
      for (JsonNode json : stress.get("cases")) {
        String name = json.get("template").stringValue();
        JsonNode source = stress.get("templates").get(name);
        CASES.add(
            new Case(
                json.get("name").stringValue(),
                source == null ? name : source.stringValue(),
                json));
      }
    }
  }

  @Test
  void everyRenderingIsEqualToPythonsByteForByte() {
    List<String> different = new ArrayList<>();
    for (Case testCase : CASES) {
      String actual = Cases.textOrError(() -> parsed(testCase.template), testCase.input());
      String expected = Cases.expected(testCase.json);
      if (!actual.equals(expected)) {
        different.add(testCase.name + "\n  expected " + expected + "\n  actual   " + actual);
      }
    }
    assertThat(CASES).hasSize(84 + 1794);
    assertThat(different).isEmpty();
  }

  /**
   * The span of a turn against the other way to find it: where the prompt that a server renders for
   * this turn is a prefix of the whole text, the span begins at its end, and where the conversation
   * up to and with the turn is one, the span ends within it.
   */
  @Test
  void spansAgreeWithThePromptsAServerRenders() {
    int spans = 0;
    int starts = 0;
    int refused = 0;
    List<String> wrong = new ArrayList<>();
    for (Case testCase : CASES) {
      ChatTemplate template = parsed(testCase.template);
      Rendering rendering;
      try {
        template.text(testCase.input());
      } catch (TemplateException _) {
        continue;
      }
      try {
        rendering = template.render(testCase.input());
      } catch (TemplateException _) {
        refused++;
        continue;
      }
      for (Span span : rendering.assistantSpans()) {
        spans++;
        String prompt = prompt(template, testCase.input(), span.message(), true);
        // The prompt of an empty conversation opens no turn, so message 0 has nothing to agree
        // with.
        if (span.message() > 0 && prompt != null && rendering.text().startsWith(prompt)) {
          starts++;
          if (span.start() != prompt.length()) {
            wrong.add(testCase.name + " message " + span.message() + " starts at " + span.start());
          }
        }
        String whole = prompt(template, testCase.input(), span.message() + 1, false);
        if (whole != null && rendering.text().startsWith(whole) && span.end() > whole.length()) {
          String behind = rendering.text().substring(whole.length(), span.end());
          // Only an end-of-turn marker may lie behind: some templates leave out the last turn's.
          if (!behind.matches("\\s*<[^<>\\s]+>")) {
            wrong.add(testCase.name + " message " + span.message() + " ends behind " + behind);
          }
        }
      }
    }
    assertThat(wrong).isEmpty();
    assertThat(spans).isGreaterThan(1200);
    assertThat(starts).isGreaterThan(spans * 3 / 4);
    // Blenderbot prints its eos_token behind every prompt; the rest leave the turn out or mix it.
    assertThat(refused).isLessThanOrEqualTo(40);
  }

  private static @Nullable String prompt(
      ChatTemplate template, TemplateInput input, int count, boolean forAnswer) {
    List<?> messages = (List<?>) input.variables().get("messages");
    if (messages == null) {
      return null;
    }
    try {
      return template.text(
          input
              .with("messages", messages.subList(0, count))
              .with("add_generation_prompt", forAnswer));
    } catch (TemplateException e) {
      return null;
    }
  }
}
