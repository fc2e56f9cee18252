package dev.graft.tokenizer;

import java.text.Normalizer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * A tokenizer that remembers words. Text is cut where Llama 3's tokenizer cuts it anyway, see
 * {@link WordCuts}; each piece is encoded once and looked up from then on, which is several times
 * faster than to encode it again.
 *
 * <p>Whether a tokenizer cuts as expected is not read off its file but tried: {@link #of} compares
 * both ways on a text of hard cases and gives the tokenizer back as it is if they differ. While it
 * works, it goes on to compare the first texts and then one in {@value #COMPARED}; should one
 * differ, it says so, and remembers nothing any more.
 */
public final class WordCache implements Tokenizer {
  private static final int COMPARED = 256;
  private static final int COMPARED_FIRST = 32;
  private static final int MAX_WORDS = 1 << 19;
  private static final int MAX_WORD_CHARACTERS = 64;

  private static final String HARD =
      "It's we'LL I'm 'tis don't o'clock ''s 'x\tTab\n\n"
          + "  two \u00a0 spaces   \r\n"
          + " \r\n"
          + "\t\t-- 12345 6 1,234.50 x1y2 (a) ((b)) \"Quote\" 'q' $%&/ a.b  c\n"
          + "  d\n\n\n"
          + " e ! ?\n"
          + "?! \n"
          + " x\u3000y \u2028 Größe naïve Ω ж 你好，世界 にほん ١٢٣ ⅷ ½ é \ud83d\ude00\ud83d\ude00"
          + " a\ud83d\ude00b \u200b <b>html</b> {\"k\": [1, 2]}; // comment\n"
          + "\tif (x != y) { return; }\n"
          + "    4 spaces ### http://a.b/c?d=e&f __init__ camelCase UPPER ... ..a a.. \u2014x -x -1"
          + " +2 #3 @me   ";

  @SuppressWarnings("ArrayRecordComponent") // looked up and copied, never compared
  private record Word(int[] ids, int[] starts, int[] ends) {}

  private final HuggingFaceTokens core;
  private final WordCuts cuts;
  private final Map<String, Word> words = new ConcurrentHashMap<>();
  private final AtomicLong texts = new AtomicLong();
  private volatile boolean off;

  private WordCache(HuggingFaceTokens core) {
    this.core = core;
    this.cuts = new WordCuts(core.addedTokens());
  }

  /**
   * The faster way to a tokenizer where there is one; whichever comes back closes the tokenizer.
   */
  public static Tokenizer of(Tokenizer tokenizer) {
    if (!(tokenizer instanceof HuggingFaceTokens core)) {
      return tokenizer;
    }
    WordCache cache = new WordCache(core);
    StringBuilder hard = new StringBuilder(HARD);
    core.addedTokens().stream()
        .sorted()
        .limit(8)
        .forEach(token -> hard.append(token).append("\n\n a").append(token).append(HARD));
    MarkedText text = MarkedText.noneLiteral(hard.toString());
    Encoding slow = core.encodeWithOffsets(text);
    return cache.fast(List.of(text)).getFirst().equals(slow) ? cache : tokenizer;
  }

  /** Whether the two ways have differed, so that every text is encoded afresh. */
  public boolean hasGivenUp() {
    return off;
  }

  @Override
  public List<int[]> encodeAll(List<MarkedText> all) {
    return encodeAllWithOffsets(all).stream().map(Encoding::ids).toList();
  }

  @Override
  public List<Encoding> encodeAllWithOffsets(List<MarkedText> all) {
    if (off || all.stream().anyMatch(WordCache::isSpecial)) {
      return core.encodeAllWithOffsets(all);
    }
    List<Encoding> encodings = fast(all);
    for (int i = 0; i < all.size(); i++) {
      long number = texts.getAndIncrement();
      if ((number < COMPARED_FIRST || number % COMPARED == 0)
          && !core.encodeWithOffsets(all.get(i)).equals(encodings.get(i))) {
        off = true;
        return core.encodeAllWithOffsets(all);
      }
    }
    return encodings;
  }

  /**
   * What only the tokenizer itself gets right: words that look like special tokens, and what a
   * normalizer would change.
   */
  private static boolean isSpecial(MarkedText text) {
    return !text.literal().isEmpty() || !Normalizer.isNormalized(text.text(), Normalizer.Form.NFC);
  }

  private List<Encoding> fast(List<MarkedText> all) {
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
    List<Encoding> encodings = new ArrayList<>(all.size());
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
      Word word = new Word(encoding.ids(), encoding.starts(), encoding.ends());
      learned.put(pieces.get(i), word);
      if (words.size() < MAX_WORDS && pieces.get(i).length() <= MAX_WORD_CHARACTERS) {
        words.put(pieces.get(i), word);
      }
    }
    return learned;
  }

  private static Encoding joined(
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
