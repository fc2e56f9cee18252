package dev.graft.tokenizer;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Conversations to token sequences: laid out by the format, encoded by the tokenizer, with the
 * targets that {@link Segment} and {@link LossMask} define.
 *
 * @param tokenizer the base model's; the caller closes it
 * @param format how conversations are laid out
 * @param options what is learned
 */
public record ConversationEncoder(Tokenizer tokenizer, ChatFormat format, EncodingOptions options) {
  /** Conversations that one core works on at a time: laid out, encoded and masked together. */
  private static final int CHUNK = 16;

  /** All answers are learned and nothing else. */
  public ConversationEncoder(Tokenizer tokenizer, ChatFormat format) {
    this(tokenizer, format, EncodingOptions.DEFAULT);
  }

  /**
   * One conversation as tokens, however long.
   *
   * @throws DataException if the checkpoint names no EOS where the format needs it
   */
  public TokenSequence encode(Conversation conversation) {
    return encodeAll(List.of(conversation)).getFirst();
  }

  /**
   * Many conversations at once, on all cores.
   *
   * @throws DataException for the first that cannot be encoded
   */
  public List<TokenSequence> encodeAll(List<Conversation> conversations) {
    if (conversations.size() <= CHUNK) {
      return encodeChunk(conversations);
    }
    int chunks = Math.ceilDiv(conversations.size(), CHUNK);
    List<Chunk> done =
        IntStream.range(0, chunks)
            .parallel()
            .mapToObj(i ->
                encodeQuietly(
                    conversations.subList(
                        i * CHUNK, Math.min((i + 1) * CHUNK, conversations.size()))))
            .toList();
    List<TokenSequence> sequences = new ArrayList<>(conversations.size());
    for (Chunk chunk : done) {
      if (chunk.wrong != null) {
        throw chunk.wrong;
      }
      sequences.addAll(chunk.sequences);
    }
    return sequences;
  }

  /** What came of some conversations; of several that are wrong the first is to be reported. */
  private record Chunk(List<TokenSequence> sequences, @Nullable DataException wrong) {}

  private Chunk encodeQuietly(List<Conversation> conversations) {
    try {
      return new Chunk(encodeChunk(conversations), null);
    } catch (DataException e) {
      return new Chunk(List.of(), e);
    }
  }

  private List<TokenSequence> encodeChunk(List<Conversation> conversations) {
    List<Rendered> rendered =
        conversations.stream().map(c -> laidOut(format.render(options.apply(c)))).toList();
    IdentityHashMap<Segment.Text, Encoding> encodings = encodeTexts(rendered);
    List<TokenSequence> sequences = new ArrayList<>(conversations.size());
    for (int i = 0; i < rendered.size(); i++) {
      Tokens tokens = new Tokens();
      boolean closed = append(rendered.get(i), encodings, tokens);
      if (!closed) {
        tokens.add(eosId(), conversations.get(i).messages().getLast().learned());
      }
      sequences.add(tokens.sequence(conversations.get(i).origin()));
    }
    return sequences;
  }

  /**
   * The tokens from which the assistant goes on, see {@link ChatFormat#prompt}.
   *
   * @throws DataException if the messages do not end with a human one
   */
  public int[] prompt(List<Message> messages) {
    Rendered rendered = laidOut(format.prompt(messages));
    Tokens tokens = new Tokens();
    append(rendered, encodeTexts(List.of(rendered)), tokens);
    return tokens.ids();
  }

  /** With words as words, or as the control tokens that they look like. */
  private Rendered laidOut(Rendered rendered) {
    if (!options.allowSpecial()) {
      return rendered;
    }
    return new Rendered(
        rendered.segments().stream()
            .map(segment ->
                segment instanceof Segment.Text text
                    ? new Segment.Text(
                        MarkedText.noneLiteral(text.text().text()),
                        text.targets(),
                        text.unlearned())
                    : segment)
            .toList());
  }

