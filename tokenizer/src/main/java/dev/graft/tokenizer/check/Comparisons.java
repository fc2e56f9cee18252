package dev.graft.tokenizer.check;

import dev.graft.tokenizer.Origin;
import dev.graft.tokenizer.TokenSequence;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Rows against all rows before them: the same, nearly the same, leaked, contradicting. */
final class Comparisons {
  private record Answer(String text, Origin origin) {}

  private record Seen(Origin origin, boolean validation) {}

  private final NearDuplicates duplicates = new NearDuplicates();
  private final List<Seen> compared = new ArrayList<>();
  private final Map<String, Seen> wholes = new HashMap<>();
  private final Map<String, Answer> prompts = new HashMap<>();
  private final Places exact = new Places();
  private final Places near = new Places();
  private final Places leaks = new Places();
  private final Places nearLeaks = new Places();
  private final Places promptLeaks = new Places();
  private final Places conflicts = new Places();

  NearDuplicates duplicates() {
    return duplicates;
  }

  void add(TokenSequence tokens, boolean validation) {
    addWhole(Arrays.toString(tokens.inputIds()), tokens.origin(), validation);
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
    addPrompt(traits, validation, nearLeak);
  }

  private String resembles(int other, int number) {
    return "%.0f %% as %s"
        .formatted(
            100 * duplicates.similarity(other, number),
            DataCheck.briefly(compared.get(other).origin()));
  }

  /** Whether the very same row has been seen before. */
  private boolean addWhole(String whole, Origin origin, boolean validation) {
    Seen before = wholes.putIfAbsent(whole, new Seen(origin, validation));
    if (before == null) {
      return false;
    }
    if (before.validation() != validation) {
      leaks.add(origin, "also " + DataCheck.briefly(before.origin()));
    } else if (!validation) {
      exact.add(origin, "same as " + DataCheck.briefly(before.origin()));
    }
    return true;
  }

  private void addPrompt(Traits traits, boolean validation, boolean nearLeak) {
    Answer before =
        prompts.putIfAbsent(traits.prompt(), new Answer(traits.answer(), traits.origin()));
    if (before == null || before.text().equals(traits.answer())) {
      return;
    }
    String where = "also " + DataCheck.briefly(before.origin());
    if (validation) {
      if (!nearLeak) {
        promptLeaks.add(traits.origin(), where);
      }
    } else {
      conflicts.add(traits.origin(), where);
    }
  }

  void report(List<Finding> findings) {
    exact.warn(
        "exact-duplicates",
        "%,d conversations stand in the data more than once",
        "What is repeated is learned by heart. Remove the copies, unless the weight is meant.",
        findings);
    near.warn(
        "near-duplicates",
        "%,d conversations share most of their words with an earlier one",
        "Much of one kind drowns the rest. Keep one of each group.",
        findings);
    leaks.warn(
        "leakage",
        "%,d validation conversations stand in the training data as well",
        "The validation loss then measures memory, not learning. Remove them on one side;"
            + " graft split keeps the sides apart.",
        findings);
    nearLeaks.warn(
        "near-leakage",
        "%,d validation conversations share most of their words with training data",
        "The validation loss then looks better than it is. Keep such groups on one side;"
            + " graft split does.",
        findings);
    promptLeaks.warn(
        "prompt-leakage",
        "%,d validation prompts stand in the training data, with another answer",
        "The model has seen the question. Keep all answers to a prompt on one side.",
        findings);
    conflicts.warn(
        "conflicting-answers",
        "%,d conversations give another answer to a prompt that was there before",
        "The model learns to guess between them. Decide for one, unless variety is meant.",
        findings);
  }
}
