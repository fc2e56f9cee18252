package dev.graft.trainer.kernels.cuda;

import static dev.graft.trainer.kernels.cuda.SimulatedCuda.NONE;
import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.MemorySegment;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Streams, graphs, memory and errors of the simulated driver. */
@Tag("simulator")
class CudaSimulatorDriverTest {

  private static final String KERNELS =
      """
      extern "C" __global__ void add(float* x, float a) { x[threadIdx.x] += a; }
      extern "C" __global__ void __launch_bounds__(64) narrow(float* x) {
        DYNAMIC_SHARED(float, shared);
        shared[threadIdx.x] = 1;
        x[threadIdx.x] = shared[threadIdx.x];
      }
      extern "C" __global__ void wrong(float* x) { x[1 << 20] = 1; }
      """;

  private SimulatedCuda cuda;

  @BeforeEach
  void begin() {
    cuda = new SimulatedCuda();
  }

  @AfterEach
  void end() {
    cuda.close();
  }

  private MemorySegment kernel(String name) {
    return cuda.kernel(cuda.module(KERNELS), name);
  }

  private float uploaded(MemorySegment from, float later) {
    long x = cuda.allocate(4);
    from.set(JAVA_FLOAT, 0, 1);
    cuda.ok("cuMemcpyHtoDAsync_v2", x, from, 4L, cuda.stream());
    from.set(JAVA_FLOAT, 0, later);
    return cuda.floats(x, 1)[0];
  }

  // ---- streams ----

  /** Pinned memory is read when it's copied, other memory at the call. */
  @Test
  void aBufferThatIsReusedTooEarlyIsSeen() {
    assertThat(uploaded(cuda.pinned(4), 2)).isEqualTo(2);
    assertThat(uploaded(cuda.arena().allocate(4), 2)).isEqualTo(1);
  }

  @Test
  void nothingHappensBeforeSomeoneWaits() {
    long x = cuda.upload(1, 2);
    MemorySegment down = cuda.pinned(8);
    assertThat(cuda.launch(kernel("add"), 1, 2, 0, x, 10f)).isZero();
    cuda.ok("cuMemcpyDtoHAsync_v2", down, x, 8L, cuda.stream());
    assertThat(cuda.simulator().get("launches")).isZero();
    assertThat(down.get(JAVA_FLOAT, 0)).isNaN();
    cuda.ok("cuStreamSynchronize", cuda.stream());
    assertThat(down.toArray(JAVA_FLOAT)).containsExactly(11, 12);
    assertThat(cuda.simulator().get("launches")).isEqualTo(1);
  }

  @Test
  void anEventIsReachedStepByStep() {
    long x = cuda.upload(1);
    MemorySegment before = cuda.pointer("cuEventCreate", 0);
    MemorySegment after = cuda.pointer("cuEventCreate", 0);
    MemorySegment milliseconds = cuda.arena().allocate(4);
    cuda.ok("cuEventRecord", before, cuda.stream());
    assertThat(cuda.launch(kernel("add"), 1, 1, 0, x, 1f)).isZero();
    cuda.ok("cuEventRecord", after, cuda.stream());
    assertThat(cuda.launch(kernel("add"), 1, 1, 0, x, 1f)).isZero();
    assertThat(cuda.call("cuEventElapsedTime_v2", milliseconds, before, after)).isEqualTo(600);
    int asked = 0;
    while (cuda.call("cuEventQuery", after) == 600) {
      asked++;
    }
    assertThat(asked).isEqualTo(3);
    assertThat(cuda.simulator().get("launches")).isEqualTo(1);
    cuda.ok("cuEventElapsedTime_v2", milliseconds, before, after);
    assertThat(milliseconds.get(JAVA_FLOAT, 0)).isPositive();
  }

  @Test
  void aStreamWaitsForAnother() {
    MemorySegment other = cuda.pointer("cuStreamCreate", 1);
    MemorySegment event = cuda.pointer("cuEventCreate", 2);
    long x = cuda.upload(1);
    long y = cuda.allocate(4);
    assertThat(cuda.launch(kernel("add"), 1, 1, 0, x, 1f)).isZero();
    cuda.ok("cuEventRecord", event, cuda.stream());
    assertThat(cuda.launch(kernel("add"), 1, 1, 0, x, 1f)).isZero();
    cuda.ok("cuStreamWaitEvent", other, event, 0);
    cuda.ok("cuMemcpyDtoDAsync_v2", y, x, 4L, other);
    cuda.ok("cuStreamSynchronize", other);
    assertThat(cuda.simulator().get("launches")).isEqualTo(1);
    assertThat(cuda.floats(y, 1)).containsExactly(2);
    assertThat(cuda.floats(x, 1)).containsExactly(3);
  }

