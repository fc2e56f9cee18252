package dev.graft.modelio.safetensors;

import dev.graft.modelio.DType;
import dev.graft.modelio.ModelIoException;
import dev.graft.modelio.TensorView;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Collections;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A safetensors file, mapped into memory and checked from end to end before anything of it is
 * believed. Files may be larger than 2 GiB. Opening reads the header only; pages of weights come in
 * when they are touched and are never copied.
 *
 * <p>NOTE while a file is open it must not be truncated by someone else: touching a page that is
 * gone makes the JVM throw {@link InternalError}. Files that graft writes are replaced by renaming,
 * which leaves a mapping intact.
 */
public final class SafetensorsFile implements AutoCloseable {
  /** The reference implementation's bound; a header of 100,000 tensors has some 10 MB. */
  private static final long MAX_HEADER_BYTES = 100_000_000;

  private static final int LENGTH_BYTES = 8;
  private static final ValueLayout.OfLong LENGTH =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final Path path;
  private final Arena arena;
  private final MemorySegment mapping;
  private final SafetensorsHeader header;

  private SafetensorsFile(Path path, Arena arena, MemorySegment mapping, SafetensorsHeader header) {
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
  public static SafetensorsFile open(Path path) {
    if (!Files.exists(path)) {
      throw new ModelIoException(path + " does not exist.");
    }
    Arena arena = Arena.ofShared();
    try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
      long size = channel.size();
      long headerBytes = headerBytes(path, channel, size);
      MemorySegment mapping = channel.map(FileChannel.MapMode.READ_ONLY, 0, size, arena);
      byte[] json = mapping.asSlice(LENGTH_BYTES, headerBytes).toArray(ValueLayout.JAVA_BYTE);
      long dataStart = LENGTH_BYTES + headerBytes;
      SafetensorsHeader header =
          SafetensorsHeader.parse(path.toString(), json, dataStart, size - dataStart);
      return new SafetensorsFile(path, arena, mapping, header);
    } catch (IOException e) {
      arena.close();
      throw new ModelIoException(path + " cannot be read: " + e.getMessage() + ".", e);
    } catch (RuntimeException | Error e) {
      arena.close();
      throw e;
    }
  }

  /** Reads the length before anything is mapped or allocated. */
  private static long headerBytes(Path path, FileChannel channel, long size) throws IOException {
    ByteBuffer length = ByteBuffer.allocate(LENGTH_BYTES).order(ByteOrder.LITTLE_ENDIAN);
    while (length.hasRemaining() && channel.read(length) >= 0) {}
    if (length.hasRemaining()) {
      throw new ModelIoException(
          "%s has %d bytes, too few for a safetensors file. Copy or download it again."
              .formatted(path, size));
    }
    long headerBytes = length.getLong(0);
    if (headerBytes < 2 || headerBytes > MAX_HEADER_BYTES || headerBytes > size - LENGTH_BYTES) {
      throw new ModelIoException(
          "%s is not a safetensors file or is cut off: it claims a header of %s bytes, the file has"
                  .formatted(path, Long.toUnsignedString(headerBytes))
              + " %d and a header at most %d. Copy or download it again."
                  .formatted(size, MAX_HEADER_BYTES));
    }
    return headerBytes;
  }

  /** The file. */
  public Path path() {
    return path;
  }

  /** What the header says about each tensor, in the header's order. */
  public Map<String, TensorInfo> tensors() {
    return Collections.unmodifiableMap(header.tensors());
  }

  /** The names of the tensors, in the header's order. */
  public Set<String> names() {
    return tensors().keySet();
  }

  /** The {@code __metadata__} of the header; empty if there is none. */
  public Map<String, String> metadata() {
    return Collections.unmodifiableMap(header.metadata());
  }

  /**
   * What the header says about one tensor.
   *
   * @throws ModelIoException if the file has no such tensor
   */
  public TensorInfo info(String name) {
    @Nullable TensorInfo info = header.tensors().get(name);
    if (info == null) {
      throw new ModelIoException(path + " holds no tensor " + name + ".");
    }
    return info;
  }

  /**
   * The bytes of one tensor where they lie: a read-only slice of the mapping, valid until this file
   * is closed, little-endian, with no promise about alignment.
   */
  public MemorySegment data(String name) {
    TensorInfo info = info(name);
    return mapping.asSlice(info.offset(), info.bytes());
  }

  /** One tensor as a weight; refuses dtypes that graft cannot compute with. */
  public TensorView tensor(String name) {
    TensorInfo info = info(name);
    DType dtype = info.dtype().requireWeight(path + ": tensor " + name);
    return new TensorView(name, dtype, info.shape(), data(name));
  }

  /** Bytes of the whole file. */
  public long bytes() {
    return mapping.byteSize();
  }

  /** The header's length as the file states it. */
  long headerBytes() {
    return mapping.get(LENGTH, 0);
  }

  /** Unmaps the file: every segment it handed out becomes invalid. */
  @Override
  public void close() {
    if (arena.scope().isAlive()) {
      arena.close();
    }
  }
}
