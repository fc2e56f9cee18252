package dev.graft.modelio.gguf;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.graft.modelio.ModelIoException;
import dev.graft.modelio.rows.EncodedRows;
import dev.graft.modelio.rows.RowSource;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class GgufFileTest {
  @TempDir Path temp;

  private Path write(GgufWriter writer) {
    Path file = temp.resolve("x.gguf");
    writer.write(file);
    return file;
  }

  private static EncodedRows rows(float[] values, int columns, GgmlType type) {
    return new EncodedRows(RowSource.of(values, columns), GgmlEncoding.of(type));
  }

  /** The format's own words, byte by byte, so that writer and reader cannot be wrong together. */
  @Test
  void aSmallFileIsWhatTheFormatSays() throws IOException {
    GgufWriter writer = new GgufWriter().put("k", GgufValue.of(7));
    writer.add("t", GgmlType.F32, List.of(1L, 2L), rows(new float[] {1, 2}, 2, GgmlType.F32));

    ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(write(writer)));
    bytes.order(ByteOrder.LITTLE_ENDIAN);

    byte[] magic = new byte[4];
    bytes.get(magic);
    assertThat(new String(magic, StandardCharsets.US_ASCII)).isEqualTo("GGUF");
    assertThat(bytes.getInt()).as("version").isEqualTo(3);
    assertThat(bytes.getLong()).as("tensors").isEqualTo(1);
    assertThat(bytes.getLong()).as("keys").isEqualTo(1);
    assertThat(bytes.getLong()).as("length of the key").isEqualTo(1);
    assertThat(bytes.get()).isEqualTo((byte) 'k');
    assertThat(bytes.getInt()).as("uint32").isEqualTo(4);
    assertThat(bytes.getInt()).isEqualTo(7);
    assertThat(bytes.getLong()).as("length of the name").isEqualTo(1);
    assertThat(bytes.get()).isEqualTo((byte) 't');
    assertThat(bytes.getInt()).as("dimensions").isEqualTo(2);
    assertThat(bytes.getLong()).as("innermost first").isEqualTo(2);
    assertThat(bytes.getLong()).isEqualTo(1);
    assertThat(bytes.getInt()).as("f32").isEqualTo(0);
    assertThat(bytes.getLong()).as("offset").isEqualTo(0);
    bytes.position(96); // 86 bytes of header, padded to 32
    assertThat(bytes.getFloat()).isEqualTo(1);
    assertThat(bytes.getFloat()).isEqualTo(2);
    assertThat(bytes.capacity()).isEqualTo(128);
  }

  @Test
  void allKindsOfMetadataComeBack() {
    GgufWriter writer =
        new GgufWriter()
            .put("flag", GgufValue.of(true))
            .put("text", GgufValue.of("Ġä▁"))
            .put("real", GgufValue.of(0.1))
            .put("wide", new GgufValue.Real(GgufValueType.FLOAT64, 0.1))
            .put("negative", new GgufValue.Whole(GgufValueType.INT8, -3))
            .put("long", new GgufValue.Whole(GgufValueType.INT64, Long.MIN_VALUE))
            .put("short", new GgufValue.Whole(GgufValueType.UINT16, 65_535))
            .put("texts", GgufValue.texts(List.of("a", "")));
    try (GgufFile file = GgufFile.open(write(writer))) {
      assertThat(file.metadata().keySet())
          .containsExactly("flag", "text", "real", "wide", "negative", "long", "short", "texts");
      assertThat(file.metadata())
          .containsEntry("flag", GgufValue.of(true))
          .containsEntry("text", GgufValue.of("Ġä▁"))
          .containsEntry("real", new GgufValue.Real(GgufValueType.FLOAT32, 0.1f))
          .containsEntry("wide", new GgufValue.Real(GgufValueType.FLOAT64, 0.1))
          .containsEntry("negative", new GgufValue.Whole(GgufValueType.INT8, -3))
          .containsEntry("long", new GgufValue.Whole(GgufValueType.INT64, Long.MIN_VALUE))
          .containsEntry("short", new GgufValue.Whole(GgufValueType.UINT16, 65_535))
          .containsEntry("texts", GgufValue.texts(List.of("a", "")));
    }
  }

  /** At a width that no piece of the writer divides, so that rows are cut between pieces. */
  @ParameterizedTest
  @EnumSource(
      value = GgmlType.class,
      names = {"F32", "F16", "BF16", "Q8_0"})
  void rowsComeBackAsCloseAsTheTypeAllows(GgmlType type) {
    int columns = 32 * 31;
    int count = 1207;
    float[] values = new float[columns * count];
    Random random = new Random(1);
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    EncodedRows rows = rows(values, columns, type);
    GgufWriter writer =
        new GgufWriter().add("t", type, List.of((long) count, (long) columns), rows);
    try (GgufFile file = GgufFile.open(write(writer))) {
      double worst = 0;
      double squares = 0;
      for (int row = 0; row < count; row++) {
        float[] read = file.row(file.tensor("t"), row);
        for (int i = 0; i < columns; i++) {
          double error = Math.abs(read[i] - values[row * columns + i]);
          worst = Math.max(worst, error);
          squares += error * error;
        }
      }
      // Half a unit in the last place of numbers up to 8; half of 1/127 of the largest in a block.
      double bound =
          switch (type) {
            case F16 -> 0x1p-9;
            case BF16 -> 0x1p-6;
            case Q8_0 -> 6.0 / 127 / 2 * 1.01;
            default -> 0;
          };
      assertThat(worst).isLessThanOrEqualTo(bound);
      assertThat(rows.error().maxAbsolute()).isEqualTo(worst);
      assertThat(rows.error().errorSquares())
          .isCloseTo(squares, org.assertj.core.data.Offset.offset(1e-9 * squares));
    }
  }

  @Test
  void aBlockOfZerosAndHalvesAwayFromZero() {
    float[] values = new float[64];
    values[32] = 127;
    values[33] = 0.5f;
    values[34] = -0.5f;
    values[35] = 2.4f;
    GgufWriter writer =
        new GgufWriter().add("t", GgmlType.Q8_0, List.of(1L, 64L), rows(values, 64, GgmlType.Q8_0));
    try (GgufFile file = GgufFile.open(write(writer))) {
      float[] read = file.row(file.tensor("t"), 0);
      assertThat(read).startsWith(0f, 0f).contains(127f);
      assertThat(read[33]).isEqualTo(1f);
      assertThat(read[34]).isEqualTo(-1f);
      assertThat(read[35]).isEqualTo(2f);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "0, 0, is not a GGUF file",
    "4, 9, GGUF version 9",
    "8, -1, tensors",
    "16, 1000000, metadata keys",
    "24, -5, length",
    "33, 99, unknown type",
  })
  void aDamagedHeaderIsNamed(int at, int value, String expected) throws IOException {
    GgufWriter writer = new GgufWriter().put("k", GgufValue.of(7));
    Path file = write(writer);
    byte[] bytes = Files.readAllBytes(file);
    ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putInt(at, value);
    if (value < 0) {
      ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN).putLong(at, value);
    }
    Files.write(file, bytes);

    assertThatThrownBy(() -> GgufFile.open(file))
        .isInstanceOf(ModelIoException.class)
        .hasMessageStartingWith(file.toString())
        .hasMessageContaining(expected);
  }

  @Test
  void aFileThatIsCutOffIsRefused() throws IOException {
    GgufWriter writer = new GgufWriter().put("k", GgufValue.of("text"));
    writer.add("t", GgmlType.F32, List.of(2L, 40L), rows(new float[80], 40, GgmlType.F32));
    Path file = write(writer);
    byte[] bytes = Files.readAllBytes(file);
    for (int length = 0; length < bytes.length; length++) {
      Files.write(file, java.util.Arrays.copyOf(bytes, length));
      assertThatThrownBy(() -> GgufFile.open(file)).isInstanceOf(ModelIoException.class);
    }
    Files.write(file, bytes);
    GgufFile.open(file).close();
  }
}
