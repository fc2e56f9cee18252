package dev.graft.tokenizer.check;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;

class NearDuplicatesTest {
  @Test
  void agreesWithTheSimilarityThatSetsHave() {
    Random random = new Random(3);
    for (int changes : new int[] {0, 1, 3, 8, 20, 60}) {
      List<String> text = words(random, 300);
      List<String> other = new ArrayList<>(text);
      for (int i = 0; i < changes; i++) {
        other.set(random.nextInt(300), "changed" + i);
      }
      double exact = jaccard(text, other);
      NearDuplicates duplicates = new NearDuplicates();
      duplicates.add(duplicates.signature(String.join(" ", text)));
      List<Integer> near = duplicates.add(duplicates.signature(String.join(", ", other)));
      assertThat(duplicates.similarity(0, 1)).isBetween(exact - 0.13, exact + 0.13);
      if (exact > 0.9) {
        assertThat(near).containsExactly(0);
      } else if (exact < 0.65) {
        assertThat(near).isEmpty();
      }
    }
  }

  @Test
  void caseAndPunctuationDoNotCount() {
    NearDuplicates duplicates = new NearDuplicates();
    duplicates.add(duplicates.signature("What is it? A graft, they say."));
    assertThat(duplicates.add(duplicates.signature("what is it -- a GRAFT they say")))
        .containsExactly(0);
    assertThat(duplicates.add(duplicates.signature("Yes"))).isEmpty();
    assertThat(duplicates.add(duplicates.signature("No"))).isEmpty();
    assertThat(duplicates.add(duplicates.signature("yes!"))).containsExactly(2);
  }

  private static List<String> words(Random random, int count) {
    List<String> words = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      words.add("word" + random.nextInt(500));
    }
    return words;
  }

  private static double jaccard(List<String> first, List<String> second) {
    Set<String> one = shingles(first);
    Set<String> both = new HashSet<>(one);
    Set<String> two = shingles(second);
    both.retainAll(two);
    return both.size() / (double) (one.size() + two.size() - both.size());
  }

  private static Set<String> shingles(List<String> words) {
    Set<String> shingles = new HashSet<>();
    for (int i = 0; i + 5 <= words.size(); i++) {
      shingles.add(String.join(" ", words.subList(i, i + 5)));
    }
    return shingles;
  }
}
