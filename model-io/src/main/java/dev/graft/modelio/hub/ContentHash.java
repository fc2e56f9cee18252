package dev.graft.modelio.hub;

import dev.graft.modelio.ModelIoException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.Optional;

/** Compares downloaded files with the hashes that the hub gives as ETags. */
final class ContentHash {
  private ContentHash() {}

  /**
   * Checks a complete file: large files are named by the SHA-256 of their content, small ones by
   * their git hash. Other ETags say nothing about the content.
   *
   * @return the name for the file among the blobs
   * @throws ModelIoException if the content is not what the hub has; the file is deleted then
   */
  static String verify(Path file, long size, Optional<String> etag, String otherwise)
      throws IOException {
    String expected = etag.orElse("");
    boolean sha256 = expected.matches("[0-9a-f]{64}");
    if (!sha256 && !expected.matches("[0-9a-f]{40}")) {
      return otherwise;
    }
    MessageDigest digest = digest(sha256 ? "SHA-256" : "SHA-1");
    if (!sha256) {
      digest.update(("blob " + size + "\0").getBytes(StandardCharsets.UTF_8));
    }
    byte[] buffer = new byte[1 << 18];
    try (InputStream in = Files.newInputStream(file)) {
      for (int n = in.read(buffer); n >= 0; n = in.read(buffer)) {
        digest.update(buffer, 0, n);
      }
    }
    if (!HexFormat.of().formatHex(digest.digest()).equals(expected)) {
      Files.delete(file);
      throw new ModelIoException(
          file.getFileName() + " came damaged: its hash is not the hub's. Run the same again.");
    }
    return expected;
  }

  private static MessageDigest digest(String algorithm) {
    try {
      return MessageDigest.getInstance(algorithm);
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has " + algorithm, e);
    }
  }
}
