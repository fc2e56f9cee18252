package dev.graft.trainer.data;

import dev.graft.modelio.AsideFile;
import dev.graft.tokenizer.Origin;
import dev.graft.tokenizer.TokenSequence;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.AbstractList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.RandomAccess;
import java.util.function.IntPredicate;
import java.util.zip.CRC32C;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Examples as tokens in a file that is mapped, not read: 4 bytes a token on disk, and in memory 8
 * bytes an example and whatever pages the system keeps. So a data set may be larger than memory.
 *
 * <pre>
 * "GRAFTTOK"  version (i32)  0 (i32)  key (32 bytes)
 * examples:   tokens (i32)  part (i32)  file (i32)  0 (i32)  line (i64)  SHA-256 of the row (32)
 *             ids (i32 each, the highest bit set where it is a target)
 * about:      JSON (UTF-8)
 * end:        length of about (i64)  examples (i64)  CRC-32C of all before (i64)
 * </pre>
 *
 * <p>All numbers are little-endian. The checksum is compared when the file is opened.
 */
public final class TokenFile {
  static final int VERSION = 1;
  static final int HEADER_BYTES = 48;
  static final int EXAMPLE_BYTES = 56;
  static final int END_BYTES = 24;
  static final int TARGET = 0x8000_0000;
  static final byte[] MAGIC = {'G', 'R', 'A', 'F', 'T', 'T', 'O', 'K'};

  private static final long CHECKED_AT_ONCE = 1 << 26;
  static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  static final ValueLayout.OfLong LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final MemorySegment bytes;
  private final long[] examples;
  private final List<Path> files;
  private final JsonNode about;

  private TokenFile(MemorySegment bytes, long[] examples, List<Path> files, JsonNode about) {
    this.bytes = bytes;
    this.examples = examples;
    this.files = files;
    this.about = about;
  }

  /**
   * What stands in a token file beside the tokens: where an example is from, and its row's name.
   */
  public record Row(int part, int file, long line, String sha256) {}

  /** Is handed the examples of a new file. */
  @FunctionalInterface
  public interface Filler {
    /**
     * Adds all examples.
     *
     * @return what {@link #about} tells later
     */
    Map<String, ?> fill(TokenFileWriter writer) throws IOException;
  }

  /**
   * Writes a file, whole or not at all.
   *
   * @param key what it is made from, 32 bytes in hexadecimal
   */
  public static void write(Path target, String key, Filler filler) {
    AsideFile.write(
        target,
        channel -> {
          TokenFileWriter writer = new TokenFileWriter(channel, HexFormat.of().parseHex(key));
          writer.finish(JsonMapper.shared().writeValueAsBytes(filler.fill(writer)));
        });
  }

