package dev.graft.trainer.kernels.cuda;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What a simulated kernel can do, and which mistakes it can't get away with. */
@Tag("simulator")
class CudaSimulatorKernelsTest {

  private SimulatedCuda cuda;

  @BeforeEach
  void begin() {
    cuda = new SimulatedCuda();
  }

  @AfterEach
  void end() {
    cuda.close();
  }

  private void runs(String source, int block, int shared, Object... parameters) {
    assertThat(cuda.run(source, block, shared, parameters)).isZero();
  }

  private static float[] sequence(int n) {
    float[] values = new float[n];
    for (int i = 0; i < n; i++) {
      values[i] = i;
    }
    return values;
  }

  @Test
  void everyThreadOfEveryBlockRuns() {
    int n = 1000;
    long x = cuda.upload(sequence(n));
    long y = cuda.upload(new float[n]);
    var kernel =
        cuda.kernel(
            cuda.module(
                """
                extern "C" __global__ void axpy(int n, float a, const float* x, float* y) {
                  int i = blockIdx.x * blockDim.x + threadIdx.x;
                  if (i < n) y[i] = fmaf(a, x[i], y[i]) + gridDim.x;
                }
                """),
            "axpy");
    assertThat(cuda.launch(kernel, 8, 128, 0, n, 2f, x, y)).isZero();
    float[] actual = cuda.floats(y, n);
    for (int i = 0; i < n; i++) {
      assertThat(actual[i]).isEqualTo(2 * i + 8);
    }
  }

  @ParameterizedTest
  @CsvSource({"32", "96", "256", "1024"})
  void aBlockAddsUp(int threads) {
    long sums = cuda.upload(new float[threads]);
    runs(
        """
        extern "C" __global__ void k(float* sums) {
          __shared__ float perWarp[32];
          sums[threadIdx.x] = blockSum(float(threadIdx.x), perWarp);
        }
        """,
        threads,
        0,
        sums);
    assertThat(cuda.floats(sums, threads)).containsOnly(threads * (threads - 1) / 2f);
  }

  /** Each thread gives its neighbour a value, with a barrier and without. */
  @ParameterizedTest
  @CsvSource({"__syncthreads(), true", "(void)0, false"})
  void aMissingBarrierIsSeen(String barrier, boolean right) {
    String source =
        """
        extern "C" __global__ void k(float* out) {
          __shared__ float shared[256];
          shared[threadIdx.x] = threadIdx.x;
          %s;
          out[threadIdx.x] = shared[(threadIdx.x + 32) %% 256];
        }
        """
            .formatted(barrier);
    for (int seed = 1; seed <= 5; seed++) {
      cuda.simulator().set("seed", seed);
      long out = cuda.allocate(4 * 256);
      runs(source, 256, 0, out);
      float[] actual = cuda.floats(out, 256);
      boolean all = true;
      for (int i = 0; i < 256; i++) {
        all &= actual[i] == (i + 32) % 256;
      }
      assertThat(all).as("seed %d", seed).isEqualTo(right);
    }
  }

  @Test
  void lanesShuffleAsInCuda() {
    long out = cuda.allocate(4 * 32 * 6);
    runs(
        """
        extern "C" __global__ void k(int* out) {
          int lane = threadIdx.x;
          out[lane] = __shfl_sync(ALL_LANES, lane, lane + 5, 8);
          out[32 + lane] = __shfl_up_sync(ALL_LANES, lane, 3, 16);
          out[64 + lane] = __shfl_down_sync(ALL_LANES, lane, 3, 16);
          out[96 + lane] = __shfl_xor_sync(ALL_LANES, lane, 9);
          out[128 + lane] = int(__ballot_sync(ALL_LANES, lane % 3 == 0));
          out[160 + lane] = lane < 16 ? int(__shfl_xor_sync(0xffffu, 100.0 + lane, 1)) : -1;
        }
        """,
        32, 0, out);
    int[] actual = cuda.ints(out, 32 * 6);
    for (int lane = 0; lane < 32; lane++) {
      int half = lane % 16;
      assertThat(actual[lane]).isEqualTo(lane / 8 * 8 + (lane + 5) % 8);
      assertThat(actual[32 + lane]).isEqualTo(half < 3 ? lane : lane - 3);
      assertThat(actual[64 + lane]).isEqualTo(half + 3 > 15 ? lane : lane + 3);
      assertThat(actual[96 + lane]).isEqualTo(lane ^ 9);
      assertThat(actual[128 + lane]).isEqualTo(0b01001001001001001001001001001001);
      assertThat(actual[160 + lane]).isEqualTo(lane < 16 ? 100 + (lane ^ 1) : -1);
    }
  }

