package dev.graft.tokenizer;

import java.text.Normalizer;
import org.jspecify.annotations.Nullable;

/**
 * The places of byte-level tokens (GPT-2's kind: Llama 3, Qwen, Mistral Nemo), counted from the
 * tokens themselves: such tokens are the text's bytes cut into pieces, so that their lengths add up
 * to it. Asking the core for the places costs more than encoding, since DJL makes an object of
 * each; and the core leaves out spaces at a token's edge where tokenizer.json says {@code
 * trim_offsets}, which would lose the spaces at the end of an answer.
 */
final class ByteOffsets {
  private final int[] bytes;
  private final boolean normalizes;

  /**
   * @param bytes (vocabulary) the UTF-8 bytes that each id stands for; 0 for an id without a token
   * @param normalizes whether text is brought to NFC before it is cut
   */
  ByteOffsets(int[] bytes, boolean normalizes) {
    this.bytes = bytes;
    this.normalizes = normalizes;
  }

  /**
   * The tokens with their places, or null if they are not the text cut into pieces: where it is
   * normalized, or a special token swallows the space beside it.
   */
  @Nullable Encoding place(String text, int[] ids) {
    if (normalizes && !Normalizer.isNormalized(text, Normalizer.Form.NFC)) {
      return null;
    }
    int[] starts = new int[ids.length];
    int[] ends = new int[ids.length];
    int at = 0; // in bytes
    int index = 0; // of the character that holds this byte
    int begin = 0; // of that character, in bytes
    for (int i = 0; i < ids.length; i++) {
      int length = ids[i] < bytes.length ? bytes[ids[i]] : 0;
      if (length == 0) {
        return null;
      }
      at += length;
      starts[i] = index;
      while (begin < at) {
        if (index >= text.length()) {
          return null;
        }
        int character = text.codePointAt(index);
        int size = utf8Length(character);
        if (begin + size > at) {
          break;
        }
        begin += size;
        index += Character.charCount(character);
      }
      ends[i] = begin == at ? index : index + Character.charCount(text.codePointAt(index));
    }
    return index == text.length() && begin == at ? new Encoding(ids, starts, ends) : null;
  }

  /** Half a character becomes U+FFFD on its way to the core, which has as many bytes. */
  private static int utf8Length(int character) {
    if (character < 0x80) {
      return 1;
    }
    if (character < 0x800) {
      return 2;
    }
    return character < 0x10000 ? 3 : 4;
  }
}
