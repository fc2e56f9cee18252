package dev.graft.modelio;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Folders that appear under their name only when everything in them is there, and on the disk: they
 * are complete after a crash, too.
 */
public final class AsideFolder {
  private AsideFolder() {}

  /** Fills an empty folder. */
  @FunctionalInterface
  public interface Content {
    void writeTo(Path folder) throws IOException;
  }

  /**
   * Writes {@code target} as a whole: content goes to a new folder beside it, which is renamed when
   * it is complete. If anything fails, what was at {@code target} before is there still. A folder
   * cannot be renamed onto another, so for one moment an old one is away; a process that is killed
   * in that moment leaves it as {@code name.tmp-…}.
   *
   * @param replace what to do where {@code target} exists: false refuses, true takes its place
   * @throws ModelIoException if it exists and must not be replaced, or cannot be written
   */
  public static void write(Path target, boolean replace, Content content) {
    if (!replace && Files.exists(target)) {
      throw new ModelIoException(
          target + " exists already; remove it, choose another name, or ask for replacing it.");
    }
    Path aside = AsideFile.nameBeside(target);
    try {
      Files.createDirectories(aside);
      content.writeTo(aside);
      forceTree(aside);
      moveIntoPlace(aside, target);
      AsideFile.forceFolder(target.toAbsolutePath().getParent());
    } catch (IOException e) {
      throw new ModelIoException(
          target + " could not be written: " + AsideFile.describe(e) + ".", e);
    } finally {
      deleteQuietly(aside);
    }
  }

  /** No rename replaces a folder that holds something, so the old one steps aside first. */
  private static void moveIntoPlace(Path aside, Path target) throws IOException {
    if (!Files.exists(target)) {
      Files.move(aside, target, StandardCopyOption.ATOMIC_MOVE);
      return;
    }
    Path old = AsideFile.nameBeside(target);
    Files.move(target, old, StandardCopyOption.ATOMIC_MOVE);
    try {
      Files.move(aside, target, StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException e) {
      Files.move(old, target, StandardCopyOption.ATOMIC_MOVE);
      throw e;
    }
    deleteQuietly(old);
  }

  /** Brings all files below a folder, and all names, to the disk. */
  private static void forceTree(Path root) throws IOException {
    List<Path> paths;
    try (Stream<Path> tree = Files.walk(root)) {
      paths = tree.toList();
    }
    for (Path path : paths) {
      if (Files.isDirectory(path)) {
        AsideFile.forceFolder(path);
      } else {
        try (FileChannel channel = FileChannel.open(path, StandardOpenOption.WRITE)) {
          channel.force(true);
        }
      }
    }
  }

  /** Deletes a file or a folder with all that is in it, if it is there; links are not followed. */
  public static void deleteTree(Path path) throws IOException {
    if (!Files.exists(path, LinkOption.NOFOLLOW_LINKS)) {
      return;
    }
    Files.walkFileTree(
        path,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult visitFile(Path file, BasicFileAttributes attributes)
              throws IOException {
            Files.delete(file);
            return FileVisitResult.CONTINUE;
          }

          @Override
          public FileVisitResult postVisitDirectory(Path folder, @Nullable IOException e)
              throws IOException {
            if (e != null) {
              throw e;
            }
            Files.delete(folder);
            return FileVisitResult.CONTINUE;
          }
        });
  }

  private static void deleteQuietly(Path folder) {
    try {
      deleteTree(folder);
    } catch (IOException _) {
      // A left-over temporary folder is no reason to hide how the write itself ended.
    }
  }
}
