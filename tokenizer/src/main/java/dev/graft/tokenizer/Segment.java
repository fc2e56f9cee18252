package dev.graft.tokenizer;

import java.util.List;
import java.util.Set;

/** A piece of a rendered conversation; pieces are encoded one by one and their tokens joined. */
public sealed interface Segment {
  /**
   * A text.
   *
   * @param text what is encoded, as one whole
   * @param targets the stretches that the assistant wrote, ascending, not overlapping. {@link
   *     LossMask} says which tokens those are
   * @param unlearned those of them that are not to be learned after all
   */
  record Text(MarkedText text, List<Span> targets, Set<Span> unlearned) implements Segment {
    public Text {
      targets = List.copyOf(targets);
      unlearned = Set.copyOf(unlearned);
    }

    /** A text all of whose stretches are learned. */
    public Text(MarkedText text, List<Span> targets) {
      this(text, targets, Set.of());
    }

    /** Somebody's words, all of them targets or none. */
    static Text words(String text, boolean target) {
      return new Text(
          MarkedText.allLiteral(text), target ? List.of(new Span(0, text.length())) : List.of());
    }

    /** Whether every token of this text is a target. */
    boolean isAllTarget() {
      return unlearned.isEmpty()
          && targets.size() == 1
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

  /**
   * The tokenizer's EOS: it is how the assistant says that it has finished.
   *
   * @param target whether that is learned, as the answer before it
   */
  record End(boolean target) implements Segment {}
}
