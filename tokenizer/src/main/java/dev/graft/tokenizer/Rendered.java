package dev.graft.tokenizer;

import java.util.List;
import java.util.stream.Collectors;

/**
 * A conversation laid out for a model.
 *
 * @param segments the pieces in order
 */
public record Rendered(List<Segment> segments) {
  public Rendered {
    segments = List.copyOf(segments);
  }

  /** The text of all pieces, without the BOS and EOS that stand between them as ids. */
  public String text() {
    return segments.stream()
        .map(segment -> segment instanceof Segment.Text text ? text.text().text() : "")
        .collect(Collectors.joining());
  }
}
