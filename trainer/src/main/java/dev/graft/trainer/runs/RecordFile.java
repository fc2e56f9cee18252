package dev.graft.trainer.runs;

import dev.graft.modelio.AsideFile;
import dev.graft.trainer.config.UserException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.json.JsonMapper;

/** Records that are kept as JSON, and name the version of their layout. */
public final class RecordFile {

  private RecordFile() {}

  /** A record that names the version of its layout. */
  public interface Versioned {

    /** The layout it was written in. */
    int version();
  }

  /** Writes a record, whole or not at all. */
  public static void write(Path file, Versioned record) {
    AsideFile.writeText(
        file,
        JsonMapper.shared().writerWithDefaultPrettyPrinter().writeValueAsString(record) + "\n");
  }

  /**
   * Reads a record.
   *
   * @param version the layout that this program knows
   * @param what the record is of, for errors
   * @param hint what to do where it is damaged, behind the error; may be empty
   * @return empty where there is no file
   * @throws UserException if it is damaged, or of another version
   */
  public static <T extends Versioned> Optional<T> read(
      Path file, Class<T> type, int version, String what, String hint) {
    if (!Files.exists(file)) {
      return Optional.empty();
    }
    try {
      T record = JsonMapper.shared().readValue(Files.readString(file), type);
      if (record.version() != version) {
        throw new UserException(
            "%s has the version %d, this graft knows %d"
                .formatted(file, record.version(), version));
      }
      return Optional.of(record);
    } catch (IOException e) {
      throw new UserException("%s: cannot be read: %s".formatted(file, AsideFile.describe(e)), e);
    } catch (JacksonException e) {
      throw new UserException(
          "%s is not the record of %s: %s%s".formatted(file, what, e.getOriginalMessage(), hint),
          e);
    }
  }
}
