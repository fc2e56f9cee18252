package dev.graft.modelio.safetensors;

import dev.graft.modelio.AsideFile;
import dev.graft.modelio.DType;
import dev.graft.modelio.Halfs;
import dev.graft.modelio.ModelIoException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * Writes a safetensors file: name the tensors, then {@link #write}. The file appears under its name
 * only when it is complete and on the disk. Tensors are ordered by element size, then name, and the
 * header padded to 8 bytes, so that every tensor is aligned to its elements.
 */
public final class SafetensorsWriter {
  private static final int PIECE_BYTES = 1 << 20;
  private static final int ALIGNMENT = 8;

  private final Map<String, Entry> entries = new LinkedHashMap<>();
  private final Map<String, String> metadata = new LinkedHashMap<>();

  private record Entry(
      String name, DType dtype, List<Long> shape, long bytes, TensorSource source) {}

  /** A writer whose metadata say {@code format: pt}, which Hugging Face's loaders insist on. */
  public SafetensorsWriter() {
    metadata.put("format", "pt");
  }

  /** Adds a line to the {@code __metadata__}. */
  public SafetensorsWriter metadata(String key, String value) {
    metadata.put(key, value);
    return this;
  }

  /** Adds a float32 tensor; {@code values} are read when the file is written. */
  public SafetensorsWriter add(String name, List<Long> shape, float[] values) {
    return add(name, DType.F32, shape, values);
  }

  /** Adds a tensor of {@code dtype} whose values are rounded from floats when it is written. */
  public SafetensorsWriter add(String name, DType dtype, List<Long> shape, float[] values) {
    dtype.requireWeight("Tensor " + name);
    requireSize(name, dtype, shape, (long) values.length * dtype.bytes());
    return add(
        name,
        dtype,
        shape,
        (firstByte, piece) -> {
          int first = (int) (firstByte / dtype.bytes());
          int count = (int) (piece.byteSize() / dtype.bytes());
          Halfs.fromFloats(
              Arrays.copyOfRange(values, first, first + count), piece, dtype, 0, count);
        });
  }

  /** Adds a tensor whose bytes are {@code data}, little-endian, read when the file is written. */
  public SafetensorsWriter add(String name, DType dtype, List<Long> shape, MemorySegment data) {
    requireSize(name, dtype, shape, data.byteSize());
    return add(
        name,
        dtype,
        shape,
        (firstByte, piece) -> MemorySegment.copy(data, firstByte, piece, 0, piece.byteSize()));
  }

  /** Adds a tensor whose bytes come piece by piece, for what is too large to hold. */
  public SafetensorsWriter add(String name, DType dtype, List<Long> shape, TensorSource source) {
    if (name.isEmpty() || name.equals("__metadata__")) {
      throw new IllegalArgumentException("not a tensor name: \"" + name + "\"");
    }
    Entry entry = new Entry(name, dtype, List.copyOf(shape), bytes(dtype, shape), source);
    if (entries.putIfAbsent(name, entry) != null) {
      throw new IllegalArgumentException("tensor " + name + " was added twice");
    }
    return this;
  }

  /**
   * Writes the file, replacing what is there.
   *
   * @throws ModelIoException if the disk is full or the folder cannot be written to
   */
  public void write(Path file) {
    List<Entry> ordered =
        entries.values().stream()
            .sorted(
                Comparator.comparingInt((Entry e) -> -e.dtype().bytes()).thenComparing(Entry::name))
            .toList();
    byte[] header = header(ordered);
    AsideFile.write(
        file,
        channel -> {
          ByteBuffer start = ByteBuffer.allocate(8 + header.length).order(ByteOrder.LITTLE_ENDIAN);
          writeAll(channel, start.putLong(header.length).put(header).flip());
          // Shared, because a source may compute a piece on several threads.
          try (Arena arena = Arena.ofShared()) {
            MemorySegment piece = arena.allocate(PIECE_BYTES, ALIGNMENT);
            for (Entry entry : ordered) {
              writeTensor(channel, entry, piece);
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

  private static void writeAll(FileChannel channel, ByteBuffer bytes) throws IOException {
    while (bytes.hasRemaining()) {
      channel.write(bytes);
    }
  }

  private byte[] header(List<Entry> ordered) {
    JsonMapper mapper = JsonMapper.shared();
    ObjectNode root = mapper.createObjectNode();
    ObjectNode lines = root.putObject("__metadata__");
    metadata.forEach(lines::put);
    long offset = 0;
    for (Entry entry : ordered) {
      ObjectNode tensor = root.putObject(entry.name());
      tensor.put("dtype", entry.dtype().name());
      ArrayNode shape = tensor.putArray("shape");
      entry.shape().forEach(shape::add);
      tensor.putArray("data_offsets").add(offset).add(offset + entry.bytes());
      offset += entry.bytes();
    }
    byte[] json = mapper.writeValueAsString(root).getBytes(StandardCharsets.UTF_8);
    int padded = (json.length + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    byte[] header = Arrays.copyOf(json, padded);
    Arrays.fill(header, json.length, padded, (byte) ' ');
    return header;
  }

  private static void requireSize(String name, DType dtype, List<Long> shape, long bytes) {
    if (bytes(dtype, shape) != bytes) {
      throw new IllegalArgumentException(
          "tensor %s, %s%s, does not have %d bytes".formatted(name, dtype, shape, bytes));
    }
  }

  private static long bytes(DType dtype, List<Long> shape) {
    long bytes = dtype.bytes();
    for (long dim : shape) {
      if (dim < 0) {
        throw new IllegalArgumentException("negative dimension in " + shape);
      }
      bytes = Math.multiplyExact(bytes, dim);
    }
    return bytes;
  }
}
