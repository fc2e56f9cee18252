package dev.graft.trainer.kernels.cuda;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static org.assertj.core.api.Assertions.assertThat;

import dev.graft.trainer.kernels.cuda.SimulatedCuda.Compiled;
import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@Tag("simulator")
class CudaSimulatorCompilerTest {

  private static final String ARCHITECTURE = "--gpu-architecture=sm_80";

  private SimulatedCuda cuda;

  @BeforeEach
  void begin() {
    cuda = new SimulatedCuda();
  }

  @AfterEach
  void end() {
    cuda.close();
  }

  private int load(Compiled compiled) {
    assertThat(compiled.code()).as(compiled.log()).isZero();
    return cuda.call(
        "cuModuleLoadData",
        cuda.arena().allocate(8),
        cuda.arena().allocateFrom(JAVA_BYTE, compiled.image()));
  }

  @Test
  void kernelsMayComeFromMacros() {
    MemorySegment module =
        cuda.module(
            """
            constexpr int THREADS = 64;
            template <class T>
            __device__ void fill(T* out, T value) { out[threadIdx.x] = value; }
            #define FILL(name, type) \\
              extern "C" __global__ void __launch_bounds__(THREADS, 2) name(type* __restrict__ out) { \\
                fill<type>(out, type(sizeof(type))); \\
              }
            FILL(fillFloat, float)
            FILL(fillDouble, double)
            extern "C"
            __global__
            void apart(uint8 small, double* out, uint64 large) { out[0] = small + large; }
            __global__ void notOfC(float* out) {}
            """);
    long out = cuda.allocate(64 * 8);
    MemorySegment cell = cuda.arena().allocate(8);
    assertThat(cuda.launch(cuda.kernel(module, "fillFloat"), 1, 64, 0, out)).isZero();
    assertThat(cuda.floats(out, 64)).containsOnly(4);
    assertThat(cuda.launch(cuda.kernel(module, "fillDouble"), 1, 64, 0, out)).isZero();
    assertThat(cuda.ints(out, 2)).containsExactly(0, 0x40200000);
    assertThat(cuda.launch(cuda.kernel(module, "apart"), 1, 1, 0, 3, out, 5L)).isZero();
    assertThat(cuda.ints(out, 2)).containsExactly(0, 0x40200000);
    MemorySegment name = cuda.arena().allocateFrom("notOfC");
    assertThat(cuda.call("cuModuleGetFunction", cell, module, name)).isEqualTo(500);
    cuda.ok("cuFuncGetAttribute", cell, 0, cuda.kernel(module, "fillFloat"));
    assertThat(cell.get(JAVA_INT, 0)).isEqualTo(64);
  }

  @Test
  void definitionsCount() {
    String source =
        """
        #include "prelude.cuh"
        static_assert(sizeof(act) == SIZE, "the type of activations");
        extern "C" __global__ void k(act* out) { out[0] = fromFloat<act>(1); }
        """;
    assertThat(cuda.compile(source, ARCHITECTURE, "-DSIZE=4").code()).isZero();
    assertThat(cuda.compile(source, ARCHITECTURE, "-DACT_BF16", "-D", "SIZE=2").code()).isZero();
    Compiled wrong = cuda.compile(source, ARCHITECTURE, "-DSIZE=2");
    assertThat(wrong.code()).isEqualTo(6);
    assertThat(wrong.log()).contains("the type of activations");
  }

  @ParameterizedTest
  @CsvSource({"--gpu-architecture=sm_12", "--gpu-architecture=fast", "--unheard-of"})
  void unknownOptionsAreRefused(String option) {
    Compiled compiled = cuda.compile("", option);
    assertThat(compiled.code()).isEqualTo(5);
    assertThat(compiled.log()).contains("nvrtc: error");
  }

  @ParameterizedTest
  @CsvSource({
    "sm_80, 0",
    "sm_86, 0",
    "sm_89, 209",
    "sm_90, 209",
    "sm_75, 209", // cubins
    "compute_75, 0",
    "compute_86, 0",
    "compute_90, 209", // PTX
  })
  void codeIsForACapability(String architecture, int code) {
    cuda.simulator().set("capability-minor", 6);
    String source = "extern \"C\" __global__ void k() {}";
    assertThat(load(cuda.compile(source, "--gpu-architecture=" + architecture))).isEqualTo(code);
  }

  @Test
  void whatIsNoImageIsNotLoaded() {
    assertThat(load(new Compiled(0, "", new byte[100]))).isEqualTo(200);
  }
}
