package dev.graft.trainer.train;

import dev.graft.trainer.data.TokenFile;
import java.io.IOException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** Token files that outlive a run, and those that do not. */
final class TokenCache {

  /** Tokens that no run has used for so long are deleted when new ones are made. */
  private static final Duration KEPT = Duration.ofDays(30);

  private TokenCache() {}

  /**
   * Makes a token file that stays.
   *
   * @param folder made if it is not there, and gone again if nothing comes of it
   */
  static TokenFile make(
      Path folder, Path file, String key, List<DataPart> parts, DataLoading loading)
      throws IOException {
    Files.createDirectories(folder);
    try {
      TokenFile.write(file, key, loading);
      deleteOld(folder);
    } finally {
      deleteIfEmpty(folder);
    }
    return opened(file, key, parts);
  }

  /** Makes a token file that is gone when the program ends. */
  static TokenFile makeForNow(String key, List<DataPart> parts, DataLoading loading)
      throws IOException {
    Path folder = Files.createTempDirectory("graft-tokens");
    Path file = folder.resolve("data.tokens");
    try {
      TokenFile.write(file, key, loading);
      return opened(file, key, parts);
    } finally {
      // It stays readable for as long as it is mapped.
      Files.deleteIfExists(file);
      Files.deleteIfExists(folder);
    }
  }

  /** A run works with these tokens: they are worth keeping. */
  static void used(Path file) {
    try {
      Files.setLastModifiedTime(file, FileTime.from(Instant.now()));
    } catch (IOException e) {
      // A folder that may only be read: nobody deletes from it either.
    }
  }

  private static TokenFile opened(Path file, String key, List<DataPart> parts) throws IOException {
    Optional<TokenFile> opened = TokenFile.open(file, key, DataPart.files(parts));
    return opened.orElseThrow(
        () -> new IOException(file + " was written and cannot be read back; is the disk sound?"));
  }

  private static void deleteOld(Path folder) throws IOException {
    FileTime limit = FileTime.from(Instant.now().minus(KEPT));
    try (Stream<Path> files = Files.list(folder)) {
      for (Path file : files.filter(it -> it.toString().endsWith(".tokens")).toList()) {
        if (Files.getLastModifiedTime(file).compareTo(limit) < 0) {
          Files.deleteIfExists(file);
        }
      }
    }
  }

  private static void deleteIfEmpty(Path folder) throws IOException {
    try {
      Files.deleteIfExists(folder);
    } catch (DirectoryNotEmptyException e) {
      // Which it should be.
    }
  }
}
