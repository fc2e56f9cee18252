package dev.graft.modelio;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Files and folders that appear whole or not at all. */
class AsideFilesTest {

  @TempDir Path folder;

  @Test
  void aFileIsReplacedAndNothingElseIsLeft() throws IOException {
    Path file = folder.resolve("a.txt");

    AsideFile.writeText(file, "eins");
    AsideFile.writeText(file, "zwei ü");

    assertThat(file).hasContent("zwei ü");
    assertThat(names()).containsExactly("a.txt");
  }

  @Test
  void aFolderIsReplacedWhole() throws IOException {
    Path target = folder.resolve("adapter");
    AsideFolder.write(target, true, aside -> Files.writeString(aside.resolve("old"), "1"));
    AsideFolder.write(
        target,
        true,
        aside -> {
          Files.createDirectory(aside.resolve("inner"));
          Files.writeString(aside.resolve("inner/new"), "2");
        });

    assertThat(target.resolve("inner/new")).hasContent("2");
    assertThat(target.resolve("old")).doesNotExist();
    assertThat(names()).containsExactly("adapter");
  }

  @Test
  void aFailedFolderLeavesTheOldOne() throws IOException {
    Path target = folder.resolve("adapter");
    AsideFolder.write(target, true, aside -> Files.writeString(aside.resolve("old"), "1"));

    assertThatThrownBy(() ->
            AsideFolder.write(
                target,
                true,
                aside -> {
                  Files.writeString(aside.resolve("half"), "2");
                  throw new IOException("disk full");
                }))
        .isInstanceOf(ModelIoException.class)
        .hasMessageContaining("adapter could not be written: disk full");

    assertThat(target.resolve("old")).hasContent("1");
    assertThat(names()).containsExactly("adapter");
  }

  private List<String> names() throws IOException {
    try (var paths = Files.list(folder)) {
      return paths.map(path -> path.getFileName().toString()).sorted().toList();
    }
  }
}
