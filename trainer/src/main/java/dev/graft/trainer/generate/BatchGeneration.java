package dev.graft.trainer.generate;

import dev.graft.tokenizer.StreamingDecoder;
import dev.graft.tokenizer.Tokenizer;
import dev.graft.trainer.model.BatchDecoder;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Continues many texts, several at once. When one ends, the next prompt in line takes its place
 * (continuous batching; Yu et al. 2022, section 4.1).
 */
public final class BatchGeneration {

  private final BatchDecoder decoder;
  private final Tokenizer tokenizer;
  private final Sampling sampling;
  private final int vocabulary;
  private final List<Running> running = new ArrayList<>();

  /**
   * @param decoder with no open sequence; it is left so
   * @param vocabulary V
   */
  public BatchGeneration(
      BatchDecoder decoder, Tokenizer tokenizer, Sampling sampling, int vocabulary) {
    this.decoder = decoder;
    this.tokenizer = tokenizer;
    this.sampling = sampling;
    this.vocabulary = vocabulary;
  }

  /** A text that is being continued. */
  private final class Running {
    private final int index;
    private final Prompt prompt;
    private final BatchDecoder.Sequence sequence;
    private final Sampler sampler;
    private final StreamingDecoder pieces = tokenizer.streamingDecoder(true);
    private final StringBuilder text = new StringBuilder();
    private final int[] ids;
    private final long begun = System.nanoTime();
    private int count;

    Running(int index, Prompt prompt, BatchDecoder.Sequence sequence) {
      this.index = index;
      this.prompt = prompt;
      this.sequence = sequence;
      this.sampler = sampling.sampler(prompt.seed());
      this.ids = new int[prompt.maxTokens()];
    }

    int last() {
      return ids[count - 1];
    }

    /** Takes the token that these logits give; says why the text ends with it, or null. */
    TextGeneration.@Nullable End take(float[] logits) {
      int id = sampler.next(logits);
      if (tokenizer.endIds().contains(id)) {
        return TextGeneration.End.END_TOKEN;
      }
      ids[count++] = id;
      text.append(pieces.next(id));
      return count == ids.length ? TextGeneration.End.MAX_TOKENS : null;
    }

    Answer end(TextGeneration.End end) {
      decoder.close(sequence);
      text.append(pieces.flush());
      return new Answer(
          index,
          text.toString(),
          Arrays.copyOf(ids, count),
          prompt.ids().length,
          end,
          (System.nanoTime() - begun) / 1e9);
    }
  }

  /**
   * Continues all prompts.
   *
   * @param answers called with each answer when it is complete, not always in the prompts' order
   * @param stop asked before each step; what is being written then ends as it is, and no other
   *     prompt is begun
   */
  public void run(List<Prompt> prompts, Consumer<Answer> answers, BooleanSupplier stop) {
    int begun = 0;
    while (begun < prompts.size() || !running.isEmpty()) {
      if (stop.getAsBoolean()) {
        running.forEach(one -> answers.accept(one.end(TextGeneration.End.STOPPED)));
        running.clear();
        return;
      }
      if (begun < prompts.size() && begin(begun, prompts.get(begun), answers)) {
        begun++;
      } else {
        step(answers);
      }
    }
  }

  /** Reads a prompt, if there is room for it now. */
  private boolean begin(int index, Prompt prompt, Consumer<Answer> answers) {
    if (running.size() == decoder.mostAtOnce()) {
      return false;
    }
    BatchDecoder.Sequence sequence = decoder.open(prompt.room());
    if (sequence == null) {
      if (running.isEmpty()) {
        throw new IllegalStateException(
            "no room for %d tokens among %d".formatted(prompt.room(), decoder.tokens()));
      }
      return false;
    }
    Running one = new Running(index, prompt, sequence);
    TextGeneration.End end = one.take(decoder.read(sequence, prompt.ids()));
    if (end == null) {
      running.add(one);
    } else {
      answers.accept(one.end(end));
    }
    return true;
  }

  /** One token for everyone. */
  private void step(Consumer<Answer> answers) {
    int[] tokens = running.stream().mapToInt(Running::last).toArray();
    float[] logits = decoder.next(running.stream().map(one -> one.sequence).toList(), tokens);
    int row = 0;
    for (Iterator<Running> all = running.iterator(); all.hasNext(); row++) {
      Running one = all.next();
      float[] own = Arrays.copyOfRange(logits, row * vocabulary, (row + 1) * vocabulary);
      TextGeneration.End end = one.take(own);
      if (end != null) {
        all.remove();
        answers.accept(one.end(end));
      }
    }
  }
}
