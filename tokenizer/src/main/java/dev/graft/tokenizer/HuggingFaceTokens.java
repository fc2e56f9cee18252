package dev.graft.tokenizer;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Collections;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The tokenizer of a Hugging Face checkpoint folder, on the Rust core that Python uses. Reads
 * {@code tokenizer.json}, which must be there, and what {@link TokenizerConfig} lists, if it is
 * there.
 */
public final class HuggingFaceTokens implements Tokenizer {
  private final Path file;
  private final NativeTokenizer core;
  private final TokenizerJson vocabulary;
  private final @Nullable Integer bosId;
  private final @Nullable Integer eosId;
  private final boolean addsBos;
  private final Set<Integer> endIds;
  private final Set<Integer> specialIds;
  private final String fingerprint;
  private final Object guardLock = new Object();
  private @Nullable LiteralGuard guard;

  private HuggingFaceTokens(Path folder, byte[] json) throws IOException {
    file = folder.resolve("tokenizer.json");
    TokenizerConfig config = TokenizerConfig.read(folder);
    vocabulary = TokenizerJson.parse(file, json, Set.copyOf(config.tokens().values()));
    bosId = id("bos_token", config, config.bosId());
    eosId = id("eos_token", config, config.eosIds().isEmpty() ? null : config.eosIds().first());
    TreeSet<Integer> ends = new TreeSet<>(config.eosIds());
    if (eosId != null) {
      ends.add(eosId);
    }
    endIds = Collections.unmodifiableSet(ends);
    specialIds = vocabulary.special().stream().boxed().collect(Collectors.toUnmodifiableSet());
    fingerprint = sha256(json);
    core = NativeTokenizer.load(json);
    addsBos = bosId != null && addsBos(config, bosId);
  }

  /**
   * Loads the tokenizer of a checkpoint.
   *
   * @param folder a Hugging Face checkpoint folder
   * @throws DataException if tokenizer.json is missing, or it or a file beside it is broken
   */
  public static HuggingFaceTokens load(Path folder) {
    Path file = folder.resolve("tokenizer.json");
    if (!Files.isRegularFile(file)) {
      throw new DataException(
          file
              + " does not exist. A checkpoint folder needs it; if it has only tokenizer.model,"
              + " get tokenizer.json from the model's page on the hub.");
    }
    byte[] json = JsonFiles.read(file);
    try {
      return new HuggingFaceTokens(folder, json);
    } catch (IOException e) {
      throw new DataException(
          file
              + " is not accepted by the tokenizer library: "
              + e.getMessage()
              + ". Download the file again.",
          e);
    }
  }

  private @Nullable Integer id(String key, TokenizerConfig config, @Nullable Integer otherwise) {
    String text = config.tokens().get(key);
    if (text == null) {
      return otherwise;
    }
    Integer id = vocabulary.added().get(text);
    id = id == null ? vocabulary.found().get(text) : id;
    if (id == null) {
      throw new DataException(
          "%s: %s is \"%s\", but tokenizer.json has no such token. The two files do not belong together."
              .formatted(file.resolveSibling("tokenizer_config.json"), key, text));
    }
    return id;
  }

  private boolean addsBos(TokenizerConfig config, int bos) {
    if (config.addBos() != null) {
      return config.addBos();
    }
    int[] ids = core.encodeAddingSpecialTokens("");
    return ids.length > 0 && ids[0] == bos;
  }

  @Override
  public List<int[]> encodeAll(List<MarkedText> texts) {
    return encode(texts, false).stream().map(Encoding::ids).toList();
  }

  @Override
  public List<Encoding> encodeAllWithOffsets(List<MarkedText> texts) {
    return encode(texts, true);
  }

  private List<Encoding> encode(List<MarkedText> texts, boolean withOffsets) {
    List<String> strings = texts.stream().map(MarkedText::text).toList();
    List<Encoding> encodings = withOffsets ? placed(strings) : core.encode(strings, false);
    encodings = new ArrayList<>(encodings);
    for (int i = 0; i < encodings.size(); i++) {
      MarkedText text = texts.get(i);
      // Nearly no text gets further than this line.
      if (!text.literal().isEmpty() && hasSpecial(encodings.get(i).ids())) {
        encodings.set(i, keepingWords(text));
      }
    }
    return encodings;
  }

