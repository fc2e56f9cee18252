package dev.graft.tokenizer.check;

import dev.graft.tokenizer.Origin;
import dev.graft.tokenizer.TokenSequence;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Rows against all rows before them: the same, nearly the same, leaked, contradicting. */
final class Comparisons {
  private record Answer(long digest, Origin origin, boolean validation) {}

  private record Seen(Origin origin, boolean validation) {}

  private final NearDuplicates duplicates;
  private final List<Seen> compared = new ArrayList<>();
  private final Map<String, Seen> wholes = new HashMap<>();
  private final Map<Long, Answer> prompts = new HashMap<>();
  private final Places exact = new Places();
  private final Places near = new Places();
  private final Places leaks = new Places();
  private final Places nearLeaks = new Places();
  private final Places promptLeaks = new Places();
  private final Places conflicts = new Places();

  Comparisons(NearDuplicates duplicates) {
    this.duplicates = duplicates;
  }

  void add(TokenSequence tokens, boolean validation) {
    addWhole(Traits.whole(tokens), tokens.origin(), validation);
  }

  void add(Traits traits, boolean validation) {
    boolean known = addWhole(traits.whole(), traits.origin(), validation);
    List<Integer> like = duplicates.add(traits.signature());
    int number = compared.size();
    compared.add(new Seen(traits.origin(), validation));
    if (known) {
      return;
    }
    boolean nearLeak = false;
    for (int other : like) {
      if (compared.get(other).validation() != validation) {
        nearLeaks.add(traits.origin(), resembles(other, number));
        nearLeak = true;
        break;
      }
    }
    if (!nearLeak && !like.isEmpty() && !validation) {
      near.add(traits.origin(), resembles(like.getFirst(), number));
    }
    comparePrompts(traits, validation, nearLeak);
  }

  private String resembles(int other, int number) {
    return "%.0f %% as %s"
        .formatted(100 * duplicates.similarity(other, number), compared.get(other).origin());
  }

  /** Whether the very same row has been seen before. */
  private boolean addWhole(String whole, Origin origin, boolean validation) {
    Seen before = wholes.putIfAbsent(whole, new Seen(origin, validation));
    if (before == null) {
      return false;
    }
    if (before.validation() != validation) {
      leaks.add(origin, "also " + before.origin());
    } else if (!validation) {
      exact.add(origin, "same as " + before.origin());
    }
    return true;
  }

  /** A row is named once, by the first of its prompts that stood somewhere before. */
  private void comparePrompts(Traits traits, boolean validation, boolean nearLeak) {
    Answer other = null;
    for (Traits.Exchange exchange : traits.exchanges()) {
      if (exchange.telling()) {
        Answer now = new Answer(exchange.answer(), traits.origin(), validation);
        Answer before = prompts.putIfAbsent(exchange.prompt(), now);
        if (other == null && before != null && before.digest() != exchange.answer()) {
          other = before;
        }
      }
    }
    if (other == null) {
      return;
    }
    String where = "also " + other.origin();
    if (validation && !other.validation()) {
      if (!nearLeak) {
        promptLeaks.add(traits.origin(), where);
      }
    } else if (!validation) {
      conflicts.add(traits.origin(), where);
    }
  }

  void report(List<Finding> findings) {
    exact.warn(
        "exact-duplicates",
        Places.Noun.CONVERSATION,
        "%s the same as one before",
        "What is repeated is learned by heart. Remove the copies, unless the weight is meant.",
        findings);
    near.warn(
        "near-duplicates",
        Places.Noun.CONVERSATION,
        "%s nearly the same as one before (most phrases in common)",
        "Much of one kind drowns the rest. Keep one of each group.",
        findings);
    leaks.warn(
        "leakage",
        Places.Noun.VALIDATION,
        "%s also in the training data",
        "The validation loss then measures memory, not learning. Remove them on one side;"
            + " graft split keeps the sides apart.",
        findings);
    nearLeaks.warn(
        "near-leakage",
        Places.Noun.VALIDATION,
        "%s nearly the same as training data (most phrases in common)",
        "The validation loss then looks better than it is. Keep such groups on one side;"
            + " graft split does.",
        findings);
    promptLeaks.warn(
        "prompt-leakage",
        Places.Noun.VALIDATION_PROMPT,
        "%s also in the training data, with another answer",
        "The model has seen the question. Keep all answers to a prompt on one side;"
            + " graft split does.",
        findings);
    conflicts.warn(
        "conflicting-answers",
        Places.Noun.CONVERSATION,
        "%s with another answer to the same prompt than one before",
        "The model learns to guess between them. Decide for one, unless variety is meant.",
        findings);
  }
}
