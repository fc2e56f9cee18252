package dev.graft.trainer.train;

import dev.graft.modelio.ModelConfig;
import dev.graft.tokenizer.TokenSequence;
import dev.graft.trainer.config.RunConfig;
import dev.graft.trainer.generate.BatchGeneration;
import dev.graft.trainer.generate.Generator;
import dev.graft.trainer.generate.Prompt;
import dev.graft.trainer.generate.Sampling;
import dev.graft.trainer.model.BatchDecoder;
import dev.graft.trainer.model.Llama;
import dev.graft.trainer.model.StackedRanks;
import dev.graft.trainer.runs.Sample;
import dev.graft.trainer.runtime.BaseModel;
import java.util.Arrays;
import java.util.List;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Answers the same few validation examples at every evaluation, greedily and all at once, base
 * beside adapter. An example is cut before its last answer: what stands before is the prompt, the
 * rest is what the data expect. The base's own answers are made once.
 */
final class ValidationSamples {

  private final BaseModel base;
  private final List<TokenSequence> examples;
  private final List<Prompt> prompts;
  private final BatchGeneration adapted;
  private final BatchGeneration bare;
  private @Nullable List<String> baseAnswers;

  /**
   * @param validation the examples, of which the first that have an answer are taken
   * @param made what is trained, as it is at each evaluation
   * @throws dev.graft.tokenizer.DataException if the base has no tokenizer
   */
  ValidationSamples(
      RunConfig config, BaseModel base, List<TokenSequence> validation, TrainedModel made) {
    this.base = base;
    this.examples = chosen(config, base.config(), validation);
    this.prompts = prompts(config, base.config(), examples);
    Room room = Room.of(prompts);
    this.adapted = generation(room.decoder(made.model(), made.ranks()));
    this.bare = generation(room.decoder(base.model().on(base.kernels()), StackedRanks.NONE));
  }

  private BatchGeneration generation(BatchDecoder decoder) {
    return new BatchGeneration(
        decoder, base.tokenizer(), Sampling.GREEDY, base.config().vocabSize());
  }

  private static List<TokenSequence> chosen(
      RunConfig config, ModelConfig model, List<TokenSequence> validation) {
    int longest = model.maxPositionEmbeddings();
    return validation.stream()
        .filter(example -> answerStart(example) > 0 && answerStart(example) < longest)
        .limit(config.evaluation().samples())
        .toList();
  }

  private static List<Prompt> prompts(
      RunConfig config, ModelConfig model, List<TokenSequence> examples) {
    return examples.stream()
        .map(example -> {
          int[] ids = Arrays.copyOf(example.inputIds(), answerStart(example));
          int room = model.maxPositionEmbeddings() - ids.length;
          return new Prompt(ids, Math.min(config.evaluation().sampleTokens(), room), 0);
        })
        .toList();
  }

  /**
   * What is laid out for answering.
   *
   * @param atOnce sequences of a step
   * @param longest tokens of the longest, prompt and answer
   * @param tokens of all that can be open at once
   */
  private record Room(int atOnce, int longest, int tokens) {

    static Room of(List<Prompt> prompts) {
      int[] rooms = prompts.stream().mapToInt(Prompt::room).sorted().toArray();
      int atOnce = Math.clamp(rooms.length, 1, Generator.MOST_AT_ONCE);
      int tokens = 0;
      for (int i = Math.max(0, rooms.length - atOnce); i < rooms.length; i++) {
        tokens = Math.addExact(tokens, rooms[i]);
      }
      int longest = rooms.length == 0 ? 1 : rooms[rooms.length - 1];
      return new Room(atOnce, longest, Math.max(tokens, 1));
    }

    BatchDecoder decoder(Llama model, StackedRanks ranks) {
      return model.batchDecoder(atOnce, longest, tokens, ranks);
    }
  }

  /**
   * Bytes that the answering will allocate: laid out by the same code, on kernels that only count.
   */
  static long plannedBytes(
      RunConfig config, BaseModel base, List<TokenSequence> validation, StackedRanks ranks) {
    if (config.evaluation().samples() == 0) {
      return 0;
    }
    ModelConfig model = base.config();
    Room room = Room.of(prompts(config, model, chosen(config, model, validation)));
    PlanningKernels counting = new PlanningKernels(base.kernels());
    Llama planned = base.model().on(counting);
    room.decoder(planned, ranks);
    room.decoder(planned, StackedRanks.NONE);
    return counting.allocatedBytes();
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
   * Answers and hands over the lines.
   *
   * @param stop asked before each step of the generation; where it says so, nothing is written
   * @return whether the lines are written
   */
  boolean write(int step, double epoch, Consumer<Sample> lines, BooleanSupplier stop) {
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
      lines.accept(
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

  /** In the examples' order. */
  private List<String> answers(BatchGeneration generation, BooleanSupplier stop) {
    String[] texts = new String[prompts.size()];
    generation.run(prompts, answer -> texts[answer.index()] = answer.text(), stop);
    // A generation that is stopped leaves out what it had not begun.
    return Stream.of(texts).map(text -> text == null ? "" : text).toList();
  }
}
