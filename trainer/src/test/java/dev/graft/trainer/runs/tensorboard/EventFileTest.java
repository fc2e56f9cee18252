package dev.graft.trainer.runs.tensorboard;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EventFileTest {

  @TempDir Path folder;

  /** The check value of CRC-32C, and RFC 3720's example of 32 zeros, masked by hand. */
  @Test
  void checksumsAreThePublishedOnes() {
    assertThat(EventFile.masked("123456789".getBytes(StandardCharsets.US_ASCII), 9))
        .isEqualTo(maskedByHand(0xE3069283));
    assertThat(EventFile.masked(new byte[32], 32)).isEqualTo(maskedByHand(0x8A9136AA));
  }

  private static int maskedByHand(int crc) {
    return ((crc >>> 15) | (crc << 17)) + 0xa282ead8;
  }

  /**
   * How every event file begins: 24 bytes, the length's checksum a37f4b22, then the first event,
   * field 1 as eight bytes and field 3 with thirteen.
   */
  @Test
  void theFirstRecordIsThatOfEveryEventFile() {
    byte[] event = new Protobuf().put(1, 1_764_118_000.5).put(3, "brain.Event:2").bytes();
    byte[] record = EventFile.framed(event);

    assertThat(HexFormat.of().formatHex(record, 0, 13)).isEqualTo("1800000000000000a37f4b2209");
    assertThat(ByteBuffer.wrap(record).order(ByteOrder.LITTLE_ENDIAN).getDouble(13))
        .isEqualTo(1_764_118_000.5);
    assertThat(HexFormat.of().formatHex(record, 21, 36))
        .isEqualTo(
            "1a0d" + HexFormat.of().formatHex("brain.Event:2".getBytes(StandardCharsets.US_ASCII)));
    assertThat(record).hasSize(24 + 16);
  }

  /** The examples of the encoding's documentation: 150 is 96 01, and a string has its length. */
  @Test
  void messagesAreInTheWireFormat() {
    assertThat(new Protobuf().put(1, 150L).bytes()).isEqualTo(hex("089601"));
    assertThat(new Protobuf().put(2, "testing").bytes()).isEqualTo(hex("120774657374696e67"));
    assertThat(new Protobuf().put(3, new Protobuf().put(1, 150L)).bytes())
        .isEqualTo(hex("1a03089601"));
    assertThat(new Protobuf().put(2, 1f).bytes()).isEqualTo(hex("150000803f"));
    assertThat(new Protobuf().put(1, Long.MAX_VALUE).bytes())
        .isEqualTo(hex("08ffffffffffffffff7f"));
  }

  private static byte[] hex(String text) {
    return HexFormat.of().parseHex(text);
  }

  @Test
  void recordsFollowEachOther() throws Exception {
    Path path = folder.resolve("x");
    try (EventFile file = EventFile.create(path)) {
      file.add(new byte[] {1});
      file.add(new byte[0]);
    }
    assertThat(Files.readAllBytes(path)).hasSize(17 + 16);
  }
}
