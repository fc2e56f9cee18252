package dev.graft.trainer.runs;

import dev.graft.modelio.AsideFile;
import dev.graft.modelio.AsideFolder;
import dev.graft.trainer.config.UserException;
import java.io.IOException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.regex.Pattern;

/**
 * A run's folder: {@code config.yaml}, {@code data.json}, {@code run.json}, {@code metrics.jsonl},
 * {@code checkpoints/step-000050/}, {@code adapter/} or {@code model/}, {@code report.html}.
 *
 * <p>{@link #create} refuses a folder that holds a run. With {@code overwrite} the old run's files,
 * and no others, are moved aside; {@link #begun} deletes them once the new run is under way, and
 * {@link #close} puts them back where it never was. So a run that fails on its first step leaves
 * everything as it found it.
 */
public final class RunFolder implements AutoCloseable {

  /** What graft writes, relative to the folder; anything else in there is somebody else's. */
  private static final Pattern OWN =
      Pattern.compile(
          "(config\\.yaml|data\\.json|run\\.json|metrics\\.jsonl|samples\\.jsonl|report\\.html"
              + "|adapter/(adapter_config\\.json|adapter_model\\.safetensors|chat_template\\.jinja|README\\.md)"
              + "|model/[^/]+|checkpoints/step-\\d+(\\.damaged)?/.*"
              + "|tensorboard/events\\.out\\.tfevents\\.[^/]+"
              + "|(adapter|model|checkpoints/step-\\d+)\\.tmp-[^/]+/.*|[^/]+\\.tmp-[^/]+)");

  private static final Pattern OWN_FOLDER =
      Pattern.compile("(adapter|model|checkpoints|tensorboard|.*\\.tmp-[^/]+)(/.*)?");

  private static final String REPLACED = ".replaced-run";

  /** In a folder {@code model} that is a run's result, since a base might well have that name. */
  private static final String MODEL_MARK = ".graft-result";

  private final Path root;
  private final boolean isNew;
  private boolean begun;

  private RunFolder(Path root, boolean isNew) {
    this.root = root;
    this.isNew = isNew;
  }

  /**
   * Refuses what {@link #create} would refuse, and writes nothing: to be asked before the hours of
   * reading data and models.
   */
  public static void check(Path output, boolean overwrite) {
    if (Files.exists(output) && !Files.isDirectory(output)) {
      throw new UserException(output + ": is a file, a folder is needed for the run's output");
    }
    if (MetricsWriter.isBeingWritten(output.resolve("metrics.jsonl"))) {
      throw new UserException(
          output + ": another run is writing to it; wait for it, or choose another output");
    }
    if (!overwrite && holdsRun(output)) {
      throw new UserException(
          output
              + ": already holds a run; go on with it by --resume, replace it by --overwrite, or"
              + " give another folder with --set output=…");
    }
    Path existing = existingAncestor(output);
    if (!Files.isDirectory(existing) || !Files.isWritable(existing)) {
      throw new UserException(
          "%s: cannot be made: %s is not a folder that one may write to"
              .formatted(output, existing));
    }
  }

  /** Refuses a run that writes a model where something else has that name. */
  public static void checkModel(Path output) {
    Path model = output.resolve("model");
    if (Files.exists(model) && !isResult(model)) {
      throw new UserException(
          "%s: the trained model would go there, but that is not a run's; choose another output"
              .formatted(model));
    }
  }

  /** Says of the folder of a model that it is a run's result. */
  public static void markModel(Path model) {
    AsideFile.writeText(
        model.resolve(MODEL_MARK), "Written by graft train, which may replace this folder.\n");
  }

  private static boolean isResult(Path model) {
    return Files.isRegularFile(model.resolve(MODEL_MARK));
  }

  /** Makes the folder, after {@link #check}. */
  public static RunFolder create(Path output, boolean overwrite) {
    check(output, overwrite);
    boolean isNew = !Files.exists(output);
    var folder = new RunFolder(output, isNew);
    try {
      Files.createDirectories(output);
      folder.deleteUnfinished();
      folder.moveAside();
      return folder;
    } catch (IOException e) {
      throw new UserException("%s: cannot be written: %s".formatted(output, e), e);
    }
  }

  /**
   * The folder of a run that is to go on. What a crash left half done is put right: a run that was
   * to replace another and never was under way gives its place back, and files that were being
   * written are deleted.
   */
  public static RunFolder reopen(Path output) {
    check(output, true);
    var folder = new RunFolder(output, false);
    try {
      folder.deleteUnfinished();
      if (Files.isDirectory(output.resolve(REPLACED))) {
        folder.moveAside();
        folder.putBack();
      }
      folder.begun = true;
      return folder;
    } catch (IOException e) {
      throw new UserException("%s: cannot be written: %s".formatted(output, e), e);
    }
  }

  /** A run's folder to look into: where its files are, whether they exist or not. */
  public static RunFolder of(Path root) {
    var folder = new RunFolder(root, false);
    folder.begun = true;
    return folder;
  }

  /** The folder itself. */
  public Path root() {
    return root;
  }

  public Path config() {
    return root.resolve("config.yaml");
  }

  /** Which files and rows the run learned from. */
  public Path materials() {
    return root.resolve("data.json");
  }

  /** What the run is and how it stands, a {@link RunRecord}. */
  public Path record() {
    return root.resolve("run.json");
  }

  public Path metrics() {
    return root.resolve("metrics.jsonl");
  }

  public Path samples() {
    return root.resolve("samples.jsonl");
  }