  /** By identity: equal texts are encoded each for itself, which no lookup could beat. */
  private IdentityHashMap<Segment.Text, Encoding> encodeTexts(List<Rendered> rendered) {
    List<Segment.Text> withOffsets = new ArrayList<>();
    List<Segment.Text> without = new ArrayList<>();
    for (Rendered one : rendered) {
      for (Segment segment : one.segments()) {
        if (segment instanceof Segment.Text text) {
          (text.needsOffsets() ? withOffsets : without).add(text);
        }
      }
    }
    IdentityHashMap<Segment.Text, Encoding> encodings = new IdentityHashMap<>();
    List<Encoding> placed =
        tokenizer.encodeAllWithOffsets(withOffsets.stream().map(Segment.Text::text).toList());
    for (int i = 0; i < placed.size(); i++) {
      encodings.put(withOffsets.get(i), placed.get(i));
    }
    List<int[]> ids = tokenizer.encodeAll(without.stream().map(Segment.Text::text).toList());
    for (int i = 0; i < ids.size(); i++) {
      int[] nowhere = new int[ids.get(i).length];
      encodings.put(without.get(i), new Encoding(ids.get(i), nowhere, nowhere));
    }
    return encodings;
  }

  /** Appends all tokens and says whether the last answer ends with an end token. */
  private boolean append(
      Rendered rendered, IdentityHashMap<Segment.Text, Encoding> encodings, Tokens tokens) {
    boolean closed = true;
    for (Segment segment : rendered.segments()) {
      switch (segment) {
        case Segment.Begin _ -> {
          Integer bos = tokenizer.bosId();
          if (tokenizer.addsBos() && bos != null) {
            tokens.add(bos, false);
          }
        }
        case Segment.End(boolean target) -> {
          tokens.add(eosId(), target);
          closed = true;
        }
        case Segment.Text text -> {
          Encoding encoding = encodings.get(text);
          if (encoding == null) {
            throw new AssertionError("a text was not encoded");
          }
          LossMask mask = mask(text, encoding);
          tokens.addAll(encoding.ids(), mask.target());
          closed = mask.closed();
        }
      }
    }
    return closed;
  }

  private LossMask mask(Segment.Text text, Encoding encoding) {
    if (text.needsOffsets()) {
      return LossMask.of(
          text.text().text(),
          encoding,
          new LossMask.Stretches(text.targets(), text.unlearned(), options.trainOnPrompt()),
          tokenizer.specialIds(),
          tokenizer.endIds());
    }
    boolean[] target = new boolean[encoding.ids().length];
    Arrays.fill(target, text.isAllTarget() || options.trainOnPrompt());
    return new LossMask(target, !text.isAllTarget());
  }

  private int eosId() {
    Integer eos = tokenizer.eosId();
    if (eos == null) {
      throw new DataException(
          "The checkpoint names no end-of-text token, so that no answer could ever end."
              + " Add \"eos_token\" to its tokenizer_config.json.");
    }
    return eos;
  }

  /** Ids and flags that grow. */
  private static final class Tokens {
    private int[] ids = new int[256];
    private boolean[] target = new boolean[256];
    private int size;

    void add(int id, boolean isTarget) {
      addAll(new int[] {id}, new boolean[] {isTarget});
    }

    void addAll(int[] moreIds, boolean[] moreTargets) {
      int needed = size + moreIds.length;
      if (needed > ids.length) {
        ids = Arrays.copyOf(ids, Math.max(needed, ids.length * 2));
        target = Arrays.copyOf(target, ids.length);
      }
      System.arraycopy(moreIds, 0, ids, size, moreIds.length);
      System.arraycopy(moreTargets, 0, target, size, moreIds.length);
      size = needed;
    }

    int[] ids() {
      return Arrays.copyOf(ids, size);
    }

    TokenSequence sequence(Origin origin) {
      return new TokenSequence(ids(), Arrays.copyOf(target, size), origin);
    }
  }
}
