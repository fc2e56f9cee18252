package dev.graft.modelio.gguf;

import dev.graft.modelio.DType;
import dev.graft.modelio.Halfs;
import dev.graft.modelio.ModelIoException;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Collections;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A GGUF file, mapped into memory and checked from end to end before anything of it is believed.
 * Opening reads the header only; pages of weights come in when they are touched.
 */
public final class GgufFile implements AutoCloseable {
  private static final int Q8_BLOCK = 32;
  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final Path path;
  private final Arena arena;
  private final MemorySegment mapping;
  private final GgufHeader header;

  private GgufFile(Path path, Arena arena, MemorySegment mapping, GgufHeader header) {
    this.path = path;
    this.arena = arena;
    this.mapping = mapping;
    this.header = header;
  }

  /**
   * Maps and checks a file.
   *
   * @throws ModelIoException if it cannot be read, is cut off, or its header is not to be believed
   */
  @SuppressWarnings("MustBeClosedChecker") // the file that is returned owns the arena
  public static GgufFile open(Path path) {
    if (!Files.isRegularFile(path)) {
      throw new ModelIoException(path + " is not there; a GGUF file is expected.");
    }
    Arena arena = Arena.ofShared();
    try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
      MemorySegment mapping = channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), arena);
      return new GgufFile(path, arena, mapping, GgufHeader.parse(path.toString(), mapping));
    } catch (IOException e) {
      arena.close();
      throw new ModelIoException(path + " cannot be read: " + e.getMessage() + ".", e);
    } catch (RuntimeException | Error e) {
      arena.close();
      throw e;
    }
  }

  /** The file. */
  public Path path() {
    return path;
  }

  /** The format's version: 2 or 3. */
  public int version() {
    return header.version();
  }

  /** What every tensor's place is a multiple of. */
  public int alignment() {
    return header.alignment();
  }

  /** Keys and values, in the file's order. */
  public Map<String, GgufValue> metadata() {
    return Collections.unmodifiableMap(header.metadata());
  }

  /** The tensors, in the file's order. */
  public Map<String, GgufTensor> tensors() {
    return Collections.unmodifiableMap(header.tensors());
  }

  /** The text under a key, if there is one. */
  public Optional<String> text(String key) {
    return header.metadata().get(key) instanceof GgufValue.Text(String value)
        ? Optional.of(value)
        : Optional.empty();
  }

  /** The number under a key, integer or not, if there is one. */
  public Optional<Double> number(String key) {
    return switch (header.metadata().get(key)) {
      case GgufValue.Whole(GgufValueType _, long value) -> Optional.of((double) value);
      case GgufValue.Real(GgufValueType _, double value) -> Optional.of(value);
      case null, default -> Optional.empty();
    };
  }

  /**
   * The integer under a key.
   *
   * @throws ModelIoException if it is missing or not an integer of 31 bits
   */
  public int integer(String key) {
    @Nullable GgufValue value = header.metadata().get(key);
    if (value instanceof GgufValue.Whole(GgufValueType _, long n)
        && n >= 0
        && n <= Integer.MAX_VALUE) {
      return (int) n;
    }
    throw new ModelIoException(
        "%s: %s is %s; a non-negative integer is expected.".formatted(path, key, brief(value)));
  }

  private static String brief(@Nullable GgufValue value) {
    return switch (value) {
      case null -> "missing";
      case GgufValue.Flag(boolean flag) -> String.valueOf(flag);
      case GgufValue.Whole(GgufValueType _, long n) -> String.valueOf(n);
      case GgufValue.Real(GgufValueType _, double n) -> String.valueOf(n);
      case GgufValue.Text _ -> "a text";
      case GgufValue.Array _ -> "an array";
    };
  }

  /**
   * What the header says about one tensor.
   *
   * @throws ModelIoException if the file has no such tensor
   */
  public GgufTensor tensor(String name) {
    @Nullable GgufTensor tensor = header.tensors().get(name);
    if (tensor == null) {
      throw new ModelIoException(path + " holds no tensor " + name + ".");
    }
    return tensor;
  }

  /** The bytes of one tensor where they lie: read-only, valid until this file is closed. */
  public MemorySegment data(GgufTensor tensor) {
    return mapping.asSlice(tensor.offset(), tensor.bytes());
  }

  /**
   * One row as floats; quantized values are multiplied out.
   *
   * @param index counted over all dimensions but the innermost
   * @throws ModelIoException if graft does not compute with the tensor's type
   */
  public float[] row(GgufTensor tensor, long index) {
    int columns = Math.toIntExact(tensor.columns());
    long rowBytes = tensor.type().bytes(columns);
    MemorySegment row =
        mapping.asSlice(tensor.offset() + Math.multiplyExact(index, rowBytes), rowBytes);
    return switch (tensor.type()) {
      case F32 -> Halfs.toFloats(row, DType.F32, columns);
      case F16 -> Halfs.toFloats(row, DType.F16, columns);
      case BF16 -> Halfs.toFloats(row, DType.BF16, columns);
      case Q8_0 -> multipliedOut(row, columns);
      default ->
          throw new ModelIoException(
              "%s: tensor %s is %s; graft computes with f32, f16, bf16 and q8_0 only."
                  .formatted(path, tensor.name(), tensor.type().label()));
    };
  }

  /** Q8_0: blocks of an f16 scale and 32 signed bytes. */
  private static float[] multipliedOut(MemorySegment row, int columns) {
    float[] values = new float[columns];
    for (int i = 0; i < columns; i++) {
      long block = (long) (i / Q8_BLOCK) * (2 + Q8_BLOCK);
      float scale = Float.float16ToFloat(row.get(SHORT, block));
      values[i] = scale * row.get(ValueLayout.JAVA_BYTE, block + 2 + i % Q8_BLOCK);
    }
    return values;
  }

  /** Bytes of the whole file. */
  public long bytes() {
    return mapping.byteSize();
  }

  /** Unmaps the file: every segment it handed out becomes invalid. */
  @Override
  public void close() {
    if (arena.scope().isAlive()) {
      arena.close();
    }
  }
}