  @Test
  void memoryIsFilledAndCopiedInPieces() {
    long x = cuda.upload(new float[12]);
    cuda.ok("cuMemsetD32Async", x, Float.floatToRawIntBits(2), 12L, cuda.stream());
    // the middle of three rows of 4
    cuda.ok("cuMemsetD2D8Async", x + 4, 16L, 0, 8L, 3L, cuda.stream());
    assertThat(cuda.floats(x, 12)).containsExactly(2, 0, 0, 2, 2, 0, 0, 2, 2, 0, 0, 2);
    MemorySegment copy = cuda.arena().allocate(128);
    copy.set(JAVA_INT, 16, 2); // from the device
    copy.set(JAVA_LONG, 32, x);
    copy.set(JAVA_LONG, 48, 16);
    MemorySegment to = cuda.arena().allocate(24);
    copy.set(JAVA_LONG, 0, 8); // from the third column on
    copy.set(JAVA_INT, 72, 1); // to the host
    copy.set(ADDRESS, 80, to);
    copy.set(JAVA_LONG, 104, 8);
    copy.set(JAVA_LONG, 112, 8);
    copy.set(JAVA_LONG, 120, 3);
    cuda.ok("cuMemcpy2DAsync_v2", copy, cuda.stream());
    assertThat(to.toArray(JAVA_FLOAT)).containsExactly(0, 2, 0, 2, 0, 2);
  }

  // ---- graphs ----

  @Test
  void aGraphRepeatsWhatWasCaptured() {
    long x = cuda.upload(1, 2);
    MemorySegment add = kernel("add");
    cuda.ok("cuStreamBeginCapture_v2", cuda.stream(), 0);
    assertThat(cuda.launch(add, 1, 2, 0, x, 10f)).isZero();
    cuda.ok("cuMemsetD8Async", x + 4, 0, 4L, cuda.stream());
    assertThat(cuda.launch(add, 1, 2, 0, x, 1f)).isZero();
    MemorySegment executable = endCapture();
    assertThat(cuda.floats(x, 2)).containsExactly(1, 2);
    cuda.ok("cuGraphLaunch", executable, cuda.stream());
    cuda.ok("cuGraphLaunch", executable, cuda.stream());
    assertThat(cuda.floats(x, 2)).containsExactly(23, 1);
    assertThat(cuda.simulator().get("launches")).isEqualTo(4);
    assertThat(cuda.simulator().get("graph-launches")).isEqualTo(2);
    cuda.ok("cuGraphExecDestroy", executable);
    assertThat(cuda.simulator().get("graphs")).isZero();
    assertThat(cuda.call("cuGraphLaunch", executable, cuda.stream())).isEqualTo(1);
  }

  private MemorySegment endCapture() {
    MemorySegment cell = cuda.arena().allocate(ADDRESS);
    cuda.ok("cuStreamEndCapture", cuda.stream(), cell);
    MemorySegment graph = cell.get(ADDRESS, 0);
    MemorySegment executable = cuda.pointer("cuGraphInstantiateWithFlags", graph, 0L);
    cuda.ok("cuGraphDestroy", graph);
    return executable;
  }

  @Test
  void whatAGraphNeedsMustBeThere() {
    long x = cuda.upload(1);
    cuda.ok("cuStreamBeginCapture_v2", cuda.stream(), 0);
    cuda.ok("cuMemsetD8Async", x, 0, 4L, cuda.stream());
    MemorySegment executable = endCapture();
    cuda.ok("cuMemFree_v2", x);
    cuda.ok("cuGraphLaunch", executable, cuda.stream());
    assertThat(cuda.call("cuStreamSynchronize", cuda.stream())).isEqualTo(700);
  }

  @ParameterizedTest
  @CsvSource({"cuMemAlloc_v2", "cuStreamSynchronize", "cuMemcpyDtoH_v2", "cuCtxSynchronize"})
  void whatACaptureForbidsEndsIt(String function) {
    long x = cuda.upload(1);
    MemorySegment cell = cuda.arena().allocate(8);
    cuda.ok("cuStreamBeginCapture_v2", cuda.stream(), 0);
    Object[] arguments =
        switch (function) {
          case "cuMemAlloc_v2" -> new Object[] {cell, 4L};
          case "cuStreamSynchronize" -> new Object[] {cuda.stream()};
          case "cuMemcpyDtoH_v2" -> new Object[] {cell, x, 4L};
          default -> new Object[0];
        };
    assertThat(cuda.call(function, arguments)).isEqualTo(900);
    assertThat(cuda.call("cuMemsetD8Async", x, 0, 4L, cuda.stream())).isEqualTo(901);
    cuda.ok("cuStreamIsCapturing", cuda.stream(), cell);
    assertThat(cell.get(JAVA_INT, 0)).isEqualTo(2);
    assertThat(cuda.call("cuStreamEndCapture", cuda.stream(), cell)).isEqualTo(901);
    assertThat(cell.get(ADDRESS, 0)).isEqualTo(NONE);
    assertThat(cuda.floats(x, 1)).containsExactly(1);
  }

  // ---- memory ----

