package dev.graft.modelio.safetensors;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.graft.modelio.Conformance;
import dev.graft.modelio.DType;
import dev.graft.modelio.Halfs;
import dev.graft.modelio.ModelIoException;
import dev.graft.modelio.TensorView;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SafetensorsTest {
  @TempDir Path temp;

  private Path raw(long headerBytes, String header, int dataBytes) throws IOException {
    byte[] json = header.getBytes(StandardCharsets.UTF_8);
    ByteBuffer file =
        ByteBuffer.allocate(8 + json.length + dataBytes).order(ByteOrder.LITTLE_ENDIAN);
    file.putLong(headerBytes).put(json);
    return Files.write(temp.resolve("raw.safetensors"), file.array());
  }

  private Path raw(String header, int dataBytes) throws IOException {
    return raw(header.getBytes(StandardCharsets.UTF_8).length, header, dataBytes);
  }

  @Test
  void whatIsWrittenIsReadBack() throws IOException {
    float[] values = {1, -2, 3.14159f, 1e-40f, Float.POSITIVE_INFINITY, -0f};
    Path file = temp.resolve("x.safetensors");
    MemorySegment bytes = MemorySegment.ofArray(new byte[] {1, 2, 3, 4, 5, 6});
    new SafetensorsWriter()
        .metadata("who", "ünïcode \"quoted\"")
        .add("b.half", DType.BF16, List.of(2L, 3L), values)
        .add("a.float", List.of(3L, 2L), values)
        .add("z.odd", DType.U8, List.of(6L), bytes)
        .add("c.half", DType.F16, List.of(6L), values)
        .add("scalar", DType.F32, List.of(), new float[] {7})
        .add("empty", DType.F32, List.of(0L, 4L), new float[0])
        .write(file);
    try (SafetensorsFile read = SafetensorsFile.open(file)) {
      assertThat(read.metadata()).containsEntry("format", "pt");
      assertThat(read.metadata()).containsEntry("who", "ünïcode \"quoted\"");
      assertThat(read.names())
          .containsExactly("a.float", "empty", "scalar", "b.half", "c.half", "z.odd");
      assertThat(read.tensor("a.float").toFloats()).containsExactly(values);
      assertThat(read.tensor("scalar").toFloats()).containsExactly(7);
      assertThat(read.tensor("scalar").shape()).isEmpty();
      assertThat(read.tensor("empty").elements()).isZero();
      float[] half = read.tensor("b.half").toFloats();
      assertThat(half[2]).isEqualTo(Halfs.bf16ToFloat(Halfs.floatToBf16(values[2])));
      assertThat(read.info("b.half").shape()).containsExactly(2L, 3L);
      assertThat(read.data("z.odd").toArray(ValueLayout.JAVA_BYTE))
          .containsExactly(1, 2, 3, 4, 5, 6);
      for (String name : read.names()) {
        TensorInfo info = read.info(name);
        assertThat(info.offset() % info.dtype().bytes()).as(name).isZero();
      }
      assertThat(read.headerBytes() % 8).isZero();
      assertThatThrownBy(() -> read.data("a.float").set(ValueLayout.JAVA_BYTE, 0, (byte) 1))
          .isInstanceOf(IllegalArgumentException.class);
      assertThatThrownBy(() -> read.tensor("z.odd"))
          .isInstanceOf(ModelIoException.class)
          .hasMessageContaining("z.odd is stored as U8");
      assertThatThrownBy(() -> read.tensor("nothing")).hasMessageContaining("no tensor nothing");
    }
    try (Stream<Path> beside = Files.list(temp)) {
      assertThat(beside).containsExactly(file);
    }
  }

  @Test
  void tensorsThatComeInPiecesAreWhole() {
    int count = 700_001; // 2.8 MB: three pieces, the last one odd
    Path file = temp.resolve("pieces.safetensors");
    new SafetensorsWriter()
        .add(
            "x",
            DType.F32,
            List.of((long) count),
            (firstByte, piece) -> {
              for (long i = 0; i < piece.byteSize() / 4; i++) {
                piece.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) (firstByte / 4 + i));
              }
            })
        .write(file);
    try (SafetensorsFile read = SafetensorsFile.open(file)) {
      float[] values = read.tensor("x").toFloats();
      for (int i = 0; i < count; i++) {
        if (values[i] != i) {
          throw new AssertionError(i + ": " + values[i]);
        }
      }
    }
  }

  @Test
  void aFailedWriteLeavesWhatWasThere() throws IOException {
    Path file = temp.resolve("x.safetensors");
    new SafetensorsWriter().add("x", List.of(1L), new float[] {1}).write(file);
    SafetensorsWriter failing =
        new SafetensorsWriter()
            .add(
                "x",
                DType.F32,
                List.of(2L),
                (firstByte, piece) -> {
                  throw new IllegalStateException("the disk is on fire");
                });
    assertThatThrownBy(() -> failing.write(file)).hasMessageContaining("on fire");
    try (SafetensorsFile read = SafetensorsFile.open(file);
        Stream<Path> beside = Files.list(temp)) {
      assertThat(read.tensor("x").toFloats()).containsExactly(1);
      assertThat(beside).containsExactly(file);
    }
    assertThatThrownBy(
            () -> new SafetensorsWriter().write(temp.resolve("no/such/folder/x.safetensors")))
        .isInstanceOf(ModelIoException.class)
        .hasMessageContaining("could not be written: NoSuchFile");
  }

  @Test
  void theMappingEndsWithTheFile() {
    Path file = temp.resolve("x.safetensors");
    new SafetensorsWriter().add("x", List.of(1L), new float[] {1}).write(file);
    SafetensorsFile read = SafetensorsFile.open(file);
    TensorView x = read.tensor("x");
    // Replacing the file by renaming does not touch what is mapped.
    new SafetensorsWriter().add("y", List.of(1L), new float[] {2}).write(file);
    assertThat(x.toFloats()).containsExactly(1);
    read.close();
    read.close();
    assertThatThrownBy(x::toFloats).isInstanceOf(IllegalStateException.class);
  }

  @ParameterizedTest
  @CsvSource({
    "1152921504606846976, claims a header of 1152921504606846976 bytes", // 2^60
    "-1, claims a header of 18446744073709551615 bytes",
    "0, claims a header of 0 bytes",
    "1000, claims a header of 1000 bytes",
    "100000001, claims a header of 100000001 bytes"
  })
  void headerLengthsAreNotBelieved(long length, String message) throws IOException {
    Path file = raw(length, "{}", 100);
    assertThatThrownBy(() -> SafetensorsFile.open(file))
        .isInstanceOf(ModelIoException.class)
        .hasMessageContaining(file.toString())
        .hasMessageContaining(message);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          8 | {"a":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}} | tensor a lies at bytes 4 to 12 of 8
          8 | {"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}} | tensor a lies at bytes 8 to 0
          8 | {"a":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}} | F32[3], needs 12 bytes but its data_offsets give it 8
          8 | {"a":{"dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,8]}} | impossible shape
          8 | {"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}} | tensor a, shape has a negative number
          8 | {"a":{"dtype":"F32","shape":[2.0],"data_offsets":[0,8]}} | holds VALUE_NUMBER_FLOAT
          8 | {"a":{"dtype":"F32","shape":[99999999999999999999],"data_offsets":[0,8]}} | not valid JSON
          8 | {"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[2,6]}} | tensor b overlaps tensor a
          8 | {"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}} | tensor b overlaps tensor a
          9 | {"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[5,9]}} | tensor b leaves a gap after tensor a
          8 | {"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}} | 4 bytes follow the last tensor
          8 | {"a":{"dtype":"F4","shape":[2],"data_offsets":[0,8]}} | the unknown dtype "F4"
          8 | {"a":{"dtype":"F32","shape":[2]}} | lacks a dtype, a shape or a pair
          8 | {"a":{"dtype":"F32","shape":[2],"data_offsets":[0]}} | lacks a dtype, a shape or a pair
          8 | {"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"x":1}} | has the unknown key "x"
          8 | {"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}} | not valid JSON
          8 | {"a":[]} | tensor a holds START_ARRAY
          8 | {"__metadata__":{"a":1}} | __metadata__.a holds VALUE_NUMBER_INT
          0 | [] | the header holds START_ARRAY
          0 | {} {} | something follows
          0 | {"a": | not valid JSON
          0 | {"__metadata__":{"a":{"b":{"c":{"d":1}}}}} | __metadata__.a holds START_OBJECT
          """)
  void headersAreNotBelieved(int dataBytes, String header, String message) throws IOException {
    Path file = raw(header, dataBytes);
    assertThatThrownBy(() -> SafetensorsFile.open(file))
        .isInstanceOf(ModelIoException.class)
        .hasMessageContaining(file.toString())
        .hasMessageContaining(message);
  }

  @Test
  void paddingMetadataAndNothingElseAreFine() throws IOException {
    try (SafetensorsFile file = SafetensorsFile.open(raw("{\"__metadata__\":{}}   ", 0))) {
      assertThat(file.names()).isEmpty();
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 7, 8, 50, 1000})
  void everyTruncationIsNoticed(int missing) throws IOException {
    Path file = temp.resolve("x.safetensors");
    new SafetensorsWriter().add("x", List.of(250L), new float[250]).write(file);
    byte[] whole = Files.readAllBytes(file);
    int kept = missing == 0 ? 0 : whole.length - missing;
    Files.write(file, java.util.Arrays.copyOf(whole, kept));
    assertThatThrownBy(() -> SafetensorsFile.open(file))
        .isInstanceOf(ModelIoException.class)
        .hasMessageContaining("Copy or download it again");
  }

  @Test
  void missingFilesAndFoldersAreErrors() {
    assertThatThrownBy(() -> SafetensorsFile.open(temp.resolve("none")))
        .isInstanceOf(ModelIoException.class)
        .hasMessageContaining("does not exist");
    assertThatThrownBy(() -> SafetensorsFile.open(temp)).isInstanceOf(ModelIoException.class);
  }

  @Test
  void readsARealFile() {
    Path path = Conformance.path("models/stories260K-hf/model.safetensors");
    try (SafetensorsFile file = SafetensorsFile.open(path)) {
      assertThat(file.names()).hasSize(47);
      assertThat(file.info("model.embed_tokens.weight").shape()).containsExactly(512L, 64L);
      long elements = file.tensors().values().stream().mapToLong(t -> t.bytes() / 4).sum();
      assertThat(elements).isEqualTo(260_032);
    }
  }

  /** A sparse file: 5 GB of address space, a few blocks of disk. */
  @Test
  @Tag("nightly")
  void filesBeyondTwoGibibytesAreMappedWhole() throws IOException {
    long rows = 2_500_000_000L;
    String header =
        "{\"big\":{\"dtype\":\"BF16\",\"shape\":[%d],\"data_offsets\":[0,%d]},"
                .formatted(rows, 2 * rows)
            + "\"last\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[%d,%d]}}"
                .formatted(2 * rows, 2 * rows + 8);
    Path path = raw(header, 0);
    long start = 8L + header.length();
    try (RandomAccessFile file = new RandomAccessFile(path.toFile(), "rw")) {
      file.setLength(start + 2 * rows + 8);
      file.seek(start + 2 * 2_400_000_000L);
      file.write(new byte[] {(byte) 0x80, 0x3f}); // 1.0 in bf16
      file.seek(start + 2 * rows);
      file.write(new byte[] {0, 0, 0x20, 0x41, 0, 0, (byte) 0xa0, 0x41}); // 10, 20
    }
    try (SafetensorsFile file = SafetensorsFile.open(path)) {
      assertThat(file.tensor("last").toFloats()).containsExactly(10, 20);
      MemorySegment big = file.data("big");
      assertThat(big.byteSize()).isEqualTo(2 * rows);
      assertThat(big.get(ValueLayout.JAVA_SHORT_UNALIGNED, 2 * 2_400_000_000L))
          .isEqualTo(Halfs.floatToBf16(1));
      assertThatThrownBy(() -> file.tensor("big").toFloats())
          .isInstanceOf(ModelIoException.class)
          .hasMessageContaining("too large for one Java array");
    }
  }
}
