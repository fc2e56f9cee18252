package dev.graft.tokenizer;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Path;
import java.util.Arrays;

/** Data files as bytes. */
public final class DataFiles {
  private static final int BUFFER = 1 << 16;

  private DataFiles() {}

  /** Where a row goes. */
  @FunctionalInterface
  public interface Destination {
    /** The stream that a row, counted from 0, is written to. */
    OutputStream of(int row);
  }

  /**
   * Copies rows byte for byte, so that they can be sorted into files without touching them: line
   * breaks, spaces and escapes stay as they are. Blank lines between rows and a byte order mark are
   * left out, and a last line without a line break gets one.
   *
   * @param file JSON, which may be compressed
   * @param lines (rows) where each row begins, in the file's order
   * @param to receives what the rows are made of
   * @return false if rows do not begin on lines of their own, in a list, a table or a Parquet file;
   *     what was written until then is to be thrown away
   * @throws DataException if the file cannot be read
   */
  public static boolean copyRows(Path file, long[] lines, Destination to) throws IOException {
    for (int i = 1; i < lines.length; i++) {
      if (lines[i] <= lines[i - 1]) {
        return false;
      }
    }
    try (Lines in = new Lines(RowSource.bytes(file))) {
      int row = -1;
      int blanks = 0;
      byte[] blank = new byte[0];
      for (long number = 1; in.next(); number++) {
        boolean begins = row + 1 < lines.length && number == lines[row + 1];
        if (begins) {
          row++;
          blanks = 0;
          if (in.firstCharacter() != '{') {
            return false;
          }
        } else if (in.isBlank()) {
          // Part of the row only if the row goes on behind it.
          blank = Arrays.copyOf(blank, blanks + in.length());
          System.arraycopy(in.bytes(), 0, blank, blanks, in.length());
          blanks += in.length();
          continue;
        } else if (row < 0) {
          return false;
        }
        OutputStream out = to.of(row);
        out.write(blank, 0, blanks);
        blanks = 0;
        out.write(in.bytes(), 0, in.length());
        if (in.bytes()[in.length() - 1] != '\n') {
          out.write('\n');
        }
      }
      return row + 1 == lines.length;
    }
  }

  /** Lines with their line breaks. */
  private static final class Lines implements AutoCloseable {
    private final InputStream in;
    private final byte[] buffer = new byte[BUFFER];
    private int position;
    private int limit;
    private byte[] line = new byte[BUFFER];
    private int length;

    Lines(InputStream in) throws IOException {
      this.in = in;
      limit = Math.max(0, in.readNBytes(buffer, 0, 3));
      boolean mark = limit == 3 && buffer[0] == -17 && buffer[1] == -69 && buffer[2] == -65;
      position = mark ? 3 : 0;
    }

    boolean next() throws IOException {
      length = 0;
      while (true) {
        if (position == limit) {
          limit = Math.max(0, in.read(buffer));
          position = 0;
          if (limit == 0) {
            return length > 0;
          }
        }
        int end = position;
        while (end < limit && buffer[end] != '\n') {
          end++;
        }
        boolean ended = end < limit;
        append(ended ? end + 1 : end);
        if (ended) {
          return true;
        }
      }
    }

    private void append(int end) {
      int count = end - position;
      if (length + count > line.length) {
        line = Arrays.copyOf(line, Math.max(length + count, line.length * 2));
      }
      System.arraycopy(buffer, position, line, length, count);
      length += count;
      position = end;
    }

    byte[] bytes() {
      return line;
    }

    int length() {
      return length;
    }

    boolean isBlank() {
      return firstCharacter() == 0;
    }

    /** The first byte that is no space, 0 if there is none. */
    byte firstCharacter() {
      for (int i = 0; i < length; i++) {
        if (line[i] > ' ' || line[i] < 0) {
          return line[i];
        }
      }
      return 0;
    }

    @Override
    public void close() throws IOException {
      in.close();
    }
  }
}
