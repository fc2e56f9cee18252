package dev.graft.modelio;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.StreamReadFeature;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.SerializationFeature;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * JSON files read with suspicion: bounded in size, depth and length of names, no duplicate keys,
 * nothing after the end.
 */
public final class StrictJson {
  private static final int MAX_DEPTH = 64;

  private static final JsonMapper MAPPER =
      JsonMapper.builder(factory(MAX_DEPTH))
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .enable(DeserializationFeature.FAIL_ON_READING_DUP_TREE_KEY)
          .enable(SerializationFeature.INDENT_OUTPUT)
          .build();

  private StrictJson() {}

  /**
   * A factory whose parsers refuse duplicate keys and anything deeper than {@code maxDepth}. The
   * length of a document is for its reader to bound, before it reads.
   */
  public static JsonFactory factory(int maxDepth) {
    return JsonFactory.builder()
        .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
        .streamReadConstraints(
            StreamReadConstraints.builder()
                .maxNestingDepth(maxDepth)
                .maxStringLength(Integer.MAX_VALUE)
                .maxNameLength(4096)
                .maxNumberLength(64)
                .build())
        .build();
  }

  /**
   * Reads a file that holds one JSON object.
   *
   * @param maxBytes refuse larger files before reading them
   * @throws ModelIoException naming the file and the line of what is wrong
   */
  public static ObjectNode readObject(Path file, long maxBytes) {
    return parseObject(readBounded(file, maxBytes), file.toString());
  }

  /** Reads a file whole if it is at most {@code maxBytes} long. */
  public static byte[] readBounded(Path file, long maxBytes) {
    try {
      if (Files.isDirectory(file)) {
        throw new ModelIoException(file + " is a folder; a file is expected there.");
      }
      long size = Files.size(file);
      if (size > maxBytes) {
        throw new ModelIoException(
            "%s has %d bytes; a file of this kind has at most %d. It is probably something else."
                .formatted(file, size, maxBytes));
      }
      return Files.readAllBytes(file);
    } catch (NoSuchFileException e) {
      throw new ModelIoException(file + " does not exist.", e);
    } catch (IOException e) {
      throw new ModelIoException(file + " cannot be read: " + e.getMessage() + ".", e);
    }
  }

  /**
   * Parses one JSON object.
   *
   * @param source names the bytes' origin in errors
   */
  public static ObjectNode parseObject(byte[] json, String source) {
    JsonNode node;
    try {
      node = MAPPER.readTree(json);
    } catch (JacksonException e) {
      throw new ModelIoException(source + lineOf(e) + ": " + e.getOriginalMessage(), e);
    }
    if (node instanceof ObjectNode object) {
      return object;
    }
    throw new ModelIoException(source + " does not hold a JSON object.");
  }

  /** The object as indented JSON that ends in a newline. */
  public static String print(ObjectNode object) {
    return MAPPER.writeValueAsString(object) + "\n";
  }

  private static String lineOf(JacksonException e) {
    int line = e.getLocation() == null ? -1 : e.getLocation().getLineNr();
    return line > 0 ? ", line " + line : "";
  }
}