  @Test
  void atomicsLoseNothing() {
    long counts = cuda.upload(new float[2]);
    var kernel =
        cuda.kernel(
            cuda.module(
                """
                extern "C" __global__ void add(float* sum, int* last) {
                  atomicAdd(sum, 1.5f);
                  atomicMax(last, int(blockIdx.x * blockDim.x + threadIdx.x));
                }
                """),
            "add");
    assertThat(cuda.launch(kernel, 10, 64, 0, counts, counts + 4)).isZero();
    assertThat(cuda.floats(counts, 1)[0]).isEqualTo(960);
    assertThat(cuda.ints(counts + 4, 1)[0]).isEqualTo(639);
  }

  // ---- tensor cores ----

  /** By the fragments of the PTX ISA, which the kernel loads element by element. */
  @Test
  void aWarpMultiplies() {
    Random random = new Random(1);
    short[] a = bf16(random, 16 * 16);
    short[] b = bf16(random, 16 * 8);
    long d = cuda.allocate(4 * 16 * 8);
    runs(
        """
        // a by rows, b by columns
        extern "C" __global__ void k(const uint32* a, const uint32* b, float* d) {
          int g = threadIdx.x / 4, t = threadIdx.x % 4;
          uint32 fa[4] = {a[8 * g + t], a[8 * (g + 8) + t], a[8 * g + t + 4], a[8 * (g + 8) + t + 4]};
          uint32 fb[2] = {b[8 * g + t], b[8 * g + t + 4]};
          float sums[4] = {1, 1, 1, 1};
          mma16816(sums, fa, fb);
          d[8 * g + 2 * t] = sums[0];
          d[8 * g + 2 * t + 1] = sums[1];
          d[8 * (g + 8) + 2 * t] = sums[2];
          d[8 * (g + 8) + 2 * t + 1] = sums[3];
        }
        """,
        32, 0, cuda.upload(a), cuda.upload(b), d);
    float[] actual = cuda.floats(d, 16 * 8);
    for (int row = 0; row < 16; row++) {
      for (int column = 0; column < 8; column++) {
        double sum = 1;
        for (int k = 0; k < 16; k++) {
          sum += (double) value(a[16 * row + k]) * value(b[16 * column + k]);
        }
        assertThat((double) actual[8 * row + column]).isCloseTo(sum, within(1e-5));
      }
    }
  }

  private static short[] bf16(Random random, int n) {
    short[] values = new short[n];
    for (int i = 0; i < n; i++) {
      values[i] = (short) (Float.floatToRawIntBits(random.nextFloat(-1, 1)) >>> 16);
    }
    return values;
  }

  private static float value(short bf16) {
    return Float.intBitsToFloat(bf16 << 16);
  }

  @ParameterizedTest
  @CsvSource({"loadMatrices, false", "loadMatricesTransposed, true"})
  void aWarpLoadsMatrices(String load, boolean transposed) {
    short[] elements = new short[4 * 64];
    for (int i = 0; i < elements.length; i++) {
      elements[i] = (short) i;
    }
    long out = cuda.allocate(4 * 4 * 32);
    runs(
        """
        extern "C" __global__ void k(const uint16* matrices, uint32* out) {
          __shared__ __align__(16) uint16 shared[4 * 64];
          for (int i = threadIdx.x; i < 4 * 64; i += WARP) shared[i] = matrices[i];
          __syncthreads();
          uint32 r[4];
          %s(r, shared + 8 * threadIdx.x);
          for (int j = 0; j < 4; j++) out[32 * j + threadIdx.x] = r[j];
        }
        """
            .formatted(load),
        32,
        0,
        cuda.upload(elements),
        out);
    int[] actual = cuda.ints(out, 4 * 32);
    for (int matrix = 0; matrix < 4; matrix++) {
      for (int lane = 0; lane < 32; lane++) {
        int i = lane / 4;
        int j = 2 * (lane % 4);
        int low = 64 * matrix + (transposed ? 8 * j + i : 8 * i + j);
        int high = low + (transposed ? 8 : 1);
        assertThat(actual[32 * matrix + lane]).isEqualTo(low | high << 16);
      }
    }
  }

  /** Two groups of copies, of which the first, or both, or none are awaited. */
  @ParameterizedTest
  @CsvSource({
    "awaitCopies<0>(), true, true",
    "awaitCopies<1>(), true, false",
    "(void)0, false, false"
  })
  void copiesAreSeenOnceTheyAreAwaited(String await, boolean first, boolean second) {
    long out = cuda.allocate(4 * 12);
    runs(
        """
        extern "C" __global__ void k(const float* in, float* out) {
          __shared__ __align__(16) float shared[12];
          copyAsync16(shared, in, true);
          commitCopies();
          copyAsync16(shared + 4, in + 4, true);
          copyAsync16(shared + 8, in, false);
          commitCopies();
          %s;
          for (int i = 0; i < 12; i++) out[i] = shared[i];
        }
        """
            .formatted(await),
        1,
        0,
        cuda.upload(sequence(8)),
        out);
    float[] expected = sequence(12);
    Arrays.fill(expected, 8, 12, 0);
    if (!second) {
      Arrays.fill(expected, 4, 12, Float.NaN);
    }
    if (!first) {
      Arrays.fill(expected, 0, 4, Float.NaN);
    }
    assertThat(cuda.floats(out, 12)).isEqualTo(expected);
  }

