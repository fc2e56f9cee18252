package dev.graft.tokenizer.template;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.math.BigDecimal;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.json.JsonMapper;

/** What is refused, what is limited, and what goes in. */
class ChatTemplateTest {
  private static final TemplateInput EMPTY = TemplateInput.builder(List.of()).build();

  private static String text(String template) {
    return ChatTemplate.parse(template).text(EMPTY);
  }

  private static final Map<String, String> OUTSIDE =
      Map.ofEntries(
          Map.entry("{% include 'x' %}", "{% include %}"),
          Map.entry("{% extends 'x' %}", "{% extends %}"),
          Map.entry("{% import 'x' as y %}", "{% import %}"),
          Map.entry("{% from 'x' import y %}", "{% from %}"),
          Map.entry("{% block b %}{% endblock %}", "{% block %}"),
          Map.entry("{% autoescape true %}{% endautoescape %}", "{% autoescape %}"),
          Map.entry("{% do x %}", "{% do %}"),
          Map.entry("{% nonsense %}", "{% nonsense %}"),
          Map.entry("{{ x | urlize }}", "'urlize'"),
          Map.entry("{{ x | nonsense }}", "'nonsense'"),
          Map.entry("{% if false %}{{ x | nonsense }}{% endif %}", "'nonsense'"),
          Map.entry("{{ x | map('nonsense') | list }}", "'nonsense'"),
          Map.entry("{{ x is nonsense }}", "'nonsense'"),
          Map.entry("{{ x | select('nonsense') | list }}", "'nonsense'"),
          Map.entry("{{ nonsense(1) }}", "'nonsense'"),
          Map.entry("{{ lipsum() }}", "'lipsum'"),
          Map.entry("{{ x.encode('utf-8') }}", "'.encode()'"));

