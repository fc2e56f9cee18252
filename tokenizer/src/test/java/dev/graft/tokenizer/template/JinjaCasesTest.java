package dev.graft.tokenizer.template;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.time.Clock;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Small templates of every feature, and random ones, against what Python's Jinja2 printed; {@code
 * src/test/oracle/jinja_oracle.py} draws the thousands.
 */
class JinjaCasesTest {
  private static final Clock ORACLES_CLOCK =
      Clock.fixed(Instant.parse("2024-07-26T09:05:03.001002Z"), ZoneOffset.UTC);

  @TestFactory
  List<DynamicTest> rendersAsPythonDoes() throws IOException {
    JsonNode root;
    try (InputStream file =
        Objects.requireNonNull(JinjaCasesTest.class.getResourceAsStream("jinja-cases.json"))) {
      root = JsonMapper.shared().readTree(file);
    }
    List<DynamicTest> tests = new ArrayList<>();
    for (JsonNode testCase : root.get("cases")) {
      String template = testCase.get("template").stringValue();
      JsonNode data = root.get("data").get(testCase.get("data").stringValue());
      TemplateInput input =
          new TemplateInput(Cases.variables(data), TemplateInput.now(ORACLES_CLOCK));
      tests.add(
          DynamicTest.dynamicTest(
              tests.size() + " " + template.lines().findFirst().orElse(""),
              () ->
                  assertThat(Cases.textOrError(() -> ChatTemplate.parse(template), input))
                      .isEqualTo(Cases.expected(testCase))));
    }
    assertThat(tests).hasSizeGreaterThan(400);
    return tests;
  }

  @Test
  void thousandsOfRandomTemplatesRenderAsPythonDoes() throws IOException {
    JsonNode root;
    try (InputStream file =
        new GZIPInputStream(
            Objects.requireNonNull(
                JinjaCasesTest.class.getResourceAsStream("jinja-random.json.gz")))) {
      root = JsonMapper.shared().readTree(file);
    }
    List<String> differences = new ArrayList<>();
    int cases = 0;
    for (JsonNode testCase : root.get("cases")) {
      String template = testCase.get("template").stringValue();
      JsonNode data = root.get("data").get(testCase.get("data").stringValue());
      TemplateInput input =
          new TemplateInput(Cases.variables(data), TemplateInput.now(ORACLES_CLOCK));
      String found = Cases.textOrError(() -> ChatTemplate.parse(template), input);
      if (!found.equals(Cases.expected(testCase))) {
        differences.add(template + "\n=> " + found + "\nnot " + Cases.expected(testCase));
      }
      cases++;
    }
    assertThat(differences).isEmpty();
    assertThat(cases).isEqualTo(3000);
  }
}
