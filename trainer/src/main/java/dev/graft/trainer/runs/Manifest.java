package dev.graft.trainer.runs;

import dev.graft.modelio.AsideFile;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.json.JsonMapper;

/**
 * The checksums of a folder's files, in {@code manifest.json} beside them: what a disk has changed
 * is noticed before it is believed.
 *
 * @param version of the layout
 * @param files by name
 */
public record Manifest(int version, Map<String, Entry> files) {

  static final String FILE = "manifest.json";
  private static final int VERSION = 1;

  /**
   * A file.
   *
   * @param sha256 in hex
   */
  public record Entry(long bytes, String sha256) {}

  /** Reads all files of a folder and writes their checksums beside them. */
  public static void writeInto(Path folder) throws IOException {
    var entries = new LinkedHashMap<String, Entry>();
    try (Stream<Path> files = Files.list(folder)) {
      for (Path file : files.sorted().toList()) {
        entries.put(String.valueOf(file.getFileName()), entry(file));
      }
    }
    String json =
        JsonMapper.shared()
            .writerWithDefaultPrettyPrinter()
            .writeValueAsString(new Manifest(VERSION, entries));
    AsideFile.writeText(folder.resolve(FILE), json + "\n");
  }

  /** What is wrong with a folder that was written with a manifest; empty where nothing is. */
  public static Optional<String> damageOf(Path folder) {
    Path file = folder.resolve(FILE);
    try {
      Manifest manifest = JsonMapper.shared().readValue(Files.readString(file), Manifest.class);
      if (manifest.version != VERSION) {
        return Optional.of("%s has the unknown version %d".formatted(FILE, manifest.version));
      }
      for (Map.Entry<String, Entry> listed : manifest.files.entrySet()) {
        Path path = folder.resolve(listed.getKey());
        if (!Files.isRegularFile(path)) {
          return Optional.of(listed.getKey() + " is missing");
        }
        if (!entry(path).equals(listed.getValue())) {
          return Optional.of(listed.getKey() + " is not what was written (its checksum differs)");
        }
      }
      return manifest.files.isEmpty() ? Optional.of(FILE + " lists nothing") : Optional.empty();
    } catch (IOException e) {
      return Optional.of("cannot be read: " + AsideFile.describe(e));
    } catch (JacksonException | IllegalArgumentException e) {
      return Optional.of(FILE + " is not what was written");
    }
  }

  private static Entry entry(Path file) throws IOException {
    return new Entry(Files.size(file), sha256(file));
  }

  /** The SHA-256 of a file, in hex. */
  public static String sha256(Path file) throws IOException {
    try (InputStream in = Files.newInputStream(file);
        var digest = new DigestInputStream(in, MessageDigest.getInstance("SHA-256"))) {
      byte[] buffer = new byte[1 << 16];
      while (digest.read(buffer) >= 0) {}
      return HexFormat.of().formatHex(digest.getMessageDigest().digest());
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }
}
