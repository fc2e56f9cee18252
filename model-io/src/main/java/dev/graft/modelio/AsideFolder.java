package dev.graft.modelio;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/** Folders that appear under their name only when everything in them is there. */
public final class AsideFolder {
  private AsideFolder() {}

  /** Fills an empty folder. */
  @FunctionalInterface
  public interface Content {
    void writeTo(Path folder) throws IOException;
  }

  /**
   * Writes {@code target} as a whole: content goes to a new folder beside it, which is renamed when
   * it is complete. If anything fails, what was at {@code target} before is there still.
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
      AsideFile.forceFolder(aside);
      moveIntoPlace(aside, target);
      AsideFile.forceFolder(target.toAbsolutePath().getParent());
    } catch (IOException e) {
      throw new ModelIoException(
          target + " could not be written: " + AsideFile.describe(e) + ".", e);
    } finally {
      deleteTree(aside);
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
    deleteTree(old);
  }

  private static void deleteTree(Path folder) {
    if (!Files.exists(folder)) {
      return;
    }
    try (Stream<Path> tree = Files.walk(folder)) {
      List<Path> deepestFirst = tree.sorted(Comparator.reverseOrder()).toList();
      for (Path path : deepestFirst) {
        Files.deleteIfExists(path);
      }
    } catch (IOException _) {
      // A left-over temporary folder is no reason to hide how the write itself ended.
    }
  }
}