  /**
   * Maps a file.
   *
   * @param key what it has to be made from
   * @param files the data files that its examples' numbers mean
   * @return empty if it is damaged, incomplete, or made from something else
   * @throws IOException if there is no such file or it cannot be read
   */
  public static Optional<TokenFile> open(Path file, String key, List<Path> files)
      throws IOException {
    MemorySegment bytes;
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      // Its lists are handed on to whoever trains or measures, and none of them knows when the last
      // is done: it is unmapped when nobody can reach it any more.
      bytes = channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), Arena.ofAuto());
    }
    return sound(bytes, HexFormat.of().parseHex(key)) ? indexed(bytes, files) : Optional.empty();
  }

  private static boolean sound(MemorySegment bytes, byte[] key) {
    long size = bytes.byteSize();
    if (size < HEADER_BYTES + END_BYTES
        || !Arrays.equals(bytes.asSlice(0, 8).toArray(ValueLayout.JAVA_BYTE), MAGIC)
        || bytes.get(INT, 8) != VERSION
        || !Arrays.equals(bytes.asSlice(16, 32).toArray(ValueLayout.JAVA_BYTE), key)) {
      return false;
    }
    CRC32C sum = new CRC32C();
    for (long at = 0; at < size - 8; at += CHECKED_AT_ONCE) {
      sum.update(bytes.asSlice(at, Math.min(CHECKED_AT_ONCE, size - 8 - at)).asByteBuffer());
    }
    return sum.getValue() == bytes.get(LONG, size - 8);
  }

  /** Finds where each example begins. */
  private static Optional<TokenFile> indexed(MemorySegment bytes, List<Path> files) {
    long size = bytes.byteSize();
    long aboutBytes = bytes.get(LONG, size - END_BYTES);
    long count = bytes.get(LONG, size - 16);
    long end = size - END_BYTES - aboutBytes;
    if (aboutBytes < 0 || count < 0 || end < HEADER_BYTES || count > size / EXAMPLE_BYTES) {
      return Optional.empty();
    }
    long[] examples = new long[Math.toIntExact(count)];
    long at = HEADER_BYTES;
    for (int i = 0; i < examples.length; i++) {
      int tokens = at > end - EXAMPLE_BYTES ? -1 : bytes.get(INT, at);
      if (tokens < 1 || bytes.get(INT, at + 8) >= files.size()) {
        return Optional.empty();
      }
      examples[i] = at;
      at += EXAMPLE_BYTES + 4L * tokens;
    }
    if (at != end) {
      return Optional.empty();
    }
    try {
      byte[] about = bytes.asSlice(end, aboutBytes).toArray(ValueLayout.JAVA_BYTE);
      return Optional.of(
          new TokenFile(bytes, examples, files, JsonMapper.shared().readTree(about)));
    } catch (JacksonException e) {
      return Optional.empty();
    }
  }

  /** What its writer had to say beside the examples. */
  public JsonNode about() {
    return about;
  }

  /** The number of examples. */
  public int size() {
    return examples.length;
  }

  /**
   * Where an example is from.
   *
   * @param example in the order in which they were written
   */
  public Row row(int example) {
    long at = examples[example];
    byte[] hash = bytes.asSlice(at + 24, 32).toArray(ValueLayout.JAVA_BYTE);
    return new Row(
        bytes.get(INT, at + 4),
        bytes.get(INT, at + 8),
        bytes.get(LONG, at + 16),
        HexFormat.of().formatHex(hash));
  }

  /**
   * The examples of some parts, in the order in which they were written; each is read from the file
   * when it is asked for.
   */
  public List<TokenSequence> examples(IntPredicate ofParts) {
    int[] members = new int[examples.length];
    int count = 0;
    for (int i = 0; i < examples.length; i++) {
      if (ofParts.test(bytes.get(INT, examples[i] + 4))) {
        members[count++] = i;
      }
    }
    return new Examples(this, Arrays.copyOf(members, count));
  }

  private TokenSequence sequence(int example) {
    long at = examples[example];
    int[] ids = new int[bytes.get(INT, at)];
    boolean[] target = new boolean[ids.length];
    MemorySegment.copy(bytes, INT, at + EXAMPLE_BYTES, ids, 0, ids.length);
    for (int i = 0; i < ids.length; i++) {
      target[i] = (ids[i] & TARGET) != 0;
      ids[i] &= ~TARGET;
    }
    Path file = files.get(bytes.get(INT, at + 8));
    return new TokenSequence(ids, target, new Origin(file, bytes.get(LONG, at + 16)));
  }

  /** Examples that stay in the file until they are asked for. */
  static final class Examples extends AbstractList<TokenSequence> implements RandomAccess {
    private final TokenFile file;
    private final int[] members;

    private Examples(TokenFile file, int[] members) {
      this.file = file;
      this.members = members;
    }

    /** The tokens of each example, without reading them. */
    int[] lengths() {
      int[] lengths = new int[members.length];
      for (int i = 0; i < lengths.length; i++) {
        lengths[i] = file.bytes.get(INT, file.examples[members[i]]);
      }
      return lengths;
    }

    @Override
    public TokenSequence get(int index) {
      return file.sequence(members[index]);
    }

    @Override
    public int size() {
      return members.length;
    }
  }
}
