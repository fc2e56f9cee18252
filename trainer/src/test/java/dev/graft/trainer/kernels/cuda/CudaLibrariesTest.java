package dev.graft.trainer.kernels.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.graft.trainer.kernels.cuda.KernelCompiler.Architecture;
import dev.graft.trainer.kernels.cuda.binding.CudaException;
import dev.graft.trainer.kernels.cuda.binding.LibrarySearch;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is chosen of NVIDIA's libraries, by their names alone. */
class CudaLibrariesTest {

  @TempDir Path folder;

  private CudaLibraries with(String... names) throws IOException {
    for (String name : names) {
      Files.createFile(folder.resolve(name));
    }
    return CudaLibraries.find(new LibrarySearch(List.of(folder)));
  }

  @Test
  void withoutADriverItsNameIsSaid() throws IOException {
    CudaLibraries libraries = with("libcublasLt.so.13", "libnvrtc.so.13");
    assertThatThrownBy(() -> CudaDevice.open(libraries))
        .isInstanceOf(CudaException.class)
        .hasMessageContaining("libcuda.so.1 was found nowhere")
        .hasMessageContaining("device: cpu");
  }

  @Test
  void aMissingLibraryIsNamedWithThePackageThatHasIt() throws IOException {
    CudaLibraries libraries = with("libcuda.so.1", "libcublasLt.so.13");
    assertThatThrownBy(() -> libraries.check(13000))
        .isInstanceOf(CudaException.class)
        .hasMessageContaining("NVRTC is missing")
        .hasMessageContaining("libnvrtc.so.13 nor libnvrtc.so.12")
        .hasMessageContaining("pip install nvidia-cublas nvidia-cuda-nvrtc'");
    assertThatThrownBy(() -> libraries.requiredCompiler(12040))
        .hasMessageContaining("nvidia-cuda-nvrtc-cu12");
  }

  @Test
  void anOldDriverIsGivenTheOldLibrary() throws IOException {
    CudaLibraries libraries =
        with("libcublasLt.so.13", "libcublasLt.so.12", "libnvrtc.so.12", "libnvrtc.so.13");
    assertThat(libraries.requiredBlas(13000)).hasFileName("libcublasLt.so.13");
    assertThat(libraries.requiredBlas(13020)).hasFileName("libcublasLt.so.13");
    assertThat(libraries.requiredBlas(12040)).hasFileName("libcublasLt.so.12");
    assertThat(libraries.requiredCompiler(12090)).hasFileName("libnvrtc.so.12");
  }

  @Test
  void aNewDriverRunsTheOldLibrary() throws IOException {
    assertThat(with("libcublasLt.so.12").requiredBlas(13000)).hasFileName("libcublasLt.so.12");
  }

  @Test
  void aDriverThatIsTooOldIsSaidToBe() throws IOException {
    CudaLibraries libraries = with("libcublasLt.so.13");
    assertThatThrownBy(() -> libraries.requiredBlas(12040))
        .isInstanceOf(CudaException.class)
        .hasMessageContaining("the driver can do CUDA 12.4")
        .hasMessageContaining("libcublasLt.so.13 is newer")
        .hasMessageContaining("Update the driver");
  }

  @Test
  void codeIsMadeForTheNewestThatTheCardRuns() {
    var known = new TreeSet<>(List.of(75, 80, 86, 89, 90, 100));
    assertThat(Architecture.choose(known, 90)).isEqualTo(new Architecture(90, true));
    assertThat(Architecture.choose(known, 87)).isEqualTo(new Architecture(86, true));
    assertThat(Architecture.choose(known, 100).option()).isEqualTo("sm_100");
    assertThat(Architecture.choose(known, 120)).isEqualTo(new Architecture(100, false));
    assertThat(Architecture.choose(known, 120).option()).isEqualTo("compute_100");
    assertThatThrownBy(() -> Architecture.choose(new TreeSet<>(List.of(90)), 80))
        .isInstanceOf(CudaException.class)
        .hasMessageContaining("compute capability 8.0");
  }
}
