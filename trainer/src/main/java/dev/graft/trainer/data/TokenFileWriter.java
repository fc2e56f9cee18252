package dev.graft.trainer.data;

import dev.graft.tokenizer.TokenSequence;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.util.HexFormat;
import java.util.zip.CRC32C;

/** Writes a {@link TokenFile} from front to back, without holding more than a buffer of it. */
public final class TokenFileWriter {
  private static final int BUFFER_BYTES = 1 << 20;

  private final FileChannel channel;
  private final ByteBuffer buffer =
      ByteBuffer.allocateDirect(BUFFER_BYTES).order(ByteOrder.LITTLE_ENDIAN);
  private final CRC32C sum = new CRC32C();
  private long examples;
  private long tokens;

  TokenFileWriter(FileChannel channel, byte[] key) {
    this.channel = channel;
    if (key.length != 32) {
      throw new IllegalArgumentException("a key has 32 bytes, not " + key.length);
    }
    buffer.put(TokenFile.MAGIC).putInt(TokenFile.VERSION).putInt(0).put(key);
  }

  /**
   * Appends an example.
   *
   * @param sequence its tokens; its origin's line is kept
   * @param part which part it belongs to, see {@link TokenFile#examples}
   * @param file the number of the data file that it is from
   * @param sha256 the row's name, in hexadecimal
   */
  public void add(TokenSequence sequence, int part, int file, String sha256) throws IOException {
    room(TokenFile.EXAMPLE_BYTES);
    int[] ids = sequence.inputIds();
    boolean[] target = sequence.target();
    buffer.putInt(ids.length).putInt(part).putInt(file).putInt(0);
    buffer.putLong(sequence.origin().line()).put(HexFormat.of().parseHex(sha256));
    for (int i = 0; i < ids.length; i++) {
      room(Integer.BYTES);
      buffer.putInt(target[i] ? ids[i] | TokenFile.TARGET : ids[i]);
    }
    examples++;
    tokens += ids.length;
  }

  /** Tokens of all examples so far. */
  public long tokens() {
    return tokens;
  }

  void finish(byte[] about) throws IOException {
    for (byte one : about) {
      room(1);
      buffer.put(one);
    }
    room(TokenFile.END_BYTES);
    buffer.putLong(about.length).putLong(examples);
    flush();
    buffer.putLong(sum.getValue());
    flush();
  }

  private void room(int bytes) throws IOException {
    if (buffer.remaining() < bytes) {
      flush();
    }
  }

  private void flush() throws IOException {
    buffer.flip();
    sum.update(buffer.duplicate());
    while (buffer.hasRemaining()) {
      channel.write(buffer);
    }
    buffer.clear();
  }
}
