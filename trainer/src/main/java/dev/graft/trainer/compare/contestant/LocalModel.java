package dev.graft.trainer.compare.contestant;

import dev.graft.tokenizer.ChatFormats;
import dev.graft.tokenizer.Conversation;
import dev.graft.tokenizer.ConversationEncoder;
import dev.graft.tokenizer.DataException;
import dev.graft.tokenizer.EncodingOptions;
import dev.graft.tokenizer.Message;
import dev.graft.tokenizer.TokenSequence;
import dev.graft.trainer.generate.Generator;
import dev.graft.trainer.generate.Prompt;
import dev.graft.trainer.generate.Sampling;
import dev.graft.trainer.generate.TextGeneration;
import dev.graft.trainer.runtime.BaseModel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;

/** A base model, with or without an adapter, that answers on this machine. */
public final class LocalModel implements Contestant {

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
   * How likely the reference is.
   *
   * @param negativeLogLikelihood in nats, summed over the reference's tokens and the end token
   * @param tokens how many those are; 0 where the example is too long to be read
   */
  public record Likelihood(double negativeLogLikelihood, int tokens) {}

  /** How likely the model finds an example's reference, after the same prompt as for answers. */
  public Likelihood likelihood(Example example) {
    var messages = new ArrayList<>(prompting.messages(example));
    messages.add(Message.assistant(example.reference()));
    TokenSequence sequence = encoder.encode(new Conversation(messages));
    int[] ids = sequence.inputIds();
    if (ids.length > base.config().maxPositionEmbeddings()) {
      return new Likelihood(0, 0);
    }
    boolean[] target = sequence.target();
    int vocabulary = base.config().vocabSize();
    int[] place = {0};
    double[] sum = {0};
    int[] count = {0};
    generator.logits(
        ids,
        chunk -> {
          for (int row = 0; row < chunk.length / vocabulary; row++) {
            int next = ++place[0];
            if (next < ids.length && target[next]) {
              sum[0] += surprise(chunk, row * vocabulary, vocabulary, ids[next]);
              count[0]++;
            }
          }
        });
    return new Likelihood(sum[0], count[0]);
  }

  /** The negative log-probability of an id, from logits. */
  private static double surprise(float[] logits, int offset, int vocabulary, int id) {
    double largest = Double.NEGATIVE_INFINITY;
    for (int i = 0; i < vocabulary; i++) {
      largest = Math.max(largest, logits[offset + i]);
    }
    double sum = 0;
    for (int i = 0; i < vocabulary; i++) {
      sum += Math.exp(logits[offset + i] - largest);
    }
    return largest + Math.log(sum) - logits[offset + id];
  }

  @Override
  public void close() {
    base.close();
  }
}
