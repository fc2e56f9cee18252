package dev.graft.trainer.runs;

import java.io.BufferedOutputStream;
import java.io.File;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;

/**
 * Files that appear whole or not at all, also when the machine loses power: written beside their
 * place as {@code name.tmp-…}, brought to the disk, then renamed. {@link
 * dev.graft.modelio.AsideFolder} does so with folders.
 */
public final class AtomicFiles {

  /** What stands between a name and a process's own part in a name that is not finished. */
  private static final String UNFINISHED = ".tmp-";

  private static final int BUFFER_BYTES = 1 << 16;

  private AtomicFiles() {}

  /** Writes a text file, in place of one that may be there. */
  public static void writeText(Path target, String text) throws IOException {
    write(target, text.getBytes(StandardCharsets.UTF_8));
  }

  /** Writes a file, in place of one that may be there. */
  public static void write(Path target, byte[] bytes) throws IOException {
    write(target, out -> out.write(bytes));
  }

  /** Fills a file; it may throw, then nothing has appeared. */
  @FunctionalInterface
  public interface FileWriter {

    /** Writes into an empty file; need not flush or close. */
    void writeTo(OutputStream out) throws IOException;
  }

  /** Writes a file piece by piece, in place of one that may be there. */
  public static void write(Path target, FileWriter writer) throws IOException {
    Path aside = aside(target);
    try {
      try (FileChannel channel =
              FileChannel.open(aside, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
          OutputStream out =
              new BufferedOutputStream(Channels.newOutputStream(channel), BUFFER_BYTES)) {
        writer.writeTo(out);
        out.flush();
        channel.force(true);
      }
      Files.move(aside, target, StandardCopyOption.ATOMIC_MOVE);
    } finally {
      Files.deleteIfExists(aside);
    }
    syncFolder(parent(target));
  }

  /** Brings a folder's own entries (names, renames, deletions) to the disk. */
  private static void syncFolder(Path folder) throws IOException {
    // Windows cannot open a folder, and needs no fsync of one.
    if (File.separatorChar == '/') {
      try (FileChannel channel = FileChannel.open(folder, StandardOpenOption.READ)) {
        channel.force(true);
      }
    }
  }

  private static Path aside(Path target) {
    Path name = target.getFileName();
    if (name == null) {
      throw new IllegalArgumentException(target + " has no name");
    }
    long pid = ProcessHandle.current().pid();
    return target.resolveSibling(
        name + UNFINISHED + pid + "-" + Long.toHexString(System.nanoTime()));
  }

  private static Path parent(Path target) {
    Path parent = target.toAbsolutePath().getParent();
    if (parent == null) {
      throw new IllegalArgumentException(target + " has no folder");
    }
    return parent;
  }
}
