package dev.graft.trainer.runs.tensorboard;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;

/**
 * A message in protocol buffers' wire format, as far as events need it: each field is a key, {@code
 * number << 3 | type}, and a value. Numbers are varints of seven bits a byte, the lowest first.
 */
final class Protobuf {

  private static final int VARINT = 0;
  private static final int EIGHT_BYTES = 1;
  private static final int LENGTH_DELIMITED = 2;
  private static final int FOUR_BYTES = 5;

  private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

  /** An {@code int64} or an enum, not negative. */
  Protobuf put(int field, long value) {
    key(field, VARINT);
    varint(value);
    return this;
  }

  Protobuf put(int field, double value) {
    key(field, EIGHT_BYTES);
    bytes.writeBytes(little(Double.BYTES).putDouble(value).array());
    return this;
  }

  Protobuf put(int field, float value) {
    key(field, FOUR_BYTES);
    bytes.writeBytes(little(Float.BYTES).putFloat(value).array());
    return this;
  }

  Protobuf put(int field, String text) {
    return put(field, text.getBytes(StandardCharsets.UTF_8));
  }

  Protobuf put(int field, Protobuf message) {
    return put(field, message.bytes());
  }

  private Protobuf put(int field, byte[] content) {
    key(field, LENGTH_DELIMITED);
    varint(content.length);
    bytes.writeBytes(content);
    return this;
  }

  byte[] bytes() {
    return bytes.toByteArray();
  }

  private void key(int field, int type) {
    varint(((long) field << 3) | type);
  }

  private void varint(long value) {
    long rest = value;
    while (rest >>> 7 != 0) {
      bytes.write((int) ((rest & 0x7F) | 0x80));
      rest >>>= 7;
    }
    bytes.write((int) rest);
  }

  private static ByteBuffer little(int size) {
    return ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
  }
}
