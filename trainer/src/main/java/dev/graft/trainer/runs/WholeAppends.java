package dev.graft.trainer.runs;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;

/** Adds to files that others read while they grow. */
public final class WholeAppends {

  private WholeAppends() {}

  /**
   * Writes all bytes behind the channel's position; where the disk is full, half goes away again.
   */
  public static void append(FileChannel channel, byte[] bytes) throws IOException {
    ByteBuffer rest = ByteBuffer.wrap(bytes);
    long start = channel.position();
    try {
      while (rest.hasRemaining()) {
        channel.write(rest);
      }
    } catch (IOException e) {
      channel.truncate(start);
      throw e;
    }
  }
}
