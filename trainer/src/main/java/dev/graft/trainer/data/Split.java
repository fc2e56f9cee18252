package dev.graft.trainer.data;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/**
 * Examples to learn from and examples to be measured on.
 *
 * @param train at least one
 * @param validation may be empty
 */
public record Split<T>(List<T> train, List<T> validation) {

  /**
   * Holds out a share of the examples, drawn by the seed; both parts keep the order they had.
   *
   * @param share between 0 and 1; at least one example is held out, and at least one is kept
   */
  public static <T> Split<T> holdOut(List<T> examples, double share, long seed) {
    if (examples.size() < 2) {
      throw new IllegalArgumentException("one example cannot be split");
    }
    long wanted = Math.round(examples.size() * share);
    int count = (int) Math.clamp(wanted, 1, examples.size() - 1);
    SplittableRandom random = new SplittableRandom(seed);
    List<T> train = new ArrayList<>();
    List<T> validation = new ArrayList<>();
    int left = examples.size();
    // Knuth's selection sampling (TAOCP 2, 3.4.2, algorithm S): exactly count, all sets alike.
    for (T example : examples) {
      if (random.nextInt(left--) < count - validation.size()) {
        validation.add(example);
      } else {
        train.add(example);
      }
    }
    return new Split<>(List.copyOf(train), List.copyOf(validation));
  }
}
