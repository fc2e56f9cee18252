package dev.graft.tokenizer;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * A tokenizer that remembers words. Text is cut where Llama 3's and Qwen's tokenizers cut it
 * anyway, see {@link WordCuts}; each piece is encoded once and looked up from then on, which is
 * several times faster than to encode it again.
 *
 * <p>Tokens are the same by construction. Only a tokenizer whose file says literally that it cuts
 * like this is taken, and of its texts only those whose every character is known to be cut alike;
 * all others go to the tokenizer itself.
 */
public final class WordCache implements Tokenizer {
  private static final int MAX_WORDS = 1 << 18;
  private static final int MAX_WORD_CHARACTERS = 64;

  /**
   * The tokens of a word and their places in it.
   *
   * @param isCounted whether the places are counted from the tokens, as those of whole texts are
   */
  @SuppressWarnings("ArrayRecordComponent") // looked up and copied, never compared
  private record Word(int[] ids, int[] starts, int[] ends, boolean isCounted) {}

  private final HuggingFaceTokens core;
  private final WordCuts cuts;
  private final Map<String, Word> words = new ConcurrentHashMap<>();

  private WordCache(HuggingFaceTokens core) {
    this.core = core;
    this.cuts = new WordCuts(core.addedTokens());
  }

  /**
   * The faster way to a tokenizer where there is one; whichever comes back closes the tokenizer.
   */
  public static Tokenizer of(Tokenizer tokenizer) {
    return tokenizer instanceof HuggingFaceTokens core && core.cutsWords()
        ? new WordCache(core)
        : tokenizer;
  }

  @Override
  public List<int[]> encodeAll(List<MarkedText> all) {
    return encodeAllWithOffsets(all).stream().map(Encoding::ids).toList();
  }

  @Override
  public List<Encoding> encodeAllWithOffsets(List<MarkedText> all) {
    List<MarkedText> known = all.stream().filter(text -> WordCuts.knows(text.text())).toList();
    if (known.isEmpty()) {
      return core.encodeAllWithOffsets(all);
    }
    Iterator<@Nullable Encoding> fast = fast(known).iterator();
    Iterator<MarkedText> next = known.iterator();
    @Nullable MarkedText awaited = next.next();
    List<Encoding> encodings = new ArrayList<>(all.size());
    for (MarkedText text : all) {
      @Nullable Encoding encoding = null;
      if (text == awaited) {
        encoding = fast.next();
        awaited = next.hasNext() ? next.next() : null;
      }
      // Words that look like a special token are told from it by the tokenizer itself.
      if (encoding == null || (!text.literal().isEmpty() && core.hasSpecial(encoding.ids()))) {
        encoding = core.encodeWithOffsets(text);
      }
      encodings.add(encoding);
    }
    return encodings;
  }

  /** Null for a text with a word whose places cannot be counted. */
  private List<@Nullable Encoding> fast(List<MarkedText> all) {
    List<int[]> ends = new ArrayList<>(all.size());
    List<@Nullable Word[]> found = new ArrayList<>(all.size());
    Set<String> missing = new LinkedHashSet<>();
    for (MarkedText text : all) {
      int[] cut = cuts.of(text.text());
      @Nullable Word[] pieces = new Word[cut.length];
      int start = 0;
      for (int i = 0; i < cut.length; i++) {
        String piece = text.text().substring(start, cut[i]);
        pieces[i] = words.get(piece);
        if (pieces[i] == null) {
          missing.add(piece);
        }
        start = cut[i];
      }
      ends.add(cut);
      found.add(pieces);
    }
    Map<String, Word> learned = learn(missing);
    List<@Nullable Encoding> encodings = new ArrayList<>(all.size());
    for (int i = 0; i < all.size(); i++) {
      encodings.add(joined(all.get(i).text(), ends.get(i), found.get(i), learned));
    }
    return encodings;
  }

  private Map<String, Word> learn(Set<String> missing) {
    Map<String, Word> learned = new HashMap<>();
    if (missing.isEmpty()) {
      return learned;
    }
    List<String> pieces = List.copyOf(missing);
    List<Encoding> encodings =
        core.encodeAllWithOffsets(pieces.stream().map(MarkedText::noneLiteral).toList());
    for (int i = 0; i < pieces.size(); i++) {
      Encoding encoding = encodings.get(i);
      Word word =
          new Word(
              encoding.ids(),
              encoding.starts(),
              encoding.ends(),
              core.countsPlaces(pieces.get(i), encoding.ids()));
      learned.put(pieces.get(i), word);
      if (words.size() < MAX_WORDS && pieces.get(i).length() <= MAX_WORD_CHARACTERS) {
        words.put(pieces.get(i), word);
      }
    }
    return learned;
  }

  private static @Nullable Encoding joined(
      String text, int[] cut, @Nullable Word[] pieces, Map<String, Word> learned) {
    int count = 0;
    int begin = 0;
    Word[] all = new Word[pieces.length];
    for (int i = 0; i < pieces.length; i++) {
      Word word = pieces[i];
      if (word == null) {
        word = learned.get(text.substring(begin, cut[i]));
      }
      if (word == null) {
        throw new AssertionError("a word was neither known nor learned");
      }
      if (!word.isCounted()) {
        return null;
      }
      all[i] = word;
      count += word.ids().length;
      begin = cut[i];
    }
    int[] ids = new int[count];
    int[] starts = new int[count];
    int[] ends = new int[count];
    int at = 0;
    begin = 0;
    for (int i = 0; i < all.length; i++) {
      Word word = all[i];
      for (int j = 0; j < word.ids().length; j++) {
        ids[at] = word.ids()[j];
        starts[at] = begin + word.starts()[j];
        ends[at++] = begin + word.ends()[j];
      }
      begin = cut[i];
    }
    return new Encoding(ids, starts, ends);
  }

  @Override
  public String decode(int[] ids, boolean skipSpecial) {
    return core.decode(ids, skipSpecial);
  }

  @Override
  public StreamingDecoder streamingDecoder(boolean skipSpecial) {
    return core.streamingDecoder(skipSpecial);
  }

  @Override
  public int vocabularySize() {
    return core.vocabularySize();
  }

  @Override
  public @Nullable Integer bosId() {
    return core.bosId();
  }

  @Override
  public @Nullable Integer eosId() {
    return core.eosId();
  }

  @Override
  public boolean addsBos() {
    return core.addsBos();
  }

  @Override
  public Set<Integer> endIds() {
    return core.endIds();
  }

  @Override
  public Set<Integer> specialIds() {
    return core.specialIds();
  }

  @Override
  public @Nullable Integer addedTokenId(String token) {
    return core.addedTokenId(token);
  }

  @Override
  public String fingerprint() {
    return core.fingerprint();
  }

  @Override
  public void close() {
    core.close();
  }
}
