package dev.graft.trainer.runs;

import dev.graft.modelio.AsideFile;
import dev.graft.trainer.config.UserException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import tools.jackson.core.JacksonException;

/**
 * A file of lines that grows while a run goes on, each line whole in the file when the call
 * returns, so that the file can be followed. While it is open it is locked, which tells another
 * process that the run goes on.
 */
final class JsonLines implements AutoCloseable {

  private final Path file;
  private final FileChannel channel;

  private JsonLines(Path file, FileChannel channel) {
    this.file = file;
    this.channel = channel;
  }

  /** Opens the file, which is appended to if it exists. */
  static JsonLines open(Path file) {
    try {
      FileChannel channel =
          FileChannel.open(
              file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
      // Held until the channel is closed; file systems without locks are written to all the same.
      if (!lock(channel)) {
        channel.close();
        throw new UserException(file + ": another run is writing to it; choose another output");
      }
      channel.position(channel.size());
      return new JsonLines(file, channel);
    } catch (IOException e) {
      throw unwritable(file, e);
    }
  }

  /** Whether somebody, in this process or another, has the file open for writing. */
  static boolean isBeingWritten(Path file) {
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
      return !lock(channel);
    } catch (IOException e) {
      return false;
    }
  }

  private static boolean lock(FileChannel channel) {
    try {
      FileLock lock = channel.tryLock();
      return lock != null;
    } catch (OverlappingFileLockException e) {
      return false;
    } catch (IOException e) {
      return true;
    }
  }

  /** Takes a line, without its end. */
  @FunctionalInterface
  interface LineReader {

    /** May throw a JacksonException where the line is damaged. */
    void read(String line);
  }

  /**
   * Reads a file line by line. A last line without its end is one that is being written, or that a
   * crash cut off: it is left out.
   *
   * @param what the lines are of, for errors
   * @throws UserException if it cannot be read or a line is damaged, by its number
   */
  static void read(Path file, String what, LineReader reader) {
    String text;
    try {
      text = new String(Files.readAllBytes(file), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UserException("%s: cannot be read: %s".formatted(file, e), e);
    }
    int number = 0;
    for (int from = 0, end; (end = text.indexOf('\n', from)) >= 0; from = end + 1) {
      number++;
      try {
        reader.read(text.substring(from, end));
      } catch (JacksonException e) {
        throw new UserException(
            "%s line %d: is not a line of %s: %s"
                .formatted(file, number, what, e.getOriginalMessage()),
            e);
      }
    }
  }

  /** Adds a line; where the disk is full, half of it goes away again. */
  void add(String line) {
    try {
      WholeAppends.append(channel, (line + "\n").getBytes(StandardCharsets.UTF_8));
    } catch (IOException e) {
      throw unwritable(file, e);
    }
  }

  /** Brings all lines to the disk and says how many bytes they are. */
  long flush() {
    try {
      channel.force(true);
      return channel.size();
    } catch (IOException e) {
      throw unwritable(file, e);
    }
  }

  /**
   * Takes away what comes after so many bytes, half a line included.
   *
   * @return whether that many bytes were there
   */
  boolean cut(long bytes) {
    try {
      boolean complete = channel.size() >= bytes;
      channel.truncate(complete ? bytes : endOfLastLine());
      channel.position(channel.size());
      return complete;
    } catch (IOException e) {
      throw unwritable(file, e);
    }
  }

  private long endOfLastLine() throws IOException {
    var one = ByteBuffer.allocate(1);
    for (long end = channel.size(); end > 0; end--) {
      channel.read(one.clear(), end - 1);
      if (one.get(0) == '\n') {
        return end;
      }
    }
    return 0;
  }

  @Override
  public void close() {
    flush();
    try {
      channel.close();
    } catch (IOException e) {
      throw unwritable(file, e);
    }
  }

  private static UserException unwritable(Path file, IOException e) {
    return new UserException(
        "%s: cannot be written: %s.".formatted(file, AsideFile.describe(e)), e);
  }
}
