package dev.graft.trainer.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.graft.trainer.kernels.cuda.CudaKernels;
import dev.graft.trainer.kernels.cuda.CudaSimulator;
import dev.graft.trainer.kernels.cuda.binding.LibrarySearch;
import dev.graft.trainer.train.SmallRun;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What people are told when a card, its driver or its libraries fail them. */
@Tag("simulator")
class CudaTroubleTest {

  @TempDir Path folder;
  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();
  private CudaSimulator simulator;
  private SmallRun small;

  @BeforeEach
  void start() throws IOException {
    simulator = CudaSimulator.start();
    useLibraries(simulator.folder());
    System.setProperty(CudaKernels.CACHE, simulator.folder().resolve("kernels").toString());
    small = new SmallRun(folder);
  }

  @AfterEach
  void leave() {
    System.clearProperty(LibrarySearch.PROPERTY);
    System.clearProperty(CudaKernels.CACHE);
    simulator.reset();
  }

  private static void useLibraries(Path libraries) {
    System.setProperty(LibrarySearch.PROPERTY, libraries.toString());
  }

  private int graft(String... arguments) {
    out.getBuffer().setLength(0);
    err.getBuffer().setLength(0);
    return GraftCommand.commandLine(new PrintWriter(out, true), new PrintWriter(err, true))
        .execute(arguments);
  }

  private int train(String output, String... more) throws IOException {
    List<String> arguments =
        new ArrayList<>(
            List.of("train", small.yaml(output).toString(), "--quiet", "--set", "device=cuda"));
    arguments.addAll(List.of(more));
    return graft(arguments.toArray(String[]::new));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          device-count     |     0 | The driver finds no card       | nvidia-smi
          driver-version   | 12040 | the driver can do CUDA 12.4    | Update the driver
          capability-major |     7 | graft needs 8.0                | Use device: cpu
          compute-mode     |     2 | computing is switched off      | nvidia-smi -c 0
          fail:cuInit      |   803 | CUDA_ERROR_SYSTEM_DRIVER_MISMATCH | restart after an update
          """)
  void whatKeepsACardFromComputingIsSaidWithWhatToDo(
      String key, long value, String what, String advice) throws IOException {
    simulator.set(key, value);
    assertThat(train("out")).isEqualTo(2);
    assertThat(err.toString()).startsWith("error: ").contains(what, advice);
    assertThat(small.output("out")).doesNotExist();

    simulator.set(key, value);
    assertThat(graft("doctor", "--device", "cuda")).isEqualTo(2);
    assertThat(out.toString()).contains("cannot be used", what);
  }

  @Test
  void aLibraryThatLacksAFunctionIsNamed() throws IOException {
    Path wrong = librariesWithoutCublas().resolve("libcublasLt.so.13");
    Files.copy(simulator.folder().resolve("libnvrtc.so.13"), wrong);
    assertThat(train("out")).isEqualTo(2);
    assertThat(err.toString()).contains(wrong + " has no function cublasLt");
  }

  @Test
  void aFileThatIsNoLibraryIsNamed() throws IOException {
    Path wrong = librariesWithoutCublas().resolve("libcublasLt.so.13");
    Files.writeString(wrong, "no library");
    assertThat(train("out")).isEqualTo(2);
    assertThat(err.toString()).contains(wrong + " does not load", "ldd");
  }

  private Path librariesWithoutCublas() throws IOException {
    Path libraries = Files.createDirectory(folder.resolve("libraries"));
    for (String name : List.of("libcuda.so.1", "libnvrtc.so.13")) {
      Files.createSymbolicLink(libraries.resolve(name), simulator.folder().resolve(name));
    }
    useLibraries(libraries);
    return libraries;
  }

  @Test
  void aCardThatIsTooSmallToOpenSaysSo() throws IOException {
    simulator.set("total-memory", 64L << 20);
    simulator.set("free-memory-taken-by-others", 40L << 20);
    assertThat(train("out")).isEqualTo(2);
    assertThat(err.toString())
        .startsWith("error: out of memory")
        .contains("of 64 MB free", "nvidia-smi")
        .doesNotContain("Java's heap");
  }

  /** Room for what kernels take when they are opened, and for no weights beside it. */
  @Test
  void othersThatHoldTheCardsMemoryAreMentioned() throws IOException {
    simulator.set("free-memory-taken-by-others", simulator.get("total-memory") - (60L << 20));
    assertThat(train("out")).isEqualTo(2);
    assertThat(err.toString())
        .startsWith("error: ")
        .contains("memory", "nvidia-smi")
        .doesNotContain("Java's heap");
  }

  @Test
  void aRunThatNeedsMoreThanTheCardHasIsToldWhatHelps() throws IOException {
    simulator.set("free-memory-taken-by-others", simulator.get("total-memory") - (110L << 20));
    assertThat(train("out", "--set", "training.micro-batch-tokens=16384")).isEqualTo(2);
    assertThat(err.toString())
        .startsWith("error: ")
        .contains("memory", "--set")
        .doesNotContain("Java's heap");
  }

  /** The same bits as a run that nothing happened to. */
  @Test
  void afterACardFailedTheRunGoesOnBitForBit() throws IOException {
    String[] fewSteps = {"--set", "training.max-steps=7", "--set", "checkpoint.every=3"};
    assertThat(train("whole", fewSteps)).as(err.toString()).isZero();
    long launches = simulator.get("launches");
    for (String fault : List.of("ecc-error-at-launch", "sticky-at-launch")) {
      simulator.reset();
      simulator.set(fault, launches * 3 / 4);
      assertThat(train(fault, fewSteps)).isEqualTo(2);
      assertThat(err.toString())
          .startsWith("error: CUDA: ")
          .contains("What was saved is intact", "--resume");
      assertThat(simulator.get("retained")).as("contexts that were not given back").isZero();
      assertThat(files(small.output(fault).resolve("checkpoints"))).isNotEmpty();

      simulator.reset();
      assertThat(graft("train", small.output(fault).toString(), "--resume", "--quiet"))
          .as(err.toString())
          .isZero();
      assertThat(small.output(fault).resolve("adapter/adapter_model.safetensors"))
          .hasSameBinaryContentAs(
              small.output("whole").resolve("adapter/adapter_model.safetensors"));
    }
  }

  private static List<Path> files(Path folder) throws IOException {
    try (Stream<Path> all = Files.walk(folder)) {
      return all.filter(Files::isRegularFile).toList();
    }
  }

  @Test
  void theSelftestNamesWhatBrokeTheCardAndRunsNothingAfterIt() {
    simulator.set("sticky-at-launch", 40);
    assertThat(graft("doctor", "--device", "cuda", "--selftest", "--precision", "f32"))
        .isEqualTo(2);
    assertThat(out.toString())
        .contains("self-test in float32", "CUDA_ERROR_LAUNCH_FAILED")
        .containsPattern("describe +1 +exact +PASS")
        .containsPattern("FAIL \\(1 of \\d+\\)")
        .containsPattern("attention +33 +NOT RUN")
        .contains("Please report this");
  }
}
