package dev.graft.trainer.model;

import java.util.Arrays;
import java.util.List;

/**
 * A micro-batch: the tokens of several sequences in one flat run, without padding. Attention is
 * block-diagonal over the sequences, so packing changes no result.
 *
 * @param ids (T) token ids
 * @param segmentStarts (T) for each token, the index of its sequence's first token
 * @param positions (T) for each token, its place in its sequence, from 0
 * @param predictingRows (n) the tokens whose successor is a target, ascending
 * @param targets (n) the ids of those successors
 */
@SuppressWarnings("ArrayRecordComponent") // handed over, never changed, never compared
public record TokenBatch(
    int[] ids, int[] segmentStarts, int[] positions, int[] predictingRows, int[] targets) {

  /**
   * One sequence of a batch.
   *
   * @param ids token ids
   * @param isTarget whether each token is to be predicted; the first never is, nothing precedes it
   */
  @SuppressWarnings("ArrayRecordComponent")
  public record Sequence(int[] ids, boolean[] isTarget) {}

  /** Lays sequences one after another. */
  public static TokenBatch of(List<Sequence> sequences) {
    int length = sequences.stream().mapToInt(s -> s.ids().length).sum();
    int[] ids = new int[length];
    int[] segmentStarts = new int[length];
    int[] positions = new int[length];
    int[] predictingRows = new int[length];
    int[] targets = new int[length];
    int start = 0;
    int predictions = 0;
    for (Sequence sequence : sequences) {
      for (int i = 0; i < sequence.ids().length; i++) {
        ids[start + i] = sequence.ids()[i];
        segmentStarts[start + i] = start;
        positions[start + i] = i;
        if (i > 0 && sequence.isTarget()[i]) {
          predictingRows[predictions] = start + i - 1;
          targets[predictions++] = sequence.ids()[i];
        }
      }
      start += sequence.ids().length;
    }
    return new TokenBatch(
        ids,
        segmentStarts,
        positions,
        Arrays.copyOf(predictingRows, predictions),
        Arrays.copyOf(targets, predictions));
  }

  /** T: tokens in the run. */
  public int tokens() {
    return ids.length;
  }

  /** n: tokens that count in the loss. */
  public int targetTokens() {
    return targets.length;
  }
}
