package dev.graft.tokenizer;

import ai.djl.huggingface.tokenizers.HuggingFaceTokenizer;
import ai.djl.huggingface.tokenizers.jni.CharSpan;
import ai.djl.huggingface.tokenizers.jni.TokenizersLibrary;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Hugging Face's Rust tokenizer as DJL binds it; the one class that touches DJL. It goes to the
 * native functions of {@link TokenizersLibrary} for encoding, because DJL's {@code Encoding} always
 * fetches seven arrays, token strings among them, where one or two are wanted: 1.3 to 2 times the
 * time.
 */
final class NativeTokenizer implements AutoCloseable {
  // Without these DJL truncates at 512 tokens and a tokenizer.json may bring its own padding.
  private static final Map<String, String> AS_WRITTEN =
      Map.of("addSpecialTokens", "false", "truncation", "false", "padding", "false");

  private final HuggingFaceTokenizer tokenizer;

  private NativeTokenizer(HuggingFaceTokenizer tokenizer) {
    this.tokenizer = tokenizer;
  }

  /**
   * Loads the bytes of a tokenizer.json.
   *
   * @throws IOException in the Rust core's words if it does not accept them
   */
  static NativeTokenizer load(byte[] tokenizerJson) throws IOException {
    // DJL would otherwise report use and look for native libraries on the network.
    if (System.getProperty("ai.djl.offline") == null) {
      System.setProperty("ai.djl.offline", "true");
    }
    try {
      return new NativeTokenizer(
          HuggingFaceTokenizer.newInstance(new ByteArrayInputStream(tokenizerJson), AS_WRITTEN));
    } catch (RuntimeException e) {
      throw new IOException(e.getMessage(), e);
    }
  }

  /**
   * Encodes without adding anything, all cores at work; offsets are empty if not wanted. Texts go
   * to the core one by one: its own threads would come on top of those that work here already, and
   * wait for each other's turn at its memory of words.
   */
  List<Encoding> encode(List<String> texts, boolean withOffsets) {
    return texts.parallelStream().map(text -> encode(text, withOffsets)).toList();
  }

  private Encoding encode(String text, boolean withOffsets) {
    TokenizersLibrary library = TokenizersLibrary.LIB;
    String sound = withoutLoneSurrogates(text);
    long encoding = library.encode(tokenizer.getHandle(), sound, false);
    try {
      int[] ids = toInts(library.getTokenIds(encoding));
      return withOffsets
          ? encoding(sound, ids, library.getTokenCharSpans(encoding))
          : withoutOffsets(ids);
    } finally {
      library.deleteEncoding(encoding);
    }
  }

  /** The ids that the tokenizer itself would put around a text. */
  int[] encodeAddingSpecialTokens(String text) {
    return toInts(tokenizer.encode(text, true, false).getIds());
  }

  String decode(int[] ids, boolean skipSpecial) {
    long[] wide = new long[ids.length];
    for (int i = 0; i < ids.length; i++) {
      wide[i] = ids[i];
    }
    return tokenizer.decode(wide, skipSpecial);
  }

  @Override
  public void close() {
    tokenizer.close();
  }

  private static Encoding withoutOffsets(int[] ids) {
    return new Encoding(ids, new int[ids.length], new int[ids.length]);
  }

  /** The core counts code points, Java UTF-16 units. */
  private static Encoding encoding(String text, int[] ids, @Nullable CharSpan[] spans) {
    int codePoints = text.codePointCount(0, text.length());
    int[] utf16 = codePoints == text.length() ? null : utf16Indices(text, codePoints);
    int[] starts = new int[ids.length];
    int[] ends = new int[ids.length];
    for (int i = 0; i < ids.length; i++) {
      CharSpan span = spans[i];
      if (span != null) {
        starts[i] = utf16 == null ? span.getStart() : utf16[span.getStart()];
        ends[i] = utf16 == null ? span.getEnd() : utf16[span.getEnd()];
      }
    }
    return new Encoding(ids, starts, ends);
  }

  private static int[] utf16Indices(String text, int codePoints) {
    int[] indices = new int[codePoints + 1];
    int index = 0;
    for (int i = 0; i < codePoints; i++) {
      indices[i] = index;
      index += Character.charCount(text.codePointAt(index));
    }
    indices[codePoints] = index;
    return indices;
  }

  /** JNI's encoding would make three U+FFFD of each and shift all offsets behind it. */
  private static String withoutLoneSurrogates(String text) {
    StringBuilder sound = null;
    for (int i = 0; i < text.length(); i++) {
      if (!Character.isSurrogate(text.charAt(i))) {
        continue;
      }
      if (text.codePointAt(i) <= Character.MAX_VALUE) {
        sound = sound == null ? new StringBuilder(text) : sound;
        sound.setCharAt(i, '\uFFFD');
      } else {
        i++;
      }
    }
    return sound == null ? text : sound.toString();
  }

  private static int[] toInts(long[] ids) {
    int[] narrow = new int[ids.length];
    for (int i = 0; i < ids.length; i++) {
      narrow[i] = Math.toIntExact(ids[i]);
    }
    return narrow;
  }
}
