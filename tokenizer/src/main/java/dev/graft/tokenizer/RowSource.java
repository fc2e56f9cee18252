package dev.graft.tokenizer;

import com.github.luben.zstd.ZstdIOException;
import com.github.luben.zstd.ZstdInputStream;
import java.io.BufferedInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Locale;
import java.util.zip.GZIPInputStream;
import java.util.zip.ZipException;
import org.jspecify.annotations.Nullable;

/** The rows of a file of some container format, one by one, in bounded memory. */
interface RowSource extends AutoCloseable {
  /**
   * The next row, or null at the end.
   *
   * @throws DataException if it cannot be read
   */
  @Nullable RawRow next();

  /** Whether {@link #next} can go on behind the row that it has just failed on. */
  boolean recover();

  @Override
  void close();

  /**
   * Opens a file. Compression goes by the first bytes, CSV and TSV by the name's ending, Parquet by
   * either, and everything else is JSON.
   *
   * @throws DataException if there is no such file, or it is of another kind
   */
  static RowSource open(Path file) {
    if (Files.isDirectory(file)) {
      throw new DataException(file + " is a folder. Name the data file inside it.");
    }
    String name = String.valueOf(file.getFileName()).toLowerCase(Locale.ROOT);
    String unpacked = name.replaceFirst("\\.(gz|zst|zstd)$", "");
    try {
      if (ParquetRows.isParquet(file)) {
        return ParquetRows.open(file);
      }
      checkName(file, name, unpacked);
      if (unpacked.endsWith(".csv") || unpacked.endsWith(".tsv")) {
        return CsvRows.open(file, unpacked.endsWith(".tsv") ? '\t' : ',');
      }
      return JsonRows.open(file);
    } catch (IOException e) {
      throw unreadable(file, e);
    }
  }

  /** Bytes that are not what the name says would be called bad UTF-8, which helps nobody. */
  private static void checkName(Path file, String name, String unpacked) throws IOException {
    if (!name.endsWith(".parquet") && name.equals(unpacked)) {
      return;
    }
    byte[] magic;
    try (InputStream in = Files.newInputStream(file)) {
      magic = in.readNBytes(4);
    }
    boolean hasMark = magic.length > 2 && magic[0] == (byte) 0xEF && magic[1] == (byte) 0xBB;
    boolean isBinary = false;
    for (byte b : magic) {
      isBinary |= b < ' ' && b != '\n' && b != '\r' && b != '\t';
    }
    if (isBinary && !hasMark && !isGzip(magic) && !isZstd(magic)) {
      throw new DataException(
          file
              + " is not what its name says: it does not begin as such a file does. It is damaged, or"
              + " of another kind; copy it again, or name it for what it is.");
    }
  }

  private static boolean isGzip(byte[] magic) {
    return magic.length == 4 && magic[0] == 0x1F && magic[1] == (byte) 0x8B;
  }

  private static boolean isZstd(byte[] magic) {
    return magic.length == 4
        && magic[0] == 0x28
        && magic[1] == (byte) 0xB5
        && magic[2] == 0x2F
        && magic[3] == (byte) 0xFD;
  }

  /** The file's bytes, unpacked if they are compressed. */
  static InputStream bytes(Path file) throws IOException {
    InputStream in = new BufferedInputStream(Files.newInputStream(file), 1 << 16);
    try {
      in.mark(4);
      byte[] magic = in.readNBytes(4);
      in.reset();
      if (isGzip(magic)) {
        return new GZIPInputStream(in, 1 << 16);
      }
      if (isZstd(magic)) {
        return new ZstdInputStream(in);
      }
      return in;
    } catch (IOException e) {
      in.close();
      throw e;
    }
  }

  /** What to say of a file that cannot be read. */
  static DataException unreadable(Path file, IOException e) {
    return switch (e) {
      case NoSuchFileException _ -> new DataException(file + " does not exist. Check the path.", e);
      case AccessDeniedException _ ->
          new DataException(file + " may not be read. Check its permissions.", e);
      case EOFException _ ->
          new DataException(
              file + " cannot be read: the archive is cut off. Copy or pack it again.", e);
      case ZipException _ ->
          new DataException(
              file + " cannot be read: the archive is damaged. Copy or pack it again.", e);
      case ZstdIOException _ ->
          new DataException(
              file + " cannot be read: the archive is damaged or cut off. Copy or pack it again.",
              e);
      default -> new DataException(file + " cannot be read: " + e.getMessage(), e);
    };
  }
}
