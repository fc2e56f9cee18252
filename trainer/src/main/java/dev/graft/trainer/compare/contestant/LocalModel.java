package dev.graft.trainer.compare.contestant;

import dev.graft.tokenizer.ChatFormats;
import dev.graft.tokenizer.Conversation;
import dev.graft.tokenizer.ConversationEncoder;
import dev.graft.tokenizer.DataException;
import dev.graft.tokenizer.EncodingOptions;
import dev.graft.tokenizer.Message;
import dev.graft.tokenizer.TokenSequence;
import dev.graft.trainer.generate.Continuation;
import dev.graft.trainer.generate.Generator;
import dev.graft.trainer.generate.Prompt;
import dev.graft.trainer.generate.Sampling;
import dev.graft.trainer.generate.TextGeneration;
import dev.graft.trainer.runtime.BaseModel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import java.util.function.BiConsumer;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;

/** A base model, with or without an adapter, that answers on this machine. */
public final class LocalModel implements Contestant {

  /** Examples between two looks at whether to stop; what they hold goes through in few passes. */
  private static final int READ_AT_ONCE = 32;

  private final String name;
  private final BaseModel base;
  private final Generator generator;
  private final ConversationEncoder encoder;
  private final Prompting prompting;
  private final int maxTokens;
  private final Sampling sampling;
  private final long seed;
  private final int concurrency;

  /**
   * @param name what the answers' model is called
   * @param base closed with this
   * @param adapter a PEFT folder
   * @param template as data.template
   * @param seed of the draws; each example has draws of its own, by its id
   * @param concurrency examples answered at once
   */
  public LocalModel(
      String name,
      BaseModel base,
      Optional<Path> adapter,
      Prompting prompting,
      String template,
      int maxTokens,
      Sampling sampling,
      long seed,
      int concurrency) {
    this.name = name;
    this.base = base;
    this.generator = new Generator(base, adapter);
    this.encoder =
        new ConversationEncoder(
            base.tokenizer(),
            ChatFormats.forBase(base.folder(), template).format(),
            new EncodingOptions(EncodingOptions.TrainOn.LAST_ASSISTANT, false, false));
    this.prompting = prompting;
    this.maxTokens = maxTokens;
    this.sampling = sampling;
    this.seed = seed;
    this.concurrency = concurrency;
  }

  @Override
  public void answer(List<Example> examples, Consumer<Reply> replies, BooleanSupplier stop) {
    var asked = new ArrayList<Example>();
    var prompts = new ArrayList<Prompt>();
    for (Example example : examples) {
      int[] ids;
      try {
        ids = encoder.prompt(prompting.messages(example));
      } catch (DataException e) {
        replies.accept(Reply.failed(example.id(), "cannot be asked: " + e.getMessage()));
        continue;
      }
      int room = base.config().maxPositionEmbeddings() - ids.length;
      if (room < 1) {
        replies.accept(
            Reply.failed(
                example.id(),
                "too long: %,d tokens, but the model reads and writes %,d in all"
                    .formatted(ids.length, base.config().maxPositionEmbeddings())));
        continue;
      }
      asked.add(example);
      prompts.add(new Prompt(ids, Math.min(maxTokens, room), seed + example.id().hashCode()));
    }
    generator.generateAll(
        prompts,
        sampling,
        concurrency,
        answer -> {
          // Those that were stopped in the middle are asked again another time.
          if (answer.end() != TextGeneration.End.STOPPED) {
            replies.accept(
                new Reply(
                    asked.get(answer.index()).id(),
                    Optional.of(answer.text()),
                    Optional.empty(),
                    OptionalLong.of(answer.promptTokens()),
                    OptionalLong.of(answer.ids().length),
                    OptionalDouble.of(Math.round(answer.seconds() * 1e6) / 1e3),
                    Optional.of(name),
                    answer.end() != TextGeneration.End.END_TOKEN));
          }
        },
        stop);
  }

  /**
   * How likely the model finds the references, after the same prompts as for answers.
   *
   * @param likelihoods called with each when it is there
   * @param stop asked now and then; when it says so, no further example is begun
   */
  public void likelihoods(
      List<Example> examples, BiConsumer<Example, Likelihood> likelihoods, BooleanSupplier stop) {
    for (int from = 0; from < examples.size() && !stop.getAsBoolean(); from += READ_AT_ONCE) {
      List<Example> some = examples.subList(from, Math.min(from + READ_AT_ONCE, examples.size()));
      List<Optional<TokenSequence>> sequences = some.stream().map(this::readable).toList();
      Iterator<float[]> scores =
          generator
              .logProbabilities(
                  sequences.stream().flatMap(Optional::stream).map(LocalModel::targets).toList())
              .iterator();
      for (int i = 0; i < some.size(); i++) {
        likelihoods.accept(
            some.get(i),
            sequences.get(i).map(it -> likelihood(it, scores.next())).orElse(Likelihood.NONE));
      }
    }
  }

  /** An example with its reference as tokens; empty where the model cannot read so many. */
  private Optional<TokenSequence> readable(Example example) {
    var messages = new ArrayList<>(prompting.messages(example));
    messages.add(Message.assistant(example.reference()));
    try {
      return Optional.of(encoder.encode(new Conversation(messages)))
          .filter(it -> it.inputIds().length <= generator.longest() && it.targetCount() > 0);
    } catch (DataException _) {
      // Answering says why.
      return Optional.empty();
    }
  }

  /** From the first target to the last; what a template writes after that changes nothing. */
  private static Continuation targets(TokenSequence sequence) {
    int first = first(sequence);
    int end = sequence.length();
    while (!sequence.target()[end - 1]) {
      end--;
    }
    return new Continuation(
        Arrays.copyOf(sequence.inputIds(), first),
        Arrays.copyOfRange(sequence.inputIds(), first, end));
  }

  private static int first(TokenSequence sequence) {
    // Nothing stands before the token at 0.
    int first = 1;
    while (!sequence.target()[first]) {
      first++;
    }
    return first;
  }

  /** Sums over the targets; between the first and the last there may be others. */
  private static Likelihood likelihood(TokenSequence sequence, float[] logProbabilities) {
    int first = first(sequence);
    double sum = 0;
    int tokens = 0;
    for (int i = 0; i < logProbabilities.length; i++) {
      if (sequence.target()[first + i]) {
        sum -= logProbabilities[i];
        tokens++;
      }
    }
    return new Likelihood(sum, tokens);
  }

  @Override
  public void close() {
    base.close();
  }
}
