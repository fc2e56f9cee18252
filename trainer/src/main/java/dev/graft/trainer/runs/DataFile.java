package dev.graft.trainer.runs;

import dev.graft.modelio.AsideFile;
import dev.graft.trainer.config.UserException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.databind.json.JsonMapper;

/**
 * A file that a run learned from or was measured on, as {@code data.json} names it.
 *
 * @param part {@code train} or {@code validation}
 * @param rows how many of its rows belong to the part
 * @param sources how many of them name each source
 */
public record DataFile(
    String part,
    String file,
    long bytes,
    String sha256,
    String format,
    long rows,
    Map<String, Long> sources) {

  public DataFile {
    sources = Map.copyOf(sources);
  }

  /**
   * The files that a {@code data.json} names. Its rows, of which there may be millions, are passed
   * over.
   *
   * @return empty where there is no such file
   * @throws UserException if it is damaged
   */
  static List<DataFile> readAll(Path json) {
    if (!Files.exists(json)) {
      return List.of();
    }
    var files = new ArrayList<DataFile>();
    try (InputStream in = Files.newInputStream(json);
        JsonParser parser = JsonMapper.shared().createParser(in)) {
      parser.nextToken();
      while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
        String part = parser.currentName();
        if (parser.nextToken() == JsonToken.START_ARRAY) {
          while (parser.nextToken() == JsonToken.START_OBJECT) {
            files.add(one(part, parser));
          }
        }
      }
      return List.copyOf(files);
    } catch (IOException e) {
      throw new UserException("%s: cannot be read: %s".formatted(json, AsideFile.describe(e)), e);
    } catch (JacksonException e) {
      throw new UserException(
          "%s: is not a bill of materials: %s".formatted(json, e.getOriginalMessage()), e);
    }
  }

  private static DataFile one(String part, JsonParser parser) {
    var texts = new TreeMap<String, String>();
    var sources = new TreeMap<String, Long>();
    while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
      String key = parser.currentName();
      JsonToken value = parser.nextToken();
      if (value == JsonToken.START_ARRAY) {
        parser.skipChildren();
      } else if (value == JsonToken.START_OBJECT) {
        while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
          String source = parser.currentName();
          parser.nextToken();
          sources.put(source, parser.getLongValue());
        }
      } else {
        texts.put(key, parser.getString());
      }
    }
    return new DataFile(
        part,
        texts.getOrDefault("file", ""),
        Long.parseLong(texts.getOrDefault("bytes", "0")),
        texts.getOrDefault("sha256", ""),
        texts.getOrDefault("format", ""),
        Long.parseLong(texts.getOrDefault("count", "0")),
        sources);
  }
}
