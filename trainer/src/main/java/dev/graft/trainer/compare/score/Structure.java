package dev.graft.trainer.compare.score;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Whether an answer has the form that it should have. It needs no reference.
 *
 * <ul>
 *   <li>{@code complete}: where sections are required, share of answers in which each of them has a
 *       heading, in this order, with text below it; {@code sections}: mean share of the required
 *       sections that are there, in any order. See {@link Markdown} for what is a heading.
 *   <li>{@code xml-valid}: where XML is wanted, share of answers that are well-formed XML, fenced
 *       or not, and valid where there is a schema; {@code well-formed}: regardless of the schema
 *   <li>{@code markdown}: where Markdown is checked, share of answers without a fault: a fenced
 *       block that does not end, a heading more than one level below the one before, table rows
 *       with another number of cells than their header
 * </ul>
 *
 * @param sections required headings, in order; may be empty
 * @param xml absent where XML is not wanted
 * @param markdown whether faults of Markdown are looked for
 */
public record Structure(List<String> sections, Optional<XmlCheck> xml, boolean markdown)
    implements Scorer {

  public Structure {
    sections = List.copyOf(sections);
  }

  @Override
  public List<Metric> metrics() {
    var metrics = new ArrayList<Metric>();
    if (!sections.isEmpty()) {
      metrics.add(
          Metric.of(
              "complete",
              "share of answers with all sections in order: " + String.join(", ", sections)));
      metrics.add(Metric.of("sections", "mean share of the required sections that are there"));
    }
    if (xml.isPresent()) {
      metrics.add(Metric.of("xml-valid", "share of answers that are well-formed and valid XML"));
      metrics.add(Metric.of("well-formed", "share of answers that are well-formed XML"));
    }
    if (markdown) {
      metrics.add(Metric.of("markdown", "share of answers without a fault of Markdown"));
    }
    return metrics;
  }

  @Override
  public Marks mark(String reference, String answer) {
    var marks = new ArrayList<Mark>();
    if (!sections.isEmpty()) {
      List<Markdown.Section> found = Markdown.sections(answer);
      marks.add(Mark.of(isComplete(found)));
      marks.add(
          Mark.of(
              sections.stream().filter(name -> found.stream().anyMatch(it -> it.is(name))).count()
                  / (double) sections.size()));
    }
    xml.ifPresent(check -> {
      String text = Texts.unfenced(answer);
      marks.add(Mark.of(check.isValid(text)));
      marks.add(Mark.of(check.isWellFormed(text)));
    });
    if (markdown) {
      marks.add(Mark.of(Markdown.faults(answer).isEmpty()));
    }
    return new Marks(marks, List.of());
  }

  private boolean isComplete(List<Markdown.Section> found) {
    int next = 0;
    for (Markdown.Section section : found) {
      if (next < sections.size() && section.is(sections.get(next)) && !section.isEmpty()) {
        next++;
      }
    }
    return next == sections.size();
  }
}
