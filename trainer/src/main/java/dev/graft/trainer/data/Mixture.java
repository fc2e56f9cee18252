package dev.graft.trainer.data;

import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;

/**
 * How often the examples of each source are drawn. A source of n examples and weight w gives w n
 * draws an epoch, rounded, but one at least. Its draws go on from one epoch to the next: with a
 * weight of 0.25 four epochs draw every example once, and with 2.5 each is drawn two or three times
 * an epoch.
 *
 * @param sources in the order of the examples
 */
public record Mixture(List<Source> sources) {

  /**
   * Examples that are drawn alike.
   *
   * @param name for people
   * @param from the first one's index among all examples
   * @param to the index behind the last one
   * @param weight how often each is drawn in an epoch; above 0
   */
  public record Source(String name, int from, int to, double weight) {

    /** The number of examples. */
    public int size() {
      return to - from;
    }

    /** Draws in an epoch. */
    public int draws() {
      return size() == 0 ? 0 : (int) Math.max(1, Math.round(weight * size()));
    }
  }

  public Mixture {
    sources = List.copyOf(sources);
  }

  /** Every example once an epoch. */
  public static Mixture once(int examples) {
    return new Mixture(List.of(new Source("", 0, examples, 1)));
  }

  /** Draws of all sources in an epoch. */
  public int draws() {
    return sources.stream().mapToInt(Source::draws).sum();
  }

  /** Whether any example is drawn more or less often than once. */
  public boolean isWeighted() {
    return sources.stream().anyMatch(source -> source.weight() != 1);
  }

  /**
   * What an epoch draws, source by source.
   *
   * @param shuffle whether fractions are drawn at random instead of in the order of the data
   * @return (draws) indices of examples
   */
  public int[] epoch(int epoch, boolean shuffle, long seed) {
    int[] drawn = new int[draws()];
    int count = 0;
    for (int s = 0; s < sources.size(); s++) {
      Source source = sources.get(s);
      int size = source.size();
      long first = (long) epoch * source.draws();
      long pass = -1;
      int[] order = {};
      for (long at = first; at < first + source.draws(); at++) {
        if (at / size != pass) {
          pass = at / size;
          order = shuffle && source.weight() != 1 ? shuffled(size, seed, s, pass) : inOrder(size);
        }
        drawn[count++] = source.from() + order[(int) (at % size)];
      }
    }
    return drawn;
  }

  /** What the log says of the sources: nothing where all of them are drawn once. */
  public List<String> describe() {
    List<String> lines = new ArrayList<>();
    if (isWeighted()) {
      for (Source source : sources) {
        lines.add(
            "%s: %,d examples x %s = %,d an epoch (%.1f %% of it)"
                .formatted(
                    source.name(),
                    source.size(),
                    source.weight(),
                    source.draws(),
                    100.0 * source.draws() / draws()));
      }
    }
    return lines;
  }

  private static int[] inOrder(int size) {
    int[] order = new int[size];
    for (int i = 0; i < size; i++) {
      order[i] = i;
    }
    return order;
  }

  /** The order of one pass over a source: Fisher-Yates, keyed by seed, source and pass. */
  private static int[] shuffled(int size, long seed, int source, long pass) {
    int[] order = inOrder(size);
    SplittableRandom random =
        new SplittableRandom(
            ((seed * 31 + source) * 0x9E3779B97F4A7C15L) ^ (pass * 0xD1342543DE82EF95L));
    for (int i = size - 1; i > 0; i--) {
      int j = random.nextInt(i + 1);
      int swapped = order[i];
      order[i] = order[j];
      order[j] = swapped;
    }
    return order;
  }
}
