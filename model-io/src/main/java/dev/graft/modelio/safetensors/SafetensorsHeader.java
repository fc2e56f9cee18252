package dev.graft.modelio.safetensors;

import dev.graft.modelio.DType;
import dev.graft.modelio.ModelIoException;
import dev.graft.modelio.StrictJson;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.core.ObjectReadContext;
import tools.jackson.core.json.JsonFactory;

/**
 * The JSON header of a safetensors file, parsed as a stream so that memory stays in proportion to
 * the number of tensors, and checked against the size of the data that follow it.
 */
record SafetensorsHeader(Map<String, TensorInfo> tensors, Map<String, String> metadata) {
  private static final JsonFactory JSON = StrictJson.factory(4);
  private static final int MAX_RANK = 16;

  static SafetensorsHeader parse(String file, byte[] json, long dataStart, long dataBytes) {
    return new Parser(file, json, dataStart, dataBytes).parse();
  }

  private static final class Parser {
    private final String file;
    private final byte[] json;
    private final long dataStart;
    private final long dataBytes;
    private final Map<String, TensorInfo> tensors = new LinkedHashMap<>();
    private final Map<String, String> metadata = new LinkedHashMap<>();

    Parser(String file, byte[] json, long dataStart, long dataBytes) {
      this.file = file;
      this.json = json;
      this.dataStart = dataStart;
      this.dataBytes = dataBytes;
    }

    SafetensorsHeader parse() {
      try (JsonParser parser = JSON.createParser(ObjectReadContext.empty(), json)) {
        expect(parser.nextToken(), JsonToken.START_OBJECT, "the header");
        while (parser.nextToken() != JsonToken.END_OBJECT) {
          String name = parser.currentName();
          if (name.equals("__metadata__")) {
            readMetadata(parser);
          } else {
            tensors.put(name, readTensor(parser, name));
          }
        }
        if (parser.nextToken() != null) {
          throw damaged("something follows the header's JSON object");
        }
      } catch (JacksonException e) {
        throw new ModelIoException(
            file + ": the header is not valid JSON: " + e.getOriginalMessage(), e);
      }
      checkThatDataAreCoveredOnce();
      return new SafetensorsHeader(tensors, metadata);
    }

    private void readMetadata(JsonParser parser) {
      expect(parser.nextToken(), JsonToken.START_OBJECT, "__metadata__");
      while (parser.nextToken() != JsonToken.END_OBJECT) {
        String key = parser.currentName();
        expect(parser.nextToken(), JsonToken.VALUE_STRING, "__metadata__." + key);
        metadata.put(key, parser.getString());
      }
    }

    private TensorInfo readTensor(JsonParser parser, String name) {
      String what = "tensor " + name;
      @Nullable String dtypeName = null;
      @Nullable List<Long> shape = null;
      @Nullable List<Long> range = null;
      expect(parser.nextToken(), JsonToken.START_OBJECT, what);
      while (parser.nextToken() != JsonToken.END_OBJECT) {
        String key = parser.currentName();
        switch (key) {
          case "dtype" -> {
            expect(parser.nextToken(), JsonToken.VALUE_STRING, what + ", dtype");
            dtypeName = parser.getString();
          }
          case "shape" -> shape = readLongs(parser, what + ", shape");
          case "data_offsets" -> range = readLongs(parser, what + ", data_offsets");
          default -> throw damaged(what + " has the unknown key \"" + key + "\"");
        }
      }
      if (dtypeName == null || shape == null || range == null || range.size() != 2) {
        throw damaged(what + " lacks a dtype, a shape or a pair of data_offsets");
      }
      String found = dtypeName;
      DType dtype =
          DType.ofName(found)
              .orElseThrow(() -> damaged(what + " has the unknown dtype \"" + found + "\""));
      return locate(name, dtype, shape, range.get(0), range.get(1));
    }

    private TensorInfo locate(String name, DType dtype, List<Long> shape, long begin, long end) {
      if (begin > end || end > dataBytes) {
        throw damaged(
            "tensor %s lies at bytes %d to %d of %d bytes of data"
                .formatted(name, begin, end, dataBytes));
      }
      long bytes = dtype.bytes();
      try {
        for (long dim : shape) {
          bytes = Math.multiplyExact(bytes, dim);
        }
      } catch (ArithmeticException e) {
        throw new ModelIoException(
            "%s: tensor %s has the impossible shape %s.".formatted(file, name, shape), e);
      }
      if (bytes != end - begin) {
        throw damaged(
            "tensor %s, %s%s, needs %d bytes but its data_offsets give it %d"
                .formatted(name, dtype, shape, bytes, end - begin));
      }
      return new TensorInfo(name, dtype, shape, dataStart + begin, bytes);
    }

    private List<Long> readLongs(JsonParser parser, String what) {
      expect(parser.nextToken(), JsonToken.START_ARRAY, what);
      List<Long> values = new ArrayList<>(4);
      while (parser.nextToken() != JsonToken.END_ARRAY) {
        expect(parser.currentToken(), JsonToken.VALUE_NUMBER_INT, what);
        long value = parser.getLongValue();
        if (value < 0 || values.size() == MAX_RANK) {
          throw damaged(what + " has a negative number or more than " + MAX_RANK + " of them");
        }
        values.add(value);
      }
      return values;
    }

    /** The format wants no byte shared and none unused: either could hide something. */
    private void checkThatDataAreCoveredOnce() {
      List<TensorInfo> byPlace = new ArrayList<>(tensors.values());
      byPlace.sort(
          Comparator.comparingLong(TensorInfo::offset).thenComparingLong(TensorInfo::bytes));
      long end = dataStart;
      String before = "the header";
      for (TensorInfo tensor : byPlace) {
        if (tensor.offset() != end) {
          String how = tensor.offset() < end ? "overlaps" : "leaves a gap after";
          throw damaged("tensor %s %s %s".formatted(tensor.name(), how, before));
        }
        end += tensor.bytes();
        before = "tensor " + tensor.name();
      }
      if (end != dataStart + dataBytes) {
        throw damaged("%d bytes follow the last tensor".formatted(dataStart + dataBytes - end));
      }
    }

    private void expect(@Nullable JsonToken found, JsonToken expected, String where) {
      if (found != expected) {
        throw damaged("%s holds %s where %s is expected".formatted(where, found, expected));
      }
    }

    private ModelIoException damaged(String what) {
      return new ModelIoException(
          file + " is damaged or not a safetensors file: " + what + ". Copy or download it again.");
    }
  }
}
