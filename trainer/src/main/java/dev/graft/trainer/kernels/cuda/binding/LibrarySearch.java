package dev.graft.trainer.kernels.cuda.binding;

import java.io.File;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Where NVIDIA's libraries may lie. In this order: the folders of {@code -Dgraft.cuda.path}, those
 * of {@code LD_LIBRARY_PATH}, the toolkit in {@code /usr/local}, what pip installed ({@code
 * nvidia/*}{@code /lib} and PyTorch's own folder, in the user's, the virtual and the system's
 * Python), conda, and the system's folders.
 *
 * @param folders that exist, in the order to look
 */
public record LibrarySearch(List<Path> folders) {

  /** The system property with folders of the user's own, separated as in a class path. */
  public static final String PROPERTY = "graft.cuda.path";

  private static final List<String> SYSTEM =
      List.of(
          "/usr/local/nvidia/lib64",
          "/usr/lib/x86_64-linux-gnu",
          "/usr/lib/aarch64-linux-gnu",
          "/usr/lib64",
          "/usr/lib/wsl/lib",
          "/usr/lib",
          "/usr/local/cuda/compat");

  public LibrarySearch {
    folders = List.copyOf(folders);
  }

  /** What this process's properties and environment say. */
  public static LibrarySearch ofProcess() {
    return of(System.getProperty(PROPERTY, ""), System.getenv(), Path.of("/"));
  }

  /**
   * What given properties and variables say.
   *
   * @param own folders of the user's own, which may be empty
   * @param root where {@code /usr} and {@code /opt} are
   */
  static LibrarySearch of(String own, Map<String, String> environment, Path root) {
    Set<Path> found = new LinkedHashSet<>();
    addList(own, found);
    addList(environment.getOrDefault("LD_LIBRARY_PATH", ""), found);
    addToolkits(root.resolve("usr/local"), found);
    for (String variable : List.of("VIRTUAL_ENV", "CONDA_PREFIX")) {
      String prefix = environment.get(variable);
      if (prefix != null && !prefix.isBlank()) {
        addPython(Path.of(prefix, "lib"), found);
        add(Path.of(prefix, "lib"), found);
      }
    }
    String home = environment.get("HOME");
    if (home != null && !home.isBlank()) {
      addPython(Path.of(home, ".local", "lib"), found);
    }
    for (String lib : List.of("usr/local/lib", "usr/lib", "opt/conda/lib")) {
      addPython(root.resolve(lib), found);
    }
    SYSTEM.forEach(folder -> add(root.resolve(folder.substring(1)), found));
    return new LibrarySearch(List.copyOf(found));
  }

  private static void addList(String folders, Set<Path> found) {
    for (String folder : folders.split(File.pathSeparator, -1)) {
      if (!folder.isBlank()) {
        add(Path.of(folder), found);
      }
    }
  }

  private static void addToolkits(Path parent, Set<Path> found) {
    for (Path toolkit : children(parent, "cuda*")) {
      add(toolkit.resolve("lib64"), found);
      add(toolkit.resolve("targets/x86_64-linux/lib"), found);
      add(toolkit.resolve("targets/sbsa-linux/lib"), found);
    }
  }

  /** Packages beside a Python of any version: {@code lib/python3.*}. */
  private static void addPython(Path lib, Set<Path> found) {
    for (Path python : children(lib, "python3*")) {
      for (String packages : List.of("site-packages", "dist-packages")) {
        Path installed = python.resolve(packages);
        for (Path part : children(installed.resolve("nvidia"), "*")) {
          add(part.resolve("lib"), found);
        }
        add(installed.resolve("torch/lib"), found);
      }
    }
  }

  /** The folder's children in the order of their names, so that every run finds the same. */
  private static List<Path> children(Path folder, String glob) {
    List<Path> children = new ArrayList<>();
    if (Files.isDirectory(folder)) {
      try (DirectoryStream<Path> stream = Files.newDirectoryStream(folder, glob)) {
        stream.forEach(children::add);
      } catch (IOException e) {
        return List.of(); // not ours to read: then nothing of ours is in there
      }
    }
    children.sort(null);
    return children;
  }

  private static void add(Path folder, Set<Path> found) {
    if (Files.isDirectory(folder)) {
      found.add(folder.toAbsolutePath().normalize());
    }
  }

  /**
   * The first file of one of these names, the names' order counting before the folders'.
   *
   * @param names file names such as {@code libnvrtc.so.13}, the preferred first
   */
  public Optional<Path> find(List<String> names) {
    for (String name : names) {
      for (Path folder : folders) {
        Path file = folder.resolve(name);
        if (Files.isRegularFile(file)) {
          return Optional.of(file);
        }
      }
    }
    return Optional.empty();
  }
}