  private List<Encoding> placed(List<String> texts) {
    ByteOffsets offsets = vocabulary.byteOffsets();
    if (offsets == null) {
      return core.encode(texts, true);
    }
    List<Encoding> encodings = new ArrayList<>(core.encode(texts, false));
    for (int i = 0; i < encodings.size(); i++) {
      Encoding placed = offsets.place(texts.get(i), encodings.get(i).ids());
      encodings.set(
          i, placed == null ? core.encode(List.of(texts.get(i)), true).getFirst() : placed);
    }
    return encodings;
  }

  private Encoding keepingWords(MarkedText text) {
    Encoding encoding = core.encode(List.of(text.text()), true).getFirst();
    for (int i = 0; i < encoding.ids().length; i++) {
      int start = encoding.starts()[i];
      int end = encoding.ends()[i];
      if (vocabulary.special().get(encoding.ids()[i])
          && text.literal().stream().anyMatch(words -> words.overlaps(start, end))) {
        return guard().encode(text);
      }
    }
    return encoding;
  }

  private LiteralGuard guard() {
    synchronized (guardLock) {
      if (guard == null) {
        byte[] json = JsonFiles.read(file);
        if (!sha256(json).equals(fingerprint)) {
          throw new DataException(file + " has changed since it was loaded. Start again.");
        }
        try {
          guard = LiteralGuard.create(json);
        } catch (IOException e) {
          throw new DataException(
              file + ": special tokens cannot be told from text: " + e.getMessage(), e);
        }
      }
      return guard;
    }
  }

  @Override
  public String decode(int[] ids, boolean skipSpecial) {
    return core.decode(ids, skipSpecial);
  }

  @Override
  public StreamingDecoder streamingDecoder(boolean skipSpecial) {
    return new StreamingDecoder(
        ids -> core.decode(ids, skipSpecial),
        vocabulary.bytes()::get,
        id -> id >= vocabularySize() || (skipSpecial && vocabulary.special().get(id)));
  }

  @Override
  public int vocabularySize() {
    return vocabulary.vocabularySize();
  }

  @Override
  public @Nullable Integer bosId() {
    return bosId;
  }

  @Override
  public @Nullable Integer eosId() {
    return eosId;
  }

  @Override
  public boolean addsBos() {
    return addsBos;
  }

  @Override
  public Set<Integer> endIds() {
    return endIds;
  }

  @Override
  public Set<Integer> specialIds() {
    return specialIds;
  }

  @Override
  public @Nullable Integer addedTokenId(String token) {
    return vocabulary.added().get(token);
  }

  /** All special and added tokens, as they are written. */
  Set<String> addedTokens() {
    return vocabulary.added().keySet();
  }

  /** See {@link TokenizerJson#cutsWords()}. */
  boolean cutsWords() {
    return vocabulary.cutsWords();
  }

  /** Whether the places of a text's tokens are counted from the tokens, see {@link ByteOffsets}. */
  boolean countsPlaces(String text, int[] ids) {
    ByteOffsets offsets = vocabulary.byteOffsets();
    return offsets != null && offsets.place(text, ids) != null;
  }

  /** Whether a special token is among them. */
  boolean hasSpecial(int[] ids) {
    BitSet special = vocabulary.special();
    for (int id : ids) {
      if (special.get(id)) {
        return true;
      }
    }
    return false;
  }

  @Override
  public String fingerprint() {
    return fingerprint;
  }

  @Override
  public void close() {
    synchronized (guardLock) {
      if (guard != null) {
        guard.close();
        guard = null;
      }
    }
    core.close();
  }

  private static String sha256(byte[] bytes) {
    try {
      return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes));
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("every Java has SHA-256", e);
    }
  }
}