  // ---- numbers ----

  @Test
  void halvesConvertAsInJava() {
    long floats = cuda.allocate(4 << 16);
    long back = cuda.allocate(2 << 16);
    var kernel =
        cuda.kernel(
            cuda.module(
                """
                extern "C" __global__ void convert(float* floats, uint16* back) {
                  int i = blockIdx.x * blockDim.x + threadIdx.x;
                  floats[i] = toFloat(f16{uint16(i)});
                  // between two of them, and now and then right in the middle
                  back[i] = roundToF16(floats[i] * (1 + (i % 5) / 8192.0f));
                }
                """),
            "convert");
    assertThat(cuda.launch(kernel, 256, 256, 0, floats, back)).isZero();
    float[] values = cuda.floats(floats, 1 << 16);
    short[] rounded = cuda.shorts(back, 1 << 16);
    for (int i = 0; i < 1 << 16; i++) {
      float expected = Float.float16ToFloat((short) i);
      assertThat(Float.compare(values[i], expected)).isZero();
      if (!Float.isNaN(expected)) {
        short half = Float.floatToFloat16(expected * (1 + (i % 5) / 8192.0f));
        assertThat(rounded[i]).as("of %s", expected).isEqualTo(half);
      }
    }
  }

  @ParameterizedTest
  @CsvSource({
    "3f800000, 3f80", // 1
    "3f808000, 3f80", // in the middle: to even
    "3f818000, 3f82",
    "3f808001, 3f81",
    "7f7fffff, 7f80", // beyond the largest
    "ff800000, ff80",
    "7f800001, 7fff", // NaN
    "80000001, 8000",
  })
  void floatsRoundToBfloat16(String given, String expected) {
    long out = cuda.allocate(8);
    runs(
        """
        extern "C" __global__ void k(uint32 bits, uint32* out) {
          float x = __uint_as_float(bits);
          out[0] = roundToBf16(x);
          out[1] = packBf16(x, 2);
        }
        """,
        1,
        0,
        Integer.parseUnsignedInt(given, 16),
        out);
    int bits = Integer.parseInt(expected, 16);
    assertThat(cuda.ints(out, 2)).containsExactly(bits, bits | 0x4000 << 16);
  }

  // ---- mistakes ----

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "719 | if (threadIdx.x < 5) __syncthreads();",
        "719 | if (threadIdx.x < 5) __shfl_sync(ALL_LANES, 1, 0);",
        "719 | if (threadIdx.x < 5) __syncwarp(); else __syncthreads();",
        "719 | if (threadIdx.x < 16) __syncwarp(); else __ballot_sync(ALL_LANES, 1);",
        "719 | __shfl_sync(1u, 1, 0);",
        "719 | if (threadIdx.x == 3) __trap();",
        "716 | *reinterpret_cast<float2*>(out + 1) = make_float2(1, 2);",
        "700 | out[64] = 1;",
        "700 | out[0] = out[-1];",
        "700 | out[0] = out[1ll << 40];",
        "700 | DYNAMIC_SHARED(float, shared); shared[threadIdx.x + 1] = 1;",
        "716 | __shared__ float shared[4]; shared[threadIdx.x] = 1; out[0] = shared[0];",
        "716 | __shared__ __align__(16) float s[64]; copyAsync16(s, out + 1, true);",
        "716 | __shared__ __align__(16) float s[64]; copyAsync16(s + 2, out, true);",
        "700 | __shared__ __align__(16) float s[64]; copyAsync16(s, out + 64, true);",
        "700 | __shared__ __align__(16) float s[64]; copyAsync16(out, out, true);",
        "700 | DYNAMIC_SHARED(uint8, s); uint32 r[4]; loadMatrices(r, s + 16 * threadIdx.x);",
        "719 | volatile char large[300000]; large[threadIdx.x] = 1;",
      })
  void mistakesEndTheLaunch(int code, String body) {
    long out = cuda.allocate(256);
    String source = "extern \"C\" __global__ void k(float* out) { " + body + " }";
    assertThat(cuda.run(source, 32, 128, out)).isEqualTo(code);
    assertThat(cuda.call("cuMemAlloc_v2", cuda.arena().allocate(8), 8L)).isEqualTo(code);
  }

  @Test
  void whatWasNeverWrittenIsNaN() {
    long out = cuda.allocate(16);
    runs(
        """
        extern "C" __global__ void k(float* out) {
          __shared__ float fixed[4];
          DYNAMIC_SHARED(float, sized);
          if (gridDim.x == 2) fixed[threadIdx.x] = 1;
          out[0] = fixed[3];
          out[1] = sized[3];
        }
        """,
        1,
        16,
        out);
    assertThat(cuda.floats(out, 4)).containsOnly(Float.NaN);
  }
}
