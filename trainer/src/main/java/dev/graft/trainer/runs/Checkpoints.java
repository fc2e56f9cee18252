package dev.graft.trainer.runs;

import dev.graft.modelio.AsideFolder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.Consumer;
import java.util.regex.Pattern;

/**
 * The checkpoints of a run, each a folder {@code step-000050} that is there whole or not at all,
 * with a {@link Manifest} of checksums.
 *
 * @param folder that holds them; it need not exist
 */
public record Checkpoints(Path folder) {

  private static final Pattern NAME = Pattern.compile("step-\\d{6,}");
  private static final String DAMAGED = ".damaged";

  /** Where the checkpoint after so many steps is: {@code step-000050}. */
  public Path of(int step) {
    return folder.resolve("step-%06d".formatted(step));
  }

  /** The step that a checkpoint was written after. */
  public static int stepOf(Path checkpoint) {
    return Integer.parseInt(checkpoint.getFileName().toString().substring("step-".length()));
  }

  /** Finished checkpoints, oldest first. */
  public List<Path> all() throws IOException {
    if (!Files.isDirectory(folder)) {
      return List.of();
    }
    try (var paths = Files.list(folder)) {
      return paths
          .filter(path -> NAME.matcher(path.getFileName().toString()).matches())
          .sorted(Comparator.comparingInt(Checkpoints::stepOf))
          .toList();
    }
  }

  /** Whether there are checkpoints that were put aside, since they are damaged. */
  public boolean hasDamaged() throws IOException {
    if (!Files.isDirectory(folder)) {
      return false;
    }
    try (var paths = Files.list(folder)) {
      return paths.anyMatch(path -> path.getFileName().toString().endsWith(DAMAGED));
    }
  }

  /**
   * Writes a checkpoint, whole or not at all.
   *
   * @param content fills the folder; the manifest is added
   */
  public Path save(int step, AsideFolder.Content content) throws IOException {
    Files.createDirectories(folder);
    Path target = of(step);
    AsideFolder.write(
        target,
        true,
        aside -> {
          content.writeTo(aside);
          Manifest.writeInto(aside);
        });
    return target;
  }

  /** Deletes all but the newest ones and the best. */
  public void prune(int keep, OptionalInt best) throws IOException {
    List<Path> all = all();
    for (Path old : all.subList(0, Math.max(0, all.size() - keep))) {
      if (best.isEmpty() || stepOf(old) != best.getAsInt()) {
        AsideFolder.deleteTree(old);
      }
    }
  }

  /**
   * The newest checkpoint whose files are as they were written. Damaged ones that are newer are put
   * aside, as {@code step-000050.damaged}.
   *
   * @param warn is told of each that is damaged
   */
  public Optional<Path> newestIntact(Consumer<String> warn) throws IOException {
    for (Path checkpoint : all().reversed()) {
      Optional<String> damage = Manifest.damageOf(checkpoint);
      if (damage.isEmpty()) {
        return Optional.of(checkpoint);
      }
      warn.accept("%s is damaged: %s".formatted(checkpoint, damage.get()));
      Path aside = checkpoint.resolveSibling(checkpoint.getFileName() + DAMAGED);
      AsideFolder.deleteTree(aside);
      Files.move(checkpoint, aside, StandardCopyOption.ATOMIC_MOVE);
    }
    return Optional.empty();
  }
}