  public Path adapter() {
    return root.resolve("adapter");
  }

  /** The result of a full fine-tuning, a Hugging Face checkpoint. */
  public Path model() {
    return root.resolve("model");
  }

  public Path report() {
    return root.resolve("report.html");
  }

  /** The folder of TensorBoard's event files. */
  public Path tensorboard() {
    return root.resolve("tensorboard");
  }

  /** The run's checkpoints. */
  public Checkpoints checkpoints() {
    return new Checkpoints(root.resolve("checkpoints"));
  }

  /** The run is under way: the one that it replaces, if any, is deleted. */
  public void begun() throws IOException {
    if (!begun) {
      begun = true;
      Path replaced = root.resolve(REPLACED);
      if (Files.isDirectory(replaced)) {
        // Away in one move: half of it left by a crash must not look like a run to put back.
        Path leftover = AsideFile.nameBeside(replaced);
        Files.move(replaced, leftover, StandardCopyOption.ATOMIC_MOVE);
        AsideFolder.deleteTree(leftover);
      }
    }
  }

  /** Where the run never was under way, removes what it wrote and puts back what it replaced. */
  @Override
  public void close() throws IOException {
    if (begun) {
      return;
    }
    begun = true;
    for (Path file : ownFiles(root)) {
      Files.delete(root.resolve(file));
    }
    if (Files.isDirectory(root.resolve(REPLACED))) {
      putBack();
    }
    deleteEmptyFolders(root);
    if (isNew) {
      deleteIfEmpty(root);
    }
  }

  private void putBack() throws IOException {
    Path replaced = root.resolve(REPLACED);
    moveAll(replaced, root, ownFiles(replaced));
    AsideFolder.deleteTree(replaced);
  }

  /** What a process that was killed had begun to write, and nobody will finish. */
  private void deleteUnfinished() throws IOException {
    for (Path folder : List.of(root, root.resolve("checkpoints"))) {
      if (Files.isDirectory(folder)) {
        List<Path> unfinished;
        try (var paths = Files.list(folder)) {
          unfinished = paths.filter(RunFolder::isUnfinished).toList();
        }
        for (Path path : unfinished) {
          AsideFolder.deleteTree(path);
        }
      }
    }
  }

  private static boolean isUnfinished(Path path) {
    String name = path.getFileName().toString();
    return name.matches(
        "(config\\.yaml|data\\.json|run\\.json|samples\\.jsonl|report\\.html|adapter|model|step-\\d+|"
            + Pattern.quote(REPLACED)
            + ")"
            + Pattern.quote(AsideFile.UNFINISHED)
            + ".*");
  }

  private void moveAside() throws IOException {
    // A crash may have left an older run aside: it stays the one to put back, and what is in place
    // of its files belongs to a run that never was under way.
    moveAll(root, root.resolve(REPLACED), ownFiles(root));
    deleteEmptyFolders(root);
  }

  private static void moveAll(Path from, Path to, List<Path> files) throws IOException {
    for (Path file : files) {
      Path target = to.resolve(file);
      if (Files.exists(target)) {
        Files.delete(from.resolve(file));
      } else {
        Files.createDirectories(target.getParent());
        Files.move(from.resolve(file), target, StandardCopyOption.ATOMIC_MOVE);
      }
    }
  }

  /** Whether a folder holds a run, or what is left of one. */
  public static boolean holdsRun(Path output) {
    try {
      return Files.isDirectory(output)
          && (!ownFiles(output).isEmpty() || Files.exists(output.resolve(REPLACED)));
    } catch (IOException e) {
      throw new UserException("%s: cannot be read: %s".formatted(output, e), e);
    }
  }

  /** Files that graft wrote, relative to the root. */
  private static List<Path> ownFiles(Path root) throws IOException {
    var own = new ArrayList<Path>();
    boolean hasModel = isResult(root.resolve("model"));
    for (String place : List.of("", "adapter", "model", "checkpoints")) {
      Path folder = root.resolve(place);
      if (Files.isDirectory(folder) && (hasModel || !place.equals("model"))) {
        try (var paths = Files.walk(folder, place.equals("checkpoints") ? 8 : 2)) {
          paths
              .filter(path -> !Files.isDirectory(path))
              .map(root::relativize)
              .filter(path -> OWN.matcher(path.toString().replace('\\', '/')).matches())
              .filter(path -> hasModel || !path.startsWith("model"))
              .filter(path -> !own.contains(path))
              .forEach(own::add);
        }
      }
    }
    return own;
  }

  /** Folders of graft's that moving has emptied. */
  private static void deleteEmptyFolders(Path root) throws IOException {
    List<Path> folders;
    try (var paths = Files.walk(root, 4)) {
      folders =
          paths
              .filter(Files::isDirectory)
              .filter(path -> OWN_FOLDER.matcher(root.relativize(path).toString()).matches())
              .sorted(Comparator.reverseOrder())
              .toList();
    }
    for (Path folder : folders) {
      deleteIfEmpty(folder);
    }
  }

  private static void deleteIfEmpty(Path folder) throws IOException {
    try {
      Files.delete(folder);
    } catch (DirectoryNotEmptyException | NoSuchFileException e) {
      // Somebody else's files are in there, or it is gone: either is fine.
    }
  }

  private static Path existingAncestor(Path output) {
    Path path = output.toAbsolutePath().normalize();
    while (!Files.exists(path) && path.getParent() != null) {
      path = path.getParent();
    }
    return path;
  }
}
