package dev.graft.modelio.gguf;

import dev.graft.modelio.AsideFile;
import dev.graft.modelio.safetensors.TensorSource;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Writes a GGUF file, version 3, little-endian: name metadata and tensors, then {@link #write}. The
 * file appears under its name only when it is complete and on the disk.
 */
public final class GgufWriter {
  private static final int MAGIC = 0x46554747; // "GGUF", little-endian
  private static final int VERSION = 3;
  private static final int ALIGNMENT = 32;

  /** ggml keeps names in 64 bytes, with a zero behind. */
  private static final int MAX_NAME_BYTES = 63;

  private static final int PIECE_BYTES = 1 << 20;

  private final Map<String, GgufValue> metadata = new LinkedHashMap<>();
  private final Map<String, Entry> entries = new LinkedHashMap<>();

  private record Entry(
      String name, GgmlType type, List<Long> shape, long bytes, TensorSource source) {}

  /** Adds a key. */
  public GgufWriter put(String key, GgufValue value) {
    if (metadata.putIfAbsent(key, value) != null) {
      throw new IllegalArgumentException("metadata key " + key + " was added twice");
    }
    return this;
  }

  /**
   * Adds a tensor.
   *
   * @param shape outermost first; the innermost dimension is a multiple of the type's block
   * @param source produces the bytes when the file is written
   */
  public GgufWriter add(String name, GgmlType type, List<Long> shape, TensorSource source) {
    int length = name.getBytes(StandardCharsets.UTF_8).length;
    if (length == 0 || length > MAX_NAME_BYTES) {
      throw new IllegalArgumentException("not a tensor name for ggml: \"" + name + "\"");
    }
    if (!type.fits(shape.getLast())) {
      throw new IllegalArgumentException(name + ": rows of " + shape + " are not whole " + type);
    }
    long elements = shape.stream().reduce(1L, Math::multiplyExact);
    Entry entry = new Entry(name, type, List.copyOf(shape), type.bytes(elements), source);
    if (entries.putIfAbsent(name, entry) != null) {
      throw new IllegalArgumentException("tensor " + name + " was added twice");
    }
    return this;
  }

  /**
   * Writes the file, replacing what is there.
   *
   * @throws dev.graft.modelio.ModelIoException if the disk is full or the folder cannot be written
   *     to
   */
  public void write(Path file) {
    byte[] header = header();
    AsideFile.write(
        file,
        channel -> {
          writeAll(channel, ByteBuffer.wrap(header));
          pad(channel, header.length);
          // Shared, because rows of a piece are computed on several threads.
          try (Arena arena = Arena.ofShared()) {
            MemorySegment piece = arena.allocate(PIECE_BYTES, 8);
            for (Entry entry : entries.values()) {
              writeTensor(channel, entry, piece);
              pad(channel, entry.bytes());
            }
          }
        });
  }

  private static void writeTensor(FileChannel channel, Entry entry, MemorySegment buffer)
      throws IOException {
    for (long at = 0; at < entry.bytes(); at += PIECE_BYTES) {
      MemorySegment piece = buffer.asSlice(0, Math.min(PIECE_BYTES, entry.bytes() - at));
      entry.source().fill(at, piece);
      writeAll(channel, piece.asByteBuffer());
    }
  }

  private static void pad(FileChannel channel, long written) throws IOException {
    writeAll(
        channel,
        ByteBuffer.allocate((int) (Math.ceilDiv(written, ALIGNMENT) * ALIGNMENT - written)));
  }

  private static void writeAll(FileChannel channel, ByteBuffer bytes) throws IOException {
    while (bytes.hasRemaining()) {
      channel.write(bytes);
    }
  }

  private byte[] header() {
    Bytes out = new Bytes();
    out.int32(MAGIC);
    out.int32(VERSION);
    out.int64(entries.size());
    out.int64(metadata.size());
    metadata.forEach((key, value) -> {
      out.text(key);
      out.int32(typeOf(value).code());
      out.value(value);
    });
    long offset = 0;
    for (Entry entry : entries.values()) {
      out.text(entry.name());
      out.int32(entry.shape().size());
      entry.shape().reversed().forEach(out::int64);
      out.int32(entry.type().code());
      out.int64(offset);
      offset += Math.ceilDiv(entry.bytes(), ALIGNMENT) * ALIGNMENT;
    }
    return out.toByteArray();
  }

  private static GgufValueType typeOf(GgufValue value) {
    return switch (value) {
      case GgufValue.Flag _ -> GgufValueType.BOOL;
      case GgufValue.Whole whole -> whole.type();
      case GgufValue.Real real -> real.type();
      case GgufValue.Text _ -> GgufValueType.STRING;
      case GgufValue.Array _ -> GgufValueType.ARRAY;
    };
  }

  /** Little-endian bytes that grow. */
  private static final class Bytes {
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final ByteBuffer buffer = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);

    byte[] toByteArray() {
      return out.toByteArray();
    }

    void int32(int value) {
      whole(value, 4);
    }

    void int64(long value) {
      whole(value, 8);
    }

    /** The lower bytes of a number. */
    private void whole(long value, int bytes) {
      out.write(buffer.putLong(0, value).array(), 0, bytes);
    }

    void text(String text) {
      byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
      int64(utf8.length);
      out.writeBytes(utf8);
    }

    void value(GgufValue value) {
      switch (value) {
        case GgufValue.Flag(boolean flag) -> whole(flag ? 1 : 0, 1);
        case GgufValue.Whole(GgufValueType type, long n) -> whole(n, type.leastBytes());
        case GgufValue.Real(GgufValueType type, double n) ->
            whole(
                type == GgufValueType.FLOAT32
                    ? Float.floatToRawIntBits((float) n)
                    : Double.doubleToRawLongBits(n),
                type.leastBytes());
        case GgufValue.Text(String text) -> text(text);
        case GgufValue.Array(GgufValueType type, List<GgufValue> values) -> {
          int32(type.code());
          int64(values.size());
          values.forEach(this::value);
        }
      }
    }
  }
}
