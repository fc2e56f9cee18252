package dev.graft.modelio.gguf;

import dev.graft.modelio.ModelIoException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The part of a GGUF file before the tensors' data. Every count and length is compared with the
 * bytes that are left before anything is allocated for it, so that memory stays in proportion to
 * the file.
 */
record GgufHeader(
    int version, int alignment, Map<String, GgufValue> metadata, Map<String, GgufTensor> tensors) {
  static final int MAGIC = 0x46554747; // "GGUF", little-endian

  private static final int DEFAULT_ALIGNMENT = 32;
  private static final int MAX_ALIGNMENT = 1 << 16;
  private static final int MAX_KEY_BYTES = 65_535;
  private static final int MAX_PAIRS = 1 << 16;
  private static final int MAX_TENSORS = 1 << 18;
  private static final int MAX_TEXT_BYTES = 1 << 24;
  private static final int MAX_ARRAY = 1 << 22;
  private static final int MAX_DIMENSIONS = 4;

  /** Bytes of the shortest key-value pair, and of the shortest description of a tensor. */
  private static final int LEAST_PAIR = 8 + 4 + 1;

  private static final int LEAST_TENSOR = 8 + 4 + 4 + 8;

  static GgufHeader parse(String file, MemorySegment bytes) {
    return new Parser(file, bytes).parse();
  }

  private static final class Parser {
    private static final ValueLayout.OfInt INT =
        ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong LONG =
        ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfShort SHORT =
        ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    private final String file;
    private final MemorySegment bytes;
    private long at;

    Parser(String file, MemorySegment bytes) {
      this.file = file;
      this.bytes = bytes;
    }

    GgufHeader parse() {
      need(24, "the header");
      if (int32() != MAGIC) {
        throw new ModelIoException(
            file + " is not a GGUF file: it does not begin with GGUF. Copy or download it again.");
      }
      int version = int32();
      if (version != 2 && version != 3) {
        throw new ModelIoException(
            "%s has GGUF version %s; graft reads 2 and 3, little-endian."
                .formatted(file, Integer.toUnsignedString(version)));
      }
      int tensorCount = count(MAX_TENSORS, LEAST_TENSOR, "tensors");
      int pairs = count(MAX_PAIRS, LEAST_PAIR, "metadata keys");
      Map<String, GgufValue> metadata = new LinkedHashMap<>();
      for (int i = 0; i < pairs; i++) {
        String key = text(MAX_KEY_BYTES, "a metadata key");
        if (metadata.put(key, value(key)) != null) {
          throw damaged("the metadata key " + key + " is there twice");
        }
      }
      int alignment = alignment(metadata);
      return new GgufHeader(version, alignment, metadata, tensors(tensorCount, alignment));
    }

    private int alignment(Map<String, GgufValue> metadata) {
      GgufValue value = metadata.get("general.alignment");
      if (value == null) {
        return DEFAULT_ALIGNMENT;
      }
      if (value instanceof GgufValue.Whole(GgufValueType _, long n)
          && n >= 1
          && n <= MAX_ALIGNMENT
          && Long.bitCount(n) == 1) {
        return (int) n;
      }
      throw damaged("general.alignment is not a power of two up to " + MAX_ALIGNMENT);
    }

    private GgufValue value(String key) {
      GgufValueType type = type(key);
      if (type != GgufValueType.ARRAY) {
        return scalar(type, key);
      }
      need(12, key);
      GgufValueType elements = type(key);
      if (elements == GgufValueType.ARRAY) {
        throw damaged(key + " is an array of arrays, which no reader supports");
      }
      int length = count(MAX_ARRAY, elements.leastBytes(), "elements of " + key);
      List<GgufValue> values = new ArrayList<>(length);
      for (int i = 0; i < length; i++) {
        values.add(scalar(elements, key));
      }
      return new GgufValue.Array(elements, values);
    }

    private GgufValueType type(String key) {
      need(4, key);
      int code = int32();
      return GgufValueType.ofCode(code)
          .orElseThrow(() ->
              damaged("%s has the unknown type %s".formatted(key, Integer.toUnsignedString(code))));
    }

    private GgufValue scalar(GgufValueType type, String key) {
      if (type == GgufValueType.STRING) {
        return new GgufValue.Text(text(MAX_TEXT_BYTES, key));
      }
      need(type.leastBytes(), key);
      return switch (type) {
        case UINT8 -> new GgufValue.Whole(type, int8() & 0xff);
        case INT8 -> new GgufValue.Whole(type, int8());
        case UINT16 -> new GgufValue.Whole(type, int16() & 0xffff);
        case INT16 -> new GgufValue.Whole(type, int16());
        case UINT32 -> new GgufValue.Whole(type, int32() & 0xffff_ffffL);
        case INT32 -> new GgufValue.Whole(type, int32());
        case UINT64, INT64 -> new GgufValue.Whole(type, int64());
        case FLOAT32 -> new GgufValue.Real(type, Float.intBitsToFloat(int32()));
        case FLOAT64 -> new GgufValue.Real(type, Double.longBitsToDouble(int64()));
        case BOOL -> flag(key);
        case STRING, ARRAY -> throw new IllegalStateException(key + " is no scalar");
      };
    }

    private GgufValue flag(String key) {
      byte bits = int8();
      if (bits != 0 && bits != 1) {
        throw damaged(key + " is neither true nor false");
      }
      return new GgufValue.Flag(bits == 1);
    }

    private Map<String, GgufTensor> tensors(int count, int alignment) {
      record Described(String name, GgmlType type, List<Long> shape, long offset) {}
      List<Described> described = new ArrayList<>(count);
      for (int i = 0; i < count; i++) {
        String name = text(MAX_KEY_BYTES, "a tensor's name");
        List<Long> shape = shape(name);
        need(12, name);
        int code = int32();
        GgmlType type =
            GgmlType.ofCode(code)
                .orElseThrow(() ->
                    damaged(
                        "tensor %s has the unknown type %s"
                            .formatted(name, Integer.toUnsignedString(code))));
        described.add(new Described(name, type, shape, int64()));
      }
      long dataStart = roundUp(at, alignment);
      long expected = 0;
      Map<String, GgufTensor> tensors = new LinkedHashMap<>();
      for (Described one : described) {
        long length = bytes(one.name(), one.type(), one.shape());
        if (one.offset() != expected) {
          throw damaged(
              "tensor %s lies at byte %s of the data, not at %d, where the one before it ends"
                  .formatted(one.name(), Long.toUnsignedString(one.offset()), expected));
        }
        if (dataStart > bytes.byteSize() || length > bytes.byteSize() - dataStart - expected) {
          throw damaged("the file ends inside tensor " + one.name());
        }
        GgufTensor tensor =
            new GgufTensor(one.name(), one.type(), one.shape(), dataStart + expected, length);
        if (tensors.put(one.name(), tensor) != null) {
          throw damaged("tensor " + one.name() + " is there twice");
        }
        expected = roundUp(expected + length, alignment);
      }
      return tensors;
    }

    /** The file lists the innermost dimension first. */
    private List<Long> shape(String name) {
      need(4, name);
      int dimensions = int32();
      if (dimensions < 1 || dimensions > MAX_DIMENSIONS) {
        throw damaged(
            "tensor %s has %s dimensions".formatted(name, Integer.toUnsignedString(dimensions)));
      }
      need(8L * dimensions, name);
      List<Long> shape = new ArrayList<>();
      for (int i = 0; i < dimensions; i++) {
        shape.addFirst(int64());
      }
      return shape;
    }

    private long bytes(String name, GgmlType type, List<Long> shape) {
      long elements = 1;
      try {
        for (long dimension : shape) {
          if (dimension < 1) {
            throw damaged("tensor %s has the impossible shape %s".formatted(name, shape));
          }
          elements = Math.multiplyExact(elements, dimension);
        }
        if (!type.fits(shape.getLast())) {
          throw damaged(
              "tensor %s is %s, but its rows of %d elements are not whole blocks of %d"
                  .formatted(name, type.label(), shape.getLast(), type.blockElements()));
        }
        return type.bytes(elements);
      } catch (ArithmeticException e) {
        throw new ModelIoException(
            "%s: tensor %s has the impossible shape %s.".formatted(file, name, shape), e);
      }
    }

    private static long roundUp(long value, long alignment) {
      return (value + alignment - 1) / alignment * alignment;
    }

    /** A count of things that take at least {@code leastBytes} each. */
    private int count(int most, int leastBytes, String what) {
      need(8, what);
      long count = int64();
      if (count < 0 || count > most || count > (bytes.byteSize() - at) / leastBytes) {
        throw damaged(
            "it claims %s %s, which do not fit".formatted(Long.toUnsignedString(count), what));
      }
      return (int) count;
    }

    private String text(int mostBytes, String what) {
      need(8, what);
      long length = int64();
      if (length < 0 || length > mostBytes) {
        throw damaged(
            "%s claims a length of %s bytes".formatted(what, Long.toUnsignedString(length)));
      }
      need(length, what);
      byte[] utf8 = bytes.asSlice(at, length).toArray(ValueLayout.JAVA_BYTE);
      at += length;
      try {
        return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(utf8)).toString();
      } catch (CharacterCodingException e) {
        throw new ModelIoException(
            "%s is damaged: %s is not UTF-8. Copy or download it again.".formatted(file, what), e);
      }
    }

    private void need(long count, String what) {
      if (bytes.byteSize() - at < count) {
        throw damaged("the file ends inside " + what);
      }
    }

    private byte int8() {
      return bytes.get(ValueLayout.JAVA_BYTE, at++);
    }

    private short int16() {
      at += 2;
      return bytes.get(SHORT, at - 2);
    }

    private int int32() {
      at += 4;
      return bytes.get(INT, at - 4);
    }

    private long int64() {
      at += 8;
      return bytes.get(LONG, at - 8);
    }

    private ModelIoException damaged(String what) {
      return new ModelIoException(
          file + " is damaged or cut off: " + what + ". Copy or download it again.");
    }
  }
}