  @Test
  void memoryEnds() {
    cuda.simulator().set("total-memory", 1 << 20);
    cuda.simulator().set("free-memory-taken-by-others", 1 << 18);
    long x = cuda.allocate(1 << 19);
    MemorySegment free = cuda.arena().allocate(8);
    MemorySegment total = cuda.arena().allocate(8);
    cuda.ok("cuMemGetInfo_v2", free, total);
    assertThat(free.get(JAVA_LONG, 0)).isEqualTo(1 << 18);
    assertThat(total.get(JAVA_LONG, 0)).isEqualTo(1 << 20);
    assertThat(cuda.call("cuMemAlloc_v2", free, (1L << 18) + 1)).isEqualTo(2);
    cuda.allocate(1 << 18);
    assertThat(cuda.simulator().get("live-allocations")).isEqualTo(2);
    cuda.ok("cuMemFree_v2", x);
    assertThat(cuda.call("cuMemFree_v2", x)).isEqualTo(1);
    assertThat(cuda.simulator().get("allocated")).isEqualTo(1 << 18);
    assertThat(cuda.simulator().get("peak-allocated")).isEqualTo(3 << 18);
  }

  @Test
  void copiesKeepToTheirAllocation() {
    long x = cuda.upload(1, 2);
    MemorySegment host = cuda.arena().allocate(64);
    assertThat(cuda.call("cuMemcpyDtoH_v2", host, x, 12L)).isEqualTo(1);
    assertThat(cuda.call("cuMemcpyHtoDAsync_v2", x + 8, host, 4L, cuda.stream())).isEqualTo(1);
    assertThat(cuda.call("cuMemsetD8Async", x - 1, 0, 1L, cuda.stream())).isEqualTo(1);
  }

  // ---- launches ----

  @ParameterizedTest
  @CsvSource({
    "1, 64, 1024, 0, 0",
    "0, 64, 0, 0, 1", // no blocks
    "1, 65, 1024, 0, 1", // more than the kernel's bound
    "1, 64, 49153, 0, 1", // more than 48 KiB without asking
    "1, 64, 49153, 49153, 0",
    "1, 64, 232448, 232448, 0",
    "1, 64, 232449, 232449, 1",
  })
  void aLaunchHasItsLimits(int grid, int block, int shared, int asked, int code) {
    long x = cuda.allocate(4 * 64);
    MemorySegment narrow = kernel("narrow");
    if (asked > 0) {
      assertThat(cuda.call("cuFuncSetAttribute", narrow, 8, asked))
          .isEqualTo(asked > 227 << 10 ? 1 : 0);
    }
    assertThat(cuda.launch(narrow, grid, block, shared, x)).isEqualTo(code);
    cuda.ok("cuStreamSynchronize", cuda.stream());
  }

  @Test
  void anErrorOfAKernelStays() {
    long x = cuda.upload(1);
    assertThat(cuda.launch(kernel("wrong"), 1, 1, 0, x)).isZero();
    assertThat(cuda.call("cuStreamSynchronize", cuda.stream())).isEqualTo(700);
    assertThat(cuda.call("cuMemFree_v2", x)).isEqualTo(700);
    assertThat(cuda.call("cuMemcpyDtoH_v2", cuda.arena().allocate(4), x, 4L)).isEqualTo(700);
    cuda.ok("cuDevicePrimaryCtxRelease_v2", 0);
    assertThat(cuda.simulator().get("live-allocations")).isZero();
    assertThat(cuda.call("cuMemAlloc_v2", cuda.arena().allocate(8), 4L)).isEqualTo(201);
    cuda.ok("cuCtxSetCurrent", cuda.pointer("cuDevicePrimaryCtxRetain", 0));
    cuda.allocate(4);
  }

  @Test
  void errorsCanBeAskedFor() {
    MemorySegment cell = cuda.arena().allocate(8);
    cuda.simulator().set("fail:cuMemAlloc", 999);
    assertThat(cuda.call("cuMemAlloc_v2", cell, 4L)).isEqualTo(999);
    long x = cuda.upload(1);
    cuda.simulator().set("ecc-error-at-launch", 2);
    assertThat(cuda.launch(kernel("add"), 1, 1, 0, x, 1f)).isZero();
    assertThat(cuda.floats(x, 1)).containsExactly(2);
    assertThat(cuda.launch(kernel("add"), 1, 1, 0, x, 1f)).isZero();
    assertThat(cuda.call("cuStreamSynchronize", cuda.stream())).isEqualTo(214);
    cuda.ok("cuGetErrorName", 214, cell);
    assertThat(cell.get(ADDRESS, 0).reinterpret(100).getString(0))
        .isEqualTo("CUDA_ERROR_ECC_UNCORRECTABLE");
  }

  @Test
  void aContextIsAThreadsOwn() throws InterruptedException {
    MemorySegment cell = cuda.arena().allocate(8);
    int[] code = new int[1];
    MemorySegment shared = MemorySegment.ofAddress(cell.address());
    Thread thread = new Thread(() -> code[0] = cuda.call("cuMemAlloc_v2", shared, 4L));
    thread.start();
    thread.join();
    assertThat(code[0]).isEqualTo(201);
  }

  @Test
  void withoutADeviceThereIsNothing() {
    cuda.simulator().reset();
    cuda.simulator().set("device-count", 0);
    assertThat(cuda.call("cuInit", 0)).isEqualTo(100);
    assertThat(cuda.call("cuDeviceGetCount", cuda.arena().allocate(4))).isEqualTo(3);
  }
}
