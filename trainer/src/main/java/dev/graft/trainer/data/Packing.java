package dev.graft.trainer.data;

import dev.graft.tokenizer.TokenSequence;
import dev.graft.trainer.model.TokenBatch;
import dev.graft.trainer.model.TokenBatch.Sequence;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.IntStream;

/**
 * Lays sequences into micro-batches. A sequence is never cut and never sees another, so how they
 * are laid out changes the speed and nothing else.
 *
 * @param maxTokens tokens of a micro-batch; a longer sequence has one to itself
 * @param several whether sequences may share a micro-batch
 */
public record Packing(int maxTokens, boolean several) {

  /**
   * How full micro-batches are.
   *
   * @param microBatches how many
   * @param tokens in all of them
   * @param room that they have: {@code maxTokens} each, or their one longer sequence
   */
  public record Fullness(long microBatches, long tokens, long room) {

    /** Nothing, and no room for it. */
    public static final Fullness NONE = new Fullness(0, 0, 0);

    /** Share of the room that holds tokens, at most 1. */
    public double share() {
      return room == 0 ? 1 : tokens / (double) room;
    }

    /** Both together. */
    public Fullness plus(Fullness other) {
      return new Fullness(
          microBatches + other.microBatches, tokens + other.tokens, room + other.room);
    }
  }

  /** Lays out sequences, see {@link #bins}. */
  public List<TokenBatch> pack(List<TokenSequence> sequences) {
    List<TokenBatch> batches = new ArrayList<>();
    for (List<Integer> bin : bins(lengths(sequences))) {
      batches.add(layOut(bin.stream().map(sequences::get).toList()));
    }
    return List.copyOf(batches);
  }

  /** One micro-batch of these sequences, in this order. */
  static TokenBatch layOut(List<TokenSequence> sequences) {
    return TokenBatch.of(
        sequences.stream().map(s -> new Sequence(s.inputIds(), s.target())).toList());
  }

  /** How full one micro-batch of so many tokens is. */
  Fullness fullness(long tokens) {
    return new Fullness(1, tokens, Math.max(tokens, maxTokens));
  }

  private static int[] lengths(List<TokenSequence> sequences) {
    return sequences.stream().mapToInt(TokenSequence::length).toArray();
  }

  /**
   * Best fit decreasing: the longest first, each into the micro-batch that it fills most, the
   * earlier one where two are alike. At most 11/9 of the fewest possible, and one (Johnson 1974).
   *
   * @return indices into {@code lengths}, a list for each micro-batch
   */
  List<List<Integer>> bins(int[] lengths) {
    if (!several) {
      return IntStream.range(0, lengths.length).mapToObj(List::of).toList();
    }
    List<Integer> longestFirst =
        IntStream.range(0, lengths.length)
            .boxed()
            .sorted((a, b) -> Integer.compare(lengths[b], lengths[a]))
            .toList();
    List<List<Integer>> bins = new ArrayList<>();
    TreeMap<Integer, Deque<Integer>> byRoom = new TreeMap<>();
    for (int index : longestFirst) {
      Map.Entry<Integer, Deque<Integer>> tightest = byRoom.ceilingEntry(lengths[index]);
      int bin = bins.size();
      int room = maxTokens;
      if (tightest == null) {
        bins.add(new ArrayList<>());
      } else {
        room = tightest.getKey();
        bin = tightest.getValue().removeFirst();
        if (tightest.getValue().isEmpty()) {
          byRoom.remove(room);
        }
      }
      bins.get(bin).add(index);
      byRoom.computeIfAbsent(room - lengths[index], _ -> new ArrayDeque<>()).addLast(bin);
    }
    return bins;
  }
}
