package dev.graft.tokenizer;

import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Text to token ids and back. Nothing is ever truncated, padded or added: who wants a BOS or EOS
 * puts it there by its id. Implementations may be used by many threads at once, but not after
 * {@link #close()}.
 */
public interface Tokenizer extends AutoCloseable {
  /**
   * The ids of a text that was written as markup: {@code </s>} in it is the token. For text from a
   * user or a data file use {@link #encodePlain}.
   */
  default int[] encode(String text) {
    return encodeAll(List.of(MarkedText.noneLiteral(text))).getFirst();
  }

  /** The ids of somebody's words: {@code </s>} in it is four characters and never the token. */
  default int[] encodePlain(String text) {
    return encodeAll(List.of(MarkedText.allLiteral(text))).getFirst();
  }

  /** {@link #encode} or {@link #encodePlain}, stretch by stretch, with the place of each token. */
  default Encoding encodeWithOffsets(MarkedText text) {
    return encodeAllWithOffsets(List.of(text)).getFirst();
  }

  /** The ids of each text; on all cores, which makes it several times faster than one by one. */
  List<int[]> encodeAll(List<MarkedText> texts);

  /** {@link #encodeAll} with the place of each token. */
  List<Encoding> encodeAllWithOffsets(List<MarkedText> texts);

  /**
   * The text of some ids, exactly as the tokens say: Hugging Face's {@code
   * clean_up_tokenization_spaces} is not applied. Bytes that are not UTF-8 become U+FFFD, ids
   * without a token become nothing.
   *
   * @param skipSpecial leave out special tokens
   */
  String decode(int[] ids, boolean skipSpecial);

  /**
   * Decodes ids one by one as they are generated.
   *
   * @param skipSpecial leave out special tokens
   */
  StreamingDecoder streamingDecoder(boolean skipSpecial);

  /** The largest id plus one: the rows that an embedding must have at least. */
  int vocabularySize();

  /** The id that begins a text, or null if the checkpoint knows none. */
  @Nullable Integer bosId();

  /** The id that ends a text, or null if the checkpoint knows none. */
  @Nullable Integer eosId();

  /**
   * Whether a text begins with {@link #bosId()} by the checkpoint's own rule: {@code add_bos_token}
   * of tokenizer_config.json, or, where that is silent, the post-processor of tokenizer.json.
   */
  boolean addsBos();

  /**
   * Every id that ends generation: EOS, and what generation_config.json and config.json call {@code
   * eos_token_id}. Empty only if none of them names any.
   */
  Set<Integer> endIds();

  /** The ids of special tokens (control tokens, not words). */
  Set<Integer> specialIds();

  /** The id of a token that stands in tokenizer.json as a special or added token, or null. */
  @Nullable Integer addedTokenId(String token);

  /** SHA-256 of tokenizer.json in hexadecimal: equal for equal tokenizers. */
  String fingerprint();

  @Override
  void close();
}
