package dev.graft.trainer.data;

import dev.graft.tokenizer.TokenSequence;
import dev.graft.trainer.model.TokenBatch;
import dev.graft.trainer.model.TokenBatch.Sequence;
import java.util.ArrayList;
import java.util.List;

/**
 * Lays sequences into micro-batches. A sequence is never cut and never sees another, so how they
 * are laid out changes the speed and nothing else.
 *
 * @param maxTokens tokens of a micro-batch; a longer sequence has one to itself
 * @param several whether sequences may share a micro-batch
 */
public record Packing(int maxTokens, boolean several) {

  /** First fit in the given order. */
  public List<TokenBatch> pack(List<TokenSequence> sequences) {
    List<List<Sequence>> bins = new ArrayList<>();
    List<Integer> lengths = new ArrayList<>();
    for (TokenSequence sequence : sequences) {
      int bin = several ? firstThatFits(lengths, sequence.length()) : bins.size();
      if (bin == bins.size()) {
        bins.add(new ArrayList<>());
        lengths.add(0);
      }
      bins.get(bin).add(new Sequence(sequence.inputIds(), sequence.target()));
      lengths.set(bin, lengths.get(bin) + sequence.length());
    }
    return bins.stream().map(TokenBatch::of).toList();
  }

  private int firstThatFits(List<Integer> lengths, int length) {
    int bin = 0;
    while (bin < lengths.size() && lengths.get(bin) + length > maxTokens) {
      bin++;
    }
    return bin;
  }
}
