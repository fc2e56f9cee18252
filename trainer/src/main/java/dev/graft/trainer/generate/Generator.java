package dev.graft.trainer.generate;

import dev.graft.modelio.peft.PeftAdapter;
import dev.graft.tokenizer.ChatFormats;
import dev.graft.tokenizer.ConversationEncoder;
import dev.graft.tokenizer.Message;
import dev.graft.tokenizer.Tokenizer;
import dev.graft.trainer.config.UserException;
import dev.graft.trainer.lora.LoraAdapter;
import dev.graft.trainer.model.BatchDecoder;
import dev.graft.trainer.model.Decoder;
import dev.graft.trainer.model.ScoringPass;
import dev.graft.trainer.model.StackedRanks;
import dev.graft.trainer.model.TokenBatch;
import dev.graft.trainer.runtime.BaseModel;
import dev.graft.trainer.runtime.ProcessMemory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A base model, with an adapter or without, that answers prompts. Its memory is kept from call to
 * call and grows with the longest; it is freed with the base model's kernels.
 */
public final class Generator {

  /** The most sequences that are continued at once. */
  public static final int MOST_AT_ONCE = 64;

  /** Tokens of a forward pass over given texts: enough for products to run at their full rate. */
  private static final int SCORED_AT_ONCE = 1024;

  /** Share of the machine's free memory that key-value caches may take. */
  private static final double CACHE_SHARE = 0.6;

  private final BaseModel base;
  private final StackedRanks ranks;
  private final @Nullable Path adapter;
  private @Nullable Decoder decoder;
  private @Nullable BatchDecoder batchDecoder;
  private @Nullable ScoringPass scoringPass;

  /**
   * Puts an adapter on a base model.
   *
   * @param base stays the caller's
   * @param adapter a PEFT folder; absent for the base model alone
   */
  public Generator(BaseModel base, Optional<Path> adapter) {
    this.base = base;
    this.adapter = adapter.orElse(null);
    this.ranks =
        adapter
            .map(folder -> LoraAdapter.of(PeftAdapter.read(folder, base.config()), base.model()))
            .map(LoraAdapter::ranks)
            .orElse(StackedRanks.NONE);
  }

  /**
   * A base model with the adapter that is attached to it at the time of each call, as while one is
   * being trained.
   *
   * @param ranks that adapter's
   */
  public Generator(BaseModel base, StackedRanks ranks) {
    this.base = base;
    this.adapter = null;
    this.ranks = ranks;
  }

  /** The longest text that the base model is made for, prompt included, in tokens. */
  public int longest() {
    return base.config().maxPositionEmbeddings();
  }

  /**
   * The tokens of a text that is to be continued as it stands: BOS, if the tokenizer knows one, and
   * the text. Special tokens written out in it are those tokens.
   */
  public int[] continuation(String text) {
    Tokenizer tokenizer = base.tokenizer();
    int[] ids = text.isEmpty() ? new int[0] : tokenizer.encode(text);
    Integer bos = tokenizer.bosId();
    if (bos == null && ids.length == 0) {
      throw new UserException(
          base.folder() + ": the tokenizer names no BOS, so that an empty prompt has no token.");
    }
    boolean beginsWithBos = ids.length > 0 && bos != null && ids[0] == bos;
    if (bos == null || beginsWithBos || (ids.length > 0 && !tokenizer.addsBos())) {
      return ids;
    }
    int[] withBos = new int[ids.length + 1];
    withBos[0] = bos;
    System.arraycopy(ids, 0, withBos, 1, ids.length);
    return withBos;
  }

  /**
   * How conversations are laid out.
   *
   * @param template as {@code data.template}; {@code auto} is what the adapter was trained with, if
   *     its folder says so, and otherwise the base model's own
   */
  public ChatFormats.Choice chatFormat(String template) {
    return template.equals("auto") && adapter != null
        ? ChatFormats.forAdapter(base.folder(), adapter)
        : ChatFormats.forBase(base.folder(), template);
  }

  /** The tokens from which the assistant answers the last of some messages, a person's. */
  public int[] conversation(List<Message> messages, ChatFormats.Choice format) {
    return new ConversationEncoder(base.tokenizer(), format.format()).prompt(messages);
  }

  /** The tokens from which the assistant answers one human message. */
  public int[] question(String text, ChatFormats.Choice format) {
    return conversation(List.of(Message.human(text)), format);
  }

  /**
   * Generates from tokens.
   *
   * @param maxTokens at most so many new ones
   * @param text called with each piece of text as soon as its characters are complete
   * @param stop asked before each token
   */
  public TextGeneration.Result generate(
      int[] prompt, Sampler sampler, int maxTokens, Consumer<String> text, BooleanSupplier stop) {
    return new TextGeneration(decoder(prompt.length + maxTokens), base.tokenizer())
        .generate(prompt, sampler, maxTokens, text, stop);
  }

  /**
   * Generates from many prompts, several at once.
   *
   * <p>An answer does not depend on what else is generated beside it. On the CPU that is meant to
   * the bit: a prompt is read alone, and in a step the products sum each row by itself in an order
   * that the number of rows does not change, up to {@link #MOST_AT_ONCE} rows. So answers equal
   * those of {@link #generate} with the same sampling and seed. The reference kernels multiply with
   * a library that makes no such promise.
   *
   * @param atOnce sequences of a step, 1 to {@link #MOST_AT_ONCE}; fewer where the memory of this
   *     machine asks for it
   * @param answers called with each answer when it is complete, not always in the prompts' order
   * @param stop asked before each step; texts that are being written then end as they are ({@link
   *     TextGeneration.End#STOPPED}), and no other prompt is begun
   * @throws UserException if a prompt leaves no room for an answer, or memory does not do for the
   *     longest of them
   */
  public void generateAll(
      List<Prompt> prompts,
      Sampling sampling,
      int atOnce,
      Consumer<Answer> answers,
      BooleanSupplier stop) {
    if (atOnce < 1 || atOnce > MOST_AT_ONCE) {
      throw new IllegalArgumentException(atOnce + " sequences at once");
    }
    if (prompts.isEmpty()) {
      return;
    }
    List<Prompt> fitting = new ArrayList<>();
    for (int i = 0; i < prompts.size(); i++) {
      fitting.add(withinLongest(i, prompts.get(i)));
    }
    new BatchGeneration(
            batchDecoder(fitting, Math.min(atOnce, fitting.size())),
            base.tokenizer(),
            sampling,
            base.config().vocabSize())
        .run(fitting, answers, stop);
  }

