package dev.graft.trainer.runs;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DataBillTest {

  @TempDir Path folder;

  @Test
  void goesAlongWithFoldersAndFiles() throws IOException {
    Path adapter = Files.createDirectories(folder.resolve("run/adapter"));
    Files.writeString(folder.resolve("run/data.json"), "{\"version\":1}\n");
    Path merged = Files.createDirectory(folder.resolve("merged"));
    Path gguf = Files.writeString(folder.resolve("model.gguf"), "GGUF");

    assertThat(DataBill.carry(adapter, merged)).contains(merged.resolve("data.json"));
    assertThat(DataBill.carry(adapter, gguf)).contains(folder.resolve("model.gguf.data.json"));
    assertThat(merged.resolve("data.json")).hasContent("{\"version\":1}");
    assertThat(folder.resolve("model.gguf.data.json")).hasContent("{\"version\":1}");
    // An export can be exported again, and into its own folder.
    assertThat(DataBill.of(merged)).contains(merged.resolve("data.json"));
    assertThat(DataBill.carry(merged, merged)).contains(merged.resolve("data.json"));
    assertThat(merged.resolve("data.json")).hasContent("{\"version\":1}");
  }

  @Test
  void whatHasNoneGoesWithout() throws IOException {
    Path adapter = Files.createDirectories(folder.resolve("elsewhere/adapter"));
    Path export = Files.createDirectory(folder.resolve("export"));
    assertThat(DataBill.carry(adapter, export)).isEmpty();
    assertThat(export).isEmptyDirectory();
  }
}