  @TestFactory
  List<DynamicTest> whatIsOutsideTheSubsetIsRefusedByNameWhenParsed() {
    return OUTSIDE.entrySet().stream()
        .map(entry ->
            DynamicTest.dynamicTest(
                entry.getKey(),
                () ->
                    assertThatThrownBy(() -> ChatTemplate.parse("a\n" + entry.getKey()))
                        .isInstanceOfSatisfying(
                            TemplateException.class, e -> assertThat(e.line()).isEqualTo(2))
                        .hasMessageStartingWith("chat template, line 2: ")
                        .hasMessageContaining(entry.getValue())))
        .toList();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{% if x %}",
        "{% endif %}",
        "{% for x in y %}{% endif %}",
        "{{ x",
        "{{ 'x }}",
        "{{ (1 }}",
        "{{ }}",
        "{{ 1 + }}",
        "{# never closed",
        "{% raw %}",
        "{% set 1 = 2 %}",
        "{% set true = 2 %}",
        "{% break %}",
        "{% for x in y %}{% macro m() %}{% break %}{% endmacro %}{% endfor %}",
        "{% for loop in y %}{{ loop.index }}{% endfor %}",
        "{% macro m(a, a) %}{% endmacro %}",
        "{% macro m(a=1, b) %}{% endmacro %}",
        "{{ f(a=1, 2) }}",
        "{{ '\\x1' }}",
        "{{ a ? b }}",
      })
  void whatIsMalformedIsRefusedWithItsLine(String template) {
    assertThatThrownBy(() -> ChatTemplate.parse(template))
        .isInstanceOf(TemplateException.class)
        .hasMessageStartingWith("chat template, line 1: ");
  }

  @Test
  void aFunctionThatTheTemplateLooksForFirstMayBeMissing() {
    assertThat(text("{{ later() if later is defined else 'none' }}")).isEqualTo("none");
  }

  @Test
  void raiseExceptionSpeaksInTheTemplatesOwnWords() {
    assertThatThrownBy(() -> text("a\n{{ raise_exception('Roles must ' ~ 'alternate') }}"))
        .isInstanceOfSatisfying(
            TemplateException.class,
            e -> {
              assertThat(e.raisedByTemplate()).isTrue();
              assertThat(e.line()).isEqualTo(2);
            })
        .hasMessage("Roles must alternate");
  }

  @Test
  void pythonsErrorsComeWithTheLine() {
    assertThatThrownBy(() -> text("\n\n{{ messages + 1 }}"))
        .isInstanceOfSatisfying(
            TemplateException.class, e -> assertThat(e.raisedByTemplate()).isFalse())
        .hasMessageContaining("line 3: TypeError: can only concatenate list (not \"int\") to list");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{% for x in [[]] recursive %}{{ loop([[]]) }}{% endfor %}",
        "{% set r = range(99999) %}{% for a in r %}{% for b in r %}{% endfor %}{% endfor %}",
        "{{ 'x' * 999999999 }}",
        "{{ [0] * 999999999 }}",
        "{{ 9 ** 99999 }}",
        "{{ 'x'.center(999999999) }}",
        "{{ '%999999999d' % 1 }}",
        "{% set ns = namespace(s='xxxxxxxx') %}{% for i in range(99) %}{% set ns.s = ns.s ~ ns.s %}"
            + "{% endfor %}",
        "{{ range(999999) }}",
      })
  void whatRunsAwayIsStopped(String template) {
    ChatTemplate parsed = ChatTemplate.parse(template);
    assertThatThrownBy(() -> parsed.text(EMPTY)).isInstanceOf(TemplateException.class);
  }

  @Test
  void deepNestingIsAnErrorAndNoCrash() {
    for (String template :
        List.of(
            "{{ " + "(".repeat(5000) + "1" + ")".repeat(5000) + " }}",
            "{{ " + "-".repeat(5000) + "1 }}",
            "{{ " + "[".repeat(5000) + "]".repeat(5000) + " }}",
            "{% if 1 %}".repeat(5000) + "{% endif %}".repeat(5000))) {
      assertThatThrownBy(() -> ChatTemplate.parse(template)).isInstanceOf(TemplateException.class);
    }
  }

  @Test
  void inputIsPlainValuesOrJackson() {
    TemplateInput input =
        TemplateInput.of(
            Map.of(
                "i",
                1,
                "l",
                5_000_000_000L,
                "f",
                0.1f,
                "d",
                new BigDecimal("2.50"),
                "list",
                List.of(true, Map.of("k", "v"))));
    assertThat(ChatTemplate.parse("{{ i }} {{ l }} {{ f }} {{ d }} {{ list }}").text(input))
        .isEqualTo("1 5000000000 0.1 2.5 [True, {'k': 'v'}]");
    assertThat(
            TemplateInput.plain(JsonMapper.shared().readTree("{\"a\":[1,2.0,null,true,\"s\",{}]}")))
        .hasToString("{a=[1, 2.0, null, true, s, {}]}");
    assertThatThrownBy(
            () -> ChatTemplate.parse("").text(TemplateInput.of(Map.of("x", new Object()))))
        .isInstanceOf(TemplateException.class)
        .hasMessageContaining("java.lang.Object");
  }

  @Test
  void theBuilderPassesWhatTransformersPasses() {
    assertThat(
            text(
                "{{ tools is none }} {{ documents is none }} {{ add_generation_prompt }} "
                    + "{{ bos_token is defined }}"))
        .isEqualTo("True True False False");
  }

  @Test
  void oneTemplateServesManyThreads() throws Exception {
    ChatTemplate template =
        ChatTemplate.parse(
            "{% set ns = namespace(n=0) %}{% for m in messages %}{% set ns.n = ns.n + m.content | int %}"
                + "{% endfor %}{{ ns.n }}");
    try (ExecutorService threads = Executors.newFixedThreadPool(4)) {
      List<Future<String>> results =
          IntStream.range(0, 200)
              .mapToObj(i ->
                  threads.submit(() ->
                      template.text(
                          TemplateInput.builder(
                                  List.of(Map.of("content", "" + i), Map.of("content", "1")))
                              .build())))
              .toList();
      for (int i = 0; i < results.size(); i++) {
        assertThat(results.get(i).get()).isEqualTo("" + (i + 1));
      }
    }
  }
}