  private Prompt withinLongest(int index, Prompt prompt) {
    int room = longest() - prompt.ids().length;
    if (room < 1) {
      throw new UserException(
          "prompt %d has %d tokens, but the base model reads and writes %d in all. Shorten it."
              .formatted(index + 1, prompt.ids().length, longest()));
    }
    return prompt.maxTokens() <= room ? prompt : new Prompt(prompt.ids(), room, prompt.seed());
  }

  private Decoder decoder(int tokens) {
    Decoder made = decoder;
    if (made == null || made.capacity() < tokens) {
      made = base.model().decoder(roundedUp(tokens), ranks);
      decoder = made;
    }
    return made;
  }

  /** Memory for the longest prompts that can meet in a step. */
  private BatchDecoder batchDecoder(List<Prompt> prompts, int atOnce) {
    int[] rooms = prompts.stream().mapToInt(Prompt::room).sorted().toArray();
    int longest = rooms[rooms.length - 1];
    long wanted = 0;
    for (int i = rooms.length - atOnce; i < rooms.length; i++) {
      wanted += rooms[i];
    }
    BatchDecoder made = batchDecoder;
    if (made != null
        && made.mostAtOnce() >= atOnce
        && made.longest() >= longest
        && made.tokens() >= wanted) {
      return made;
    }
    long bytesPerToken = base.model().cacheBytesPerToken();
    long affordable =
        (long) (CACHE_SHARE * ProcessMemory.available().orElse(Long.MAX_VALUE) / bytesPerToken);
    if (longest > affordable) {
      throw new UserException(
          ("a text of %d tokens needs %.1f GB for its keys and values, and this machine has %.1f GB"
                  + " to spare. Ask for fewer tokens, or shorten the prompt.")
              .formatted(longest, longest * bytesPerToken / 1e9, affordable * bytesPerToken / 1e9));
    }
    int tokens = (int) Math.min(Math.min(wanted, affordable), Integer.MAX_VALUE);
    made = base.model().batchDecoder(atOnce, roundedUp(longest), Math.max(tokens, longest), ranks);
    batchDecoder = made;
    return made;
  }

  /** Fewer sizes, so that texts which grow slowly do not lay out memory anew each time. */
  private static int roundedUp(int tokens) {
    return (int) Math.min(Integer.MAX_VALUE, (tokens + 255L) / 256 * 256);
  }

  /**
   * The log-probability of each token of given texts, many texts in each forward pass, as training
   * computes it. The texts do not see one another; which ones share a pass changes no more than the
   * rounding of products, since those are generated for a number of rows.
   *
   * @return for each text (ids.length) natural logarithms
   * @throws UserException if a text is longer than the base model reads
   */
  public List<float[]> logProbabilities(List<Continuation> texts) {
    int longest = 0;
    for (int i = 0; i < texts.size(); i++) {
      int length = texts.get(i).length();
      if (length > longest()) {
        throw new UserException(
            "text %d has %d tokens, but the base model reads %d in all. Shorten it."
                .formatted(i + 1, length, longest()));
      }
      longest = Math.max(longest, length);
    }
    ScoringPass pass = scoringPass(Math.max(longest, SCORED_AT_ONCE));
    List<float[]> scores = new ArrayList<>();
    for (int from = 0; from < texts.size(); ) {
      int to = from;
      for (int tokens = 0;
          to < texts.size() && tokens + texts.get(to).length() <= pass.maxTokens();
          to++) {
        tokens += texts.get(to).length();
      }
      score(pass, texts.subList(from, to), scores);
      from = to;
    }
    return scores;
  }

  private static void score(ScoringPass pass, List<Continuation> texts, List<float[]> scores) {
    List<TokenBatch.Sequence> sequences = new ArrayList<>();
    for (Continuation text : texts) {
      int[] ids = Arrays.copyOf(text.prompt(), text.length());
      System.arraycopy(text.ids(), 0, ids, text.prompt().length, text.ids().length);
      boolean[] scored = new boolean[ids.length];
      Arrays.fill(scored, text.prompt().length, ids.length, true);
      sequences.add(new TokenBatch.Sequence(ids, scored));
    }
    float[] losses = pass.losses(TokenBatch.of(sequences));
    int first = 0;
    for (Continuation text : texts) {
      float[] own = Arrays.copyOfRange(losses, first, first + text.ids().length);
      for (int i = 0; i < own.length; i++) {
        own[i] = -own[i];
      }
      scores.add(own);
      first += own.length;
    }
  }

  private ScoringPass scoringPass(int tokens) {
    ScoringPass made = scoringPass;
    if (made == null || made.maxTokens() < tokens) {
      made = base.model().scoringPass(tokens, ranks);
      scoringPass = made;
    }
    return made;
  }

  /** The logits after each token of a sequence, chunk by chunk in order, (n · V) each. */
  public void logits(int[] tokens, Consumer<float[]> chunk) {
    Decoder made = decoder(tokens.length);
    made.clear();
    made.logits(tokens, chunk);
  }
}
