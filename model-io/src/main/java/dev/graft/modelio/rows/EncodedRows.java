package dev.graft.modelio.rows;

import dev.graft.modelio.safetensors.TensorSource;
import java.lang.foreign.MemorySegment;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Bytes of a matrix for a file writer: rows are computed on all cores as the pieces that hold them
 * are asked for, each exactly once, and what storing them costs is measured on the way.
 */
public final class EncodedRows implements TensorSource {
  private final RowSource source;
  private final RowEncoding encoding;
  private final long rowBytes;
  private final @Nullable RowError[] errors;

  /** The row in which the last piece ended, if it goes on in the next. */
  private int cutRow = -1;

  private byte[] cut = {};

  /** Rows of a source, stored in an encoding. */
  public EncodedRows(RowSource source, RowEncoding encoding) {
    this.source = source;
    this.encoding = encoding;
    this.rowBytes = encoding.rowBytes(source.columns());
    this.errors = new RowError[source.rows()];
  }

  @Override
  public void fill(long firstByte, MemorySegment piece) {
    long end = firstByte + piece.byteSize();
    int first = Math.toIntExact(firstByte / rowBytes);
    int last = Math.toIntExact((end - 1) / rowBytes);
    if (first == cutRow) {
      copy(cut, first, firstByte, piece);
      first++;
    }
    boolean lastIsCut = (last + 1) * rowBytes > end && last >= first;
    IntStream.range(first, lastIsCut ? last : last + 1)
        .parallel()
        .forEach(row -> encode(row, firstByte, piece));
    if (lastIsCut) {
      cut = encoded(last);
      cutRow = last;
      copy(cut, last, firstByte, piece);
    }
  }

  private void encode(int row, long firstByte, MemorySegment piece) {
    long start = row * rowBytes - firstByte;
    if (start >= 0) {
      encodeInto(row, piece.asSlice(start, rowBytes));
    } else {
      copy(encoded(row), row, firstByte, piece);
    }
  }

  private byte[] encoded(int row) {
    byte[] bytes = new byte[Math.toIntExact(rowBytes)];
    encodeInto(row, MemorySegment.ofArray(bytes));
    return bytes;
  }

  private void encodeInto(int row, MemorySegment target) {
    float[] exact = new float[source.columns()];
    source.row(row, exact);
    encoding.encode(exact, target);
    errors[row] = RowError.of(exact, encoding.decode(target, exact.length));
  }

  /** Copies the part of a row that lies in a piece. */
  private void copy(byte[] bytes, int row, long firstByte, MemorySegment piece) {
    long start = row * rowBytes;
    long from = Math.max(start, firstByte);
    long to = Math.min(start + rowBytes, firstByte + piece.byteSize());
    MemorySegment.copy(
        MemorySegment.ofArray(bytes), from - start, piece, from - firstByte, to - from);
  }

  /** What storing the rows that were asked for has cost, the same whatever ran in parallel. */
  public RowError error() {
    RowError sum = RowError.NONE;
    for (RowError error : errors) {
      sum = error == null ? sum : sum.plus(error);
    }
    return sum;
  }
}
