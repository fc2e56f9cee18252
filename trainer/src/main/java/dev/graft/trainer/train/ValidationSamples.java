package dev.graft.trainer.train;

import dev.graft.tokenizer.TokenSequence;
import dev.graft.tokenizer.Tokenizer;
import dev.graft.trainer.config.RunConfig;
import dev.graft.trainer.generate.Sampler;
import dev.graft.trainer.generate.TextGeneration;
import dev.graft.trainer.model.Llama;
import dev.graft.trainer.model.StackedRanks;
import dev.graft.trainer.runs.Sample;
import dev.graft.trainer.runs.SamplesWriter;
import dev.graft.trainer.runtime.BaseModel;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Answers the same few validation examples at every evaluation, greedily, base beside adapter. An
 * example is cut before its last answer: what stands before is the prompt, the rest is what the
 * data expect. The base's own answers are made once.
 */
final class ValidationSamples {

  private final RunConfig config;
  private final BaseModel base;
  private final List<TokenSequence> examples;
  private final TextGeneration adapted;
  private final TextGeneration bare;
  private @Nullable List<String> baseAnswers;

  /**
   * @param validation the examples, of which the first that have an answer are taken
   * @param made what is trained, as it is at each evaluation
   * @throws dev.graft.tokenizer.DataException if the base has no tokenizer
   */
  ValidationSamples(
      RunConfig config, BaseModel base, List<TokenSequence> validation, TrainedModel made) {
    this.config = config;
    this.base = base;
    int longest = base.config().maxPositionEmbeddings();
    this.examples =
        validation.stream()
            .filter(example -> answerStart(example) > 0 && answerStart(example) < longest)
            .limit(config.evaluation().samples())
            .toList();
    int capacity =
        examples.stream()
            .mapToInt(example -> answerStart(example) + config.evaluation().sampleTokens())
            .max()
            .orElse(1);
    int room = Math.min(capacity, longest);
    Tokenizer tokenizer = base.tokenizer();
    Llama unadapted = base.model().on(base.kernels());
    this.adapted = new TextGeneration(made.model().decoder(room, made.ranks()), tokenizer);
    this.bare = new TextGeneration(unadapted.decoder(room, StackedRanks.NONE), tokenizer);
  }

  /** Where the last run of targets begins; 0 where there is none behind a prompt. */
  static int answerStart(TokenSequence example) {
    boolean[] target = example.target();
    int i = target.length - 1;
    while (i > 0 && !target[i]) {
      i--;
    }
    while (i > 0 && target[i - 1]) {
      i--;
    }
    return target[i] ? i : 0;
  }

  /**
   * Answers and writes the lines.
   *
   * @param stop asked before each token; where it says so, nothing is written
   * @return whether the lines are written
   */
  boolean write(int step, double epoch, SamplesWriter file, BooleanSupplier stop) {
    List<String> before = baseAnswers;
    if (before == null) {
      before = answers(bare, stop);
    }
    List<String> now = answers(adapted, stop);
    if (stop.getAsBoolean()) {
      return false;
    }
    baseAnswers = before;
    for (int i = 0; i < examples.size(); i++) {
      TokenSequence example = examples.get(i);
      int[] ids = example.inputIds();
      int start = answerStart(example);
      int end = start;
      while (end < ids.length && example.target()[end]) {
        end++;
      }
      file.add(
          new Sample(
              step,
              epoch,
              i,
              example.origin().toString(),
              base.tokenizer().decode(Arrays.copyOf(ids, start), false),
              base.tokenizer().decode(Arrays.copyOfRange(ids, start, end), true),
              before.get(i),
              now.get(i)));
    }
    return true;
  }

  private List<String> answers(TextGeneration generation, BooleanSupplier stop) {
    List<String> texts = new ArrayList<>();
    for (TokenSequence example : examples) {
      var text = new StringBuilder();
      int[] prompt = Arrays.copyOf(example.inputIds(), answerStart(example));
      int most = config.evaluation().sampleTokens();
      generation.generate(prompt, Sampler.greedy(), most, text::append, stop);
      texts.add(text.toString());
    }
    return texts;
  }
}
