package dev.graft.trainer.runs.tensorboard;

import dev.graft.modelio.AsideFile;
import dev.graft.trainer.config.UserException;
import dev.graft.trainer.runs.WholeAppends;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.zip.CRC32C;

/**
 * A file of records, each whole in the file when the call returns. A record is (TensorFlow, {@code
 * lib/io/record_writer.h}):
 *
 * <pre>
 * uint64 length               little-endian
 * uint32 masked CRC-32C of the length
 * byte   data[length]
 * uint32 masked CRC-32C of the data
 * </pre>
 */
final class EventFile implements AutoCloseable {

  private static final int MASK = 0xa282ead8;

  private final Path path;
  private final FileChannel channel;

  private EventFile(Path path, FileChannel channel) {
    this.path = path;
    this.channel = channel;
  }

  /** Makes the file, which must not be there. */
  static EventFile create(Path path) {
    try {
      return new EventFile(
          path, FileChannel.open(path, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE));
    } catch (IOException e) {
      throw unwritable(path, e);
    }
  }

  /** Adds a record; where the disk is full, half of it goes away again. */
  void add(byte[] data) {
    try {
      WholeAppends.append(channel, framed(data));
    } catch (IOException e) {
      throw unwritable(path, e);
    }
  }

  /** Data as a record. */
  static byte[] framed(byte[] data) {
    ByteBuffer record =
        ByteBuffer.allocate(Long.BYTES + Integer.BYTES + data.length + Integer.BYTES)
            .order(ByteOrder.LITTLE_ENDIAN);
    record.putLong(data.length);
    record.putInt(masked(record.array(), Long.BYTES));
    record.put(data);
    record.putInt(masked(data, data.length));
    return record.array();
  }

  /**
   * The CRC-32C of the first bytes, turned by 15 bits and moved by a constant, so that the checksum
   * of data which hold checksums is none of theirs.
   */
  static int masked(byte[] bytes, int count) {
    CRC32C crc = new CRC32C();
    crc.update(bytes, 0, count);
    return Integer.rotateRight((int) crc.getValue(), 15) + MASK;
  }

  @Override
  public void close() {
    try {
      channel.force(true);
      channel.close();
    } catch (IOException e) {
      throw unwritable(path, e);
    }
  }

  private static UserException unwritable(Path path, IOException e) {
    return new UserException(
        "%s: cannot be written: %s.".formatted(path, AsideFile.describe(e)), e);
  }
}
