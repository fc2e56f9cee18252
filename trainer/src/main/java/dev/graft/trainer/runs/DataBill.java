package dev.graft.trainer.runs;

import dev.graft.tokenizer.split.BillOfMaterials;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/**
 * The bill of materials of a run, {@code data.json}, on its way with what was made from the run:
 * who has an export can say what it was trained on.
 */
public final class DataBill {

  private DataBill() {}

  /**
   * The bill of an adapter: in its folder, or beside it, where a run's folder has it.
   *
   * @param adapter an adapter's folder, or a run's
   */
  public static Optional<Path> of(Path adapter) {
    Path folder = adapter.toAbsolutePath().normalize();
    for (Path file :
        new Path[] {
          folder.resolve(BillOfMaterials.FILE_NAME),
          folder.resolveSibling(BillOfMaterials.FILE_NAME)
        }) {
      if (Files.isRegularFile(file)) {
        return Optional.of(file);
      }
    }
    return Optional.empty();
  }

  /**
   * Puts an adapter's bill beside an export, if it has one: into an export that is a folder, and as
   * {@code NAME.data.json} beside one that is a file.
   *
   * @param adapter an adapter's folder
   * @param export a folder or a file, which exists
   * @return where the bill is now
   */
  public static Optional<Path> carry(Path adapter, Path export) throws IOException {
    Optional<Path> bill = of(adapter);
    if (bill.isEmpty()) {
      return Optional.empty();
    }
    Path target =
        Files.isDirectory(export)
            ? export.resolve(BillOfMaterials.FILE_NAME)
            : export.resolveSibling(export.getFileName() + "." + BillOfMaterials.FILE_NAME);
    if (!Files.exists(target) || !Files.isSameFile(target, bill.get())) {
      AtomicFiles.write(target.toAbsolutePath(), out -> Files.copy(bill.get(), out));
    }
    return Optional.of(target);
  }
}
