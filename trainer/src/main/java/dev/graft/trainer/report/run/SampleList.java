package dev.graft.trainer.report.run;

import dev.graft.trainer.report.Html;
import dev.graft.trainer.runs.Sample;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * Validation examples with what was expected, what the base model answered, and what the adapter
 * answers.
 *
 * @param samples in order
 * @param resultStep the step whose adapter is the result, if the run has one
 */
record SampleList(List<Sample> samples, Optional<Integer> resultStep) {

  private static final int MOST_EXAMPLES = 20;
  private static final int MOST_ANSWERS = 10;
  private static final int LONGEST_TEXT = 4000;

  /** Each example as a card; a sentence where there is none. */
  String html() {
    var examples = new TreeMap<Integer, List<Sample>>();
    samples.forEach(it -> examples.computeIfAbsent(it.example(), _ -> new ArrayList<>()).add(it));
    if (examples.isEmpty()) {
      return "<p class=\"soft\">No samples: with <code>evaluation.samples: 5</code> in the"
          + " configuration, five validation examples are answered at every evaluation.</p>\n";
    }
    var html = new StringBuilder();
    examples.entrySet().stream().limit(MOST_EXAMPLES).forEach(it -> html.append(example(it)));
    if (examples.size() > MOST_EXAMPLES) {
      html.append(
          "<p class=\"soft small\">The other %s are in samples.jsonl.</p>\n"
              .formatted(Amounts.count(examples.size() - MOST_EXAMPLES)));
    }
    return html.toString();
  }

  private String example(Map.Entry<Integer, List<Sample>> entry) {
    List<Sample> answers = entry.getValue();
    Sample shown =
        answers.stream()
            .filter(it -> resultStep.filter(step -> step == it.step()).isPresent())
            .findFirst()
            .orElse(answers.getLast());
    String between = answers.size() > 1 ? between(answers) : "";
    return card(
        shown,
        List.of(
            new Answer("expected", shown.expected()),
            new Answer("before: the base model", shown.base()),
            new Answer("after: step " + shown.step(), shown.adapter())),
        between);
  }

  /** An answer and whose it is. */
  record Answer(String whose, String text) {}

  /** An example with answers to it. */
  static String card(Sample example, List<Answer> answers) {
    return card(example, answers, "");
  }

  private static String card(Sample example, List<Answer> answers, String more) {
    return """
    <article class="sample">
    <h3>%s</h3>
    <details><summary>Prompt</summary>%s</details>
    %s%s</article>
    """
        .formatted(Html.escaped(example.row()), block(example.prompt()), beside(answers), more);
  }

  private static String between(List<Sample> answers) {
    List<Answer> shown =
        spread(answers).stream()
            .map(each -> new Answer("step " + each.step(), each.adapter()))
            .toList();
    return "<details><summary>In between</summary>\n%s</details>\n".formatted(beside(shown));
  }

  private static String beside(List<Answer> answers) {
    return answers.stream()
        .map(it ->
            "<section><h4>%s</h4>%s</section>\n"
                .formatted(Html.escaped(it.whose()), block(it.text())))
        .collect(Collectors.joining("", "<div class=\"answers\">\n", "</div>\n"));
  }

  /** The first, the last, and some in between. */
  private static List<Sample> spread(List<Sample> answers) {
    int count = Math.min(MOST_ANSWERS, answers.size());
    var spread = new ArrayList<Sample>();
    for (int i = 0; i < count; i++) {
      spread.add(answers.get((int) ((long) i * (answers.size() - 1) / Math.max(1, count - 1))));
    }
    return spread;
  }

  private static String block(String text) {
    String shown =
        text.length() <= LONGEST_TEXT
            ? text
            : text.substring(0, LONGEST_TEXT)
                + "… and %s more characters".formatted(Amounts.count(text.length() - LONGEST_TEXT));
    return "<pre class=\"block\">%s</pre>"
        .formatted(shown.isEmpty() ? "<span class=\"soft\">nothing</span>" : Html.escaped(shown));
  }
}
