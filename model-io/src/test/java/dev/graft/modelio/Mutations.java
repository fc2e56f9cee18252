package dev.graft.modelio;

import java.util.Arrays;
import java.util.Random;

/** Seeded damage to real files: what a broken disk, a cut connection or an attacker would do. */
public final class Mutations {
  private static final long[] EXTREMES = {
    0, 1, -1, Long.MAX_VALUE, Long.MIN_VALUE, 1L << 60, 1L << 32, (1L << 31) - 1
  };
  private static final byte[][] FRAGMENTS = {
    bytes("{"),
    bytes("}"),
    bytes("["),
    bytes("]"),
    bytes("\""),
    bytes(":"),
    bytes(","),
    bytes("null"),
    bytes("true"),
    bytes("-1"),
    bytes("1e999"),
    bytes("9223372036854775807"),
    bytes("18446744073709551616"),
    bytes("[0,0]"),
    bytes("\"F32\""),
    bytes("\"BF16\""),
    bytes("[4611686018427387904,4]"),
    bytes("{\"a\":".repeat(200)),
    bytes("\\u0000"),
    {(byte) 0xff}
  };

  private Mutations() {}

  /** The {@code number}th damaged version of {@code original}; the same for the same arguments. */
  public static byte[] mutate(byte[] original, int number) {
    Random random = new Random(0x9e3779b97f4a7c15L * (number + 1));
    byte[] bytes = original.clone();
    for (int i = 1 + random.nextInt(4); i > 0; i--) {
      bytes = mutateOnce(bytes, random);
    }
    return bytes;
  }

  private static byte[] mutateOnce(byte[] bytes, Random random) {
    if (bytes.length == 0) {
      return new byte[] {(byte) random.nextInt()};
    }
    // Most of what is believed stands at the beginning.
    int at = random.nextInt(random.nextBoolean() ? bytes.length : Math.min(bytes.length, 400));
    return switch (random.nextInt(7)) {
      case 0 -> {
        bytes[at] ^= (byte) (1 << random.nextInt(8));
        yield bytes;
      }
      case 1 -> {
        bytes[at] = (byte) random.nextInt();
        yield bytes;
      }
      case 2 -> Arrays.copyOf(bytes, at);
      case 3 -> splice(bytes, at, 0, FRAGMENTS[random.nextInt(FRAGMENTS.length)]);
      case 4 -> splice(bytes, at, 1 + random.nextInt(8), new byte[0]);
      case 5 -> {
        byte[] copied = Arrays.copyOfRange(bytes, at, Math.min(bytes.length, at + 60));
        yield splice(bytes, random.nextInt(bytes.length), random.nextInt(60), copied);
      }
      default -> {
        long extreme = EXTREMES[random.nextInt(EXTREMES.length)];
        if (random.nextBoolean()) {
          // The header's length, or a number in the middle of something.
          byte[] number = new byte[8];
          for (int i = 0; i < 8; i++) {
            number[i] = (byte) (extreme >>> (8 * i));
          }
          yield splice(bytes, random.nextInt(3) == 0 ? 0 : at, 8, number);
        }
        yield replaceNumber(bytes, at, Long.toString(extreme));
      }
    };
  }

  private static byte[] replaceNumber(byte[] bytes, int from, String number) {
    for (int i = from; i < bytes.length; i++) {
      if (bytes[i] >= '0' && bytes[i] <= '9') {
        int end = i;
        while (end < bytes.length && bytes[end] >= '0' && bytes[end] <= '9') {
          end++;
        }
        return splice(bytes, i, end - i, bytes(number));
      }
    }
    return bytes;
  }

  private static byte[] splice(byte[] bytes, int at, int remove, byte[] insert) {
    int after = Math.min(bytes.length, at + remove);
    byte[] result = new byte[at + insert.length + bytes.length - after];
    System.arraycopy(bytes, 0, result, 0, at);
    System.arraycopy(insert, 0, result, at, insert.length);
    System.arraycopy(bytes, after, result, at + insert.length, bytes.length - after);
    return result;
  }

  private static byte[] bytes(String text) {
    return text.getBytes(java.nio.charset.StandardCharsets.UTF_8);
  }
}
