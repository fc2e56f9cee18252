package dev.graft.tokenizer;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import tools.jackson.core.JacksonException;
import tools.jackson.core.StreamReadConstraints;
import tools.jackson.core.json.JsonFactory;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** A checkpoint's JSON files, bounded in size and with errors that name the file. */
final class JsonFiles {
  /** The largest tokenizer.json published so far has 35 MB. */
  static final long MAX_BYTES = 1L << 28;

  static final JsonMapper MAPPER =
      JsonMapper.builder(
              JsonFactory.builder()
                  .streamReadConstraints(
                      StreamReadConstraints.builder().maxNestingDepth(200).build())
                  .build())
          .build();

  private JsonFiles() {}

  /**
   * All bytes of a file.
   *
   * @throws DataException if it is too large or cannot be read
   */
  static byte[] read(Path file) {
    try {
      long size = Files.size(file);
      if (size > MAX_BYTES) {
        throw new DataException(
            file + " has " + size + " bytes, more than the " + MAX_BYTES + " that are allowed.");
      }
      return Files.readAllBytes(file);
    } catch (IOException e) {
      throw new DataException(file + " cannot be read: " + e.getMessage(), e);
    }
  }

  /**
   * The object in a file, or an empty object if there is no such file.
   *
   * @throws DataException if there is one and it does not hold a JSON object
   */
  static JsonNode optionalObject(Path file) {
    if (!Files.exists(file)) {
      return MAPPER.createObjectNode();
    }
    try {
      JsonNode node = MAPPER.readTree(read(file));
      if (!node.isObject()) {
        throw new DataException(file + " must hold a JSON object. Download the file again.");
      }
      return node;
    } catch (JacksonException e) {
      throw broken(file, e);
    }
  }

  /** What to say of a file that is not JSON. */
  static DataException broken(Path file, JacksonException e) {
    String place = e.getLocation() == null ? "" : " line " + e.getLocation().getLineNr();
    return new DataException(
        file + place + ": not valid JSON: " + e.getOriginalMessage() + ". Download the file again.",
        e);
  }
}
