package dev.graft.trainer.kernels.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.graft.trainer.kernels.cuda.binding.CudaException;
import dev.graft.trainer.kernels.cuda.binding.LibrarySearch;
import dev.graft.trainer.kernels.cuda.binding.Nvrtc;
import dev.graft.trainer.tensor.ElementType;
import dev.graft.trainer.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is compiled, and what is kept of it. */
@Tag("simulator")
class KernelCompilerTest {

  @TempDir Path folder;
  private CudaSimulator simulator;

  @BeforeEach
  void start() {
    simulator = CudaSimulator.start();
    System.setProperty(LibrarySearch.PROPERTY, simulator.folder().toString());
    System.setProperty(CudaKernels.CACHE, folder.resolve("kernels").toString());
  }

  @AfterEach
  void leave() {
    System.clearProperty(LibrarySearch.PROPERTY);
    System.clearProperty(CudaKernels.CACHE);
  }

  private static void useACard() {
    try (CudaKernels kernels = CudaKernels.open(ElementType.F32)) {
      Tensor x = kernels.allocate(ElementType.F32, 3, 5);
      kernels.write(x, new float[] {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14});
      kernels.scale(x, 2);
      assertThat(kernels.read(x.rows(2, 1))).containsExactly(20, 22, 24, 26, 28);
    }
  }

  /** When each kept file was made; a file that is made again gets another time. */
  private Map<Path, FileTime> kept() throws IOException {
    Map<Path, FileTime> times = new TreeMap<>();
    try (Stream<Path> files = Files.list(folder.resolve("kernels"))) {
      for (Path file : files.toList()) {
        times.put(file, Files.getLastModifiedTime(file));
      }
    }
    return times;
  }

  @Test
  void theSecondStartCompilesNothing() throws IOException {
    useACard();
    Map<Path, FileTime> first = kept();
    assertThat(first).isNotEmpty();
    useACard();
    assertThat(kept()).isEqualTo(first);
  }

  /** A disk that was full once would otherwise keep a user from training for good. */
  @Test
  void aDamagedFileIsCompiledAgain() throws IOException {
    useACard();
    byte[] whole = Files.readAllBytes(kept().keySet().iterator().next());
    for (Path file : kept().keySet()) {
      Files.write(file, new byte[] {1, 2, 3, 0});
    }
    useACard();
    assertThat(kept().keySet()).allSatisfy(file -> assertThat(Files.size(file)).isGreaterThan(100));
    assertThat(Files.size(kept().keySet().iterator().next())).isEqualTo(whole.length);
  }

  @Test
  void aFolderThatCannotBeWrittenToKeepsNobodyFromComputing() throws IOException {
    Files.createFile(folder.resolve("kernels"));
    useACard();
  }

  @Test
  void whatDoesNotCompileIsToldInTheCompilersWords() {
    Nvrtc compiler = Nvrtc.open(simulator.folder().resolve("libnvrtc.so.13"));
    assertThatThrownBy(() ->
            compiler.compile(
                "bad.cu",
                "extern \"C\" __global__ void bad() { not_declared = 1; }",
                Map.of(),
                List.of("--gpu-architecture=sm_80", "--std=c++17"),
                true))
        .isInstanceOf(CudaException.class)
        .hasMessageContaining("bad.cu does not compile for this card")
        .hasMessageContaining("sm_80")
        .hasMessageContaining("not_declared");
  }
}
