package dev.graft.modelio;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.UUID;
import org.jspecify.annotations.Nullable;

/**
 * Files that appear under their name only when they are complete: written beside it, forced to the
 * disk, renamed.
 */
public final class AsideFile {
  /** What stands between a name and the rest in the name of what is not finished. */
  public static final String UNFINISHED = ".tmp-";

  private AsideFile() {}

  /** Writes a file's content. */
  @FunctionalInterface
  public interface Content {
    void writeTo(FileChannel channel) throws IOException;
  }

  /**
   * Writes {@code target}, replacing what is there. If writing fails, what was there stays and
   * nothing else is left behind.
   *
   * @throws ModelIoException if the disk is full or the folder cannot be written to
   */
  public static void write(Path target, Content content) {
    Path aside = nameBeside(target);
    try {
      try (FileChannel channel =
          FileChannel.open(aside, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
        content.writeTo(channel);
        channel.force(true);
      }
      Files.move(aside, target, StandardCopyOption.ATOMIC_MOVE);
      forceFolder(target.toAbsolutePath().getParent());
    } catch (IOException e) {
      throw new ModelIoException(target + " could not be written: " + describe(e) + ".", e);
    } finally {
      deleteQuietly(aside);
    }
  }

  /** Writes a text as UTF-8, as {@link #write} does. */
  public static void writeText(Path target, String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    write(
        target,
        channel -> {
          ByteBuffer rest = ByteBuffer.wrap(bytes);
          while (rest.hasRemaining()) {
            channel.write(rest);
          }
        });
  }

  /** A name in the same folder that nothing else has: {@code model.safetensors.tmp-1b4f…}. */
  public static Path nameBeside(Path target) {
    String unique = UUID.randomUUID().toString().substring(0, 12);
    return target.resolveSibling(target.getFileName() + UNFINISHED + unique);
  }

  /** Makes renames inside {@code folder} durable. */
  public static void forceFolder(@Nullable Path folder) throws IOException {
    if (folder == null) {
      return;
    }
    try (FileChannel channel = FileChannel.open(folder, StandardOpenOption.READ)) {
      channel.force(true);
    } catch (AccessDeniedException _) {
      // Windows cannot open folders; its renames are durable without it.
    }
  }

  /** What went wrong, with the kind of failure where the message is only a file's name. */
  public static String describe(IOException e) {
    String message = e.getMessage();
    return e instanceof FileSystemException || message == null
        ? e.getClass().getSimpleName() + (message == null ? "" : " (" + message + ")")
        : message;
  }

  private static void deleteQuietly(Path file) {
    try {
      Files.deleteIfExists(file);
    } catch (IOException _) {
      // The failure that led here is the one to report.
    }
  }
}
