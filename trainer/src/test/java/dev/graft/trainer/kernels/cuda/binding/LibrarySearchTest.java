package dev.graft.trainer.kernels.cuda.binding;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LibrarySearchTest {

  @TempDir Path root;

  private Path folder(String name) throws IOException {
    return Files.createDirectories(root.resolve(name));
  }

  private List<Path> search(String own, Map<String, String> environment) {
    return LibrarySearch.of(own, environment, root).folders();
  }

  @Test
  void aBareMachineHasNone() {
    assertThat(search("", Map.of())).isEmpty();
    assertThat(search("nowhere" + File.pathSeparator, Map.of("HOME", "", "VIRTUAL_ENV", " ")))
        .isEmpty();
  }

  @Test
  void theUsersOwnFoldersComeFirstAndTheSystemsLast() throws IOException {
    Path system = folder("usr/lib/x86_64-linux-gnu");
    Path pip = folder("usr/local/lib/python3.12/dist-packages/nvidia/cublas/lib");
    Path home = folder("home/.local/lib/python3.11/site-packages/nvidia/cu13/lib");
    Path environment = folder("venv/lib/python3.13/site-packages/nvidia/cuda_nvrtc/lib");
    Path conda = folder("conda/lib");
    Path toolkit = folder("usr/local/cuda-13.0/lib64");
    Path loader = folder("loader");
    Path one = folder("one");
    Path two = folder("two");

    assertThat(
            search(
                one + File.pathSeparator + two,
                Map.of(
                    "LD_LIBRARY_PATH",
                    loader + File.pathSeparator + one,
                    "VIRTUAL_ENV",
                    root.resolve("venv").toString(),
                    "CONDA_PREFIX",
                    root.resolve("conda").toString(),
                    "HOME",
                    root.resolve("home").toString())))
        .containsSubsequence(one, two, loader, toolkit, environment, conda, home, pip, system)
        .doesNotHaveDuplicates();
  }

  @Test
  void pipPutsEachLibraryIntoAFolderOfItsOwnAndTorchAllIntoOne() throws IOException {
    Path packages = root.resolve("opt/conda/lib/python3.10/site-packages");
    Path torch = folder("opt/conda/lib/python3.10/site-packages/torch/lib");
    Path nvrtc = folder("opt/conda/lib/python3.10/site-packages/nvidia/cuda_nvrtc/lib");
    Path cublas = folder("opt/conda/lib/python3.10/site-packages/nvidia/cublas/lib");
    Files.createDirectories(packages.resolve("nvidia/cudnn/include"));

    assertThat(search("", Map.of())).containsExactly(cublas, nvrtc, torch);
  }

  @Test
  void aNewerVersionCountsMoreThanAnEarlierFolder() throws IOException {
    Path first = folder("first");
    Path second = folder("second");
    Files.createFile(first.resolve("libnvrtc.so.12"));
    Path newer = Files.createFile(second.resolve("libnvrtc.so.13"));
    Files.createDirectories(first.resolve("libnvrtc.so.13")); // no file

    var search = new LibrarySearch(List.of(first, second));
    assertThat(search.find(Nvrtc.NAMES)).contains(newer);
    assertThat(search.find(List.of("libcuda.so.1"))).isEmpty();
  }
}
