package dev.graft.tokenizer;

import java.io.IOException;
import java.io.InputStream;
import java.io.Reader;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/**
 * UTF-8 without forgiveness: a byte that is not UTF-8 is an error with its line, where {@link
 * java.io.InputStreamReader} would put U+FFFD and train on it. A byte order mark in front is
 * skipped. Asks for room for two characters or more at a time, which is how Jackson reads.
 */
final class Utf8Reader extends Reader {
  /** What stands in the file is not UTF-8. */
  static final class NotUtf8Exception extends IOException {
    private static final long serialVersionUID = 1L;
    private final long line;
    private final int badByte;

    NotUtf8Exception(long line, int badByte) {
      super("not UTF-8: byte 0x%02X in line %d".formatted(badByte, line));
      this.line = line;
      this.badByte = badByte;
    }

    /** The line, from 1. */
    long line() {
      return line;
    }

    /** The first byte that fits nothing, 0 to 255. */
    int badByte() {
      return badByte;
    }
  }

  private final InputStream in;
  private final CharsetDecoder decoder =
      StandardCharsets.UTF_8
          .newDecoder()
          .onMalformedInput(CodingErrorAction.REPORT)
          .onUnmappableCharacter(CodingErrorAction.REPORT);
  private final ByteBuffer bytes = ByteBuffer.allocate(1 << 16);
  private boolean ended;
  private long line = 1;

  Utf8Reader(InputStream in) throws IOException {
    this.in = in;
    int length = in.readNBytes(bytes.array(), 0, bytes.capacity());
    bytes.limit(length);
    ended = length < bytes.capacity();
    if (length >= 3 && bytes.get(0) == -17 && bytes.get(1) == -69 && bytes.get(2) == -65) {
      bytes.position(3);
    }
  }

  /** What the first bytes show the file to be, where they show that it cannot be JSON. */
  @Nullable String otherFileKind() {
    int first = bytes.limit() < 4 ? 0 : bytes.getInt(0);
    if (first >>> 16 == 0x1F8B) {
      return "compressed with gzip; unpack it first (gunzip)";
    }
    boolean marked = first >>> 16 == 0xFFFE || first >>> 16 == 0xFEFF;
    // No text in UTF-8 begins with one character and a NUL.
    boolean halfEmpty =
        (first & 0xFF00FF) == 0 && first != 0 || (first & 0xFF00FF00) == 0 && first != 0;
    if (marked || halfEmpty) {
      return "UTF-16; save it as UTF-8 (iconv -f UTF-16 -t UTF-8)";
    }
    return switch (first) {
      case 0x28B52FFD -> "compressed with zstd; unpack it first (unzstd)";
      case 0x50415231 -> "a Parquet file; export it as JSONL";
      case 0x504B0304 -> "a zip archive; unpack it first (unzip)";
      default -> null;
    };
  }

  /** The first byte that is no space, 0 if there is none among the first. */
  int firstCharacter() {
    for (int i = bytes.position(); i < bytes.limit(); i++) {
      if (bytes.get(i) < 0 || bytes.get(i) > ' ') {
        return bytes.get(i);
      }
    }
    return 0;
  }

  @Override
  public int read(char[] target, int offset, int length) throws IOException {
    CharBuffer chars = CharBuffer.wrap(target, offset, length);
    while (true) {
      CoderResult result = decoder.decode(bytes, chars, ended);
      int read = chars.position() - offset;
      if (read > 0) {
        countLines(target, offset, read);
        return read;
      }
      if (result.isError()) {
        throw new NotUtf8Exception(line, Byte.toUnsignedInt(bytes.get(bytes.position())));
      }
      if (result.isOverflow()) {
        throw new IOException("room for " + length + " characters is too little");
      }
      if (ended) {
        return -1;
      }
      refill();
    }
  }

  private void refill() throws IOException {
    bytes.compact();
    int read = in.read(bytes.array(), bytes.position(), bytes.remaining());
    ended = read < 0;
    bytes.position(bytes.position() + Math.max(read, 0)).flip();
  }

  private void countLines(char[] chars, int offset, int length) {
    for (int i = offset; i < offset + length; i++) {
      if (chars[i] == '\n') {
        line++;
      }
    }
  }

  @Override
  public void close() throws IOException {
    in.close();
  }
}
