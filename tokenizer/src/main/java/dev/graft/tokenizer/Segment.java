package dev.graft.tokenizer;

import java.util.List;

/** A piece of a rendered conversation; pieces are encoded one by one and their tokens joined. */
public sealed interface Segment {
  /**
   * A text.
   *
   * @param text what is encoded, as one whole
   * @param targets the stretches that the assistant wrote, ascending, not overlapping. {@link
   *     LossMask} says which tokens those are
   */
  record Text(MarkedText text, List<Span> targets) implements Segment {
    public Text {
      targets = List.copyOf(targets);
    }

    /** Somebody's words, all of them targets or none. */
    static Text words(String text, boolean target) {
      return new Text(
          MarkedText.allLiteral(text), target ? List.of(new Span(0, text.length())) : List.of());
    }

    /** Whether every token of this text is a target. */
    boolean isAllTarget() {
      return targets.size() == 1
          && targets.getFirst().start() == 0
          && targets.getFirst().end() == text.text().length();
    }

    /** Whether it takes the tokens' places to know which of them are targets. */
    boolean needsOffsets() {
      return !targets.isEmpty() && !isAllTarget();
    }
  }

  /** The tokenizer's BOS where its own rule adds one, see {@link Tokenizer#addsBos()}. */
  record Begin() implements Segment {}

  /** The tokenizer's EOS, always a target: it is how the assistant says that it has finished. */
  record End() implements Segment {}
}
