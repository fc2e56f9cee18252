package dev.graft.trainer.kernels.cuda;

import static dev.graft.trainer.kernels.cuda.SimulatedCuda.NONE;
import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.lang.foreign.MemorySegment;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The simulated cublasLt against sums in double precision. */
@Tag("simulator")
class CudaSimulatorProductsTest {

  private static final int F32 = 0;
  private static final int F16 = 2;
  private static final int BF16 = 14;

  private SimulatedCuda cuda;
  private MemorySegment handle;

  @BeforeEach
  void begin() {
    cuda = new SimulatedCuda();
    handle = cuda.pointer("cublasLtCreate");
  }

  @AfterEach
  void end() {
    cuda.ok("cublasLtDestroy", handle);
    cuda.close();
  }

  /** A matrix by columns, each of ld elements, of which the last are not the matrix's. */
  private record Matrix(int type, int rows, int columns, int ld, float[] values, long address) {

    float at(int row, int column) {
      return values[ld * column + row];
    }
  }

  private Matrix matrix(int type, int rows, int columns, int ld, Random random) {
    float[] values = new float[ld * columns];
    short[] halves = new short[ld * columns];
    for (int i = 0; i < values.length; i++) {
      float value = i % ld < rows ? random.nextFloat(-1, 1) : Float.NaN;
      halves[i] = bits(type, value);
      values[i] = type == F32 ? value : value(type, halves[i]);
    }
    long address = type == F32 ? cuda.upload(values) : cuda.upload(halves);
    return new Matrix(type, rows, columns, ld, values, address);
  }

  private static short bits(int type, float value) {
    return type == F16
        ? Float.floatToFloat16(value)
        : (short) (Float.floatToRawIntBits(value) >>> 16);
  }

  private static float value(int type, short bits) {
    return type == F16 ? Float.float16ToFloat(bits) : Float.intBitsToFloat(bits << 16);
  }

  private float[] download(Matrix matrix) {
    int size = matrix.ld * matrix.columns;
    if (matrix.type == F32) {
      return cuda.floats(matrix.address, size);
    }
    short[] halves = cuda.shorts(matrix.address, size);
    float[] values = new float[size];
    for (int i = 0; i < size; i++) {
      values[i] = value(matrix.type, halves[i]);
    }
    return values;
  }

  private MemorySegment layout(Matrix m) {
    return cuda.pointer(
        "cublasLtMatrixLayoutCreate", m.type, (long) m.rows, (long) m.columns, (long) m.ld);
  }

  private MemorySegment descriptor(int compute, boolean turnA, boolean turnB) {
    MemorySegment descriptor = cuda.pointer("cublasLtMatmulDescCreate", compute, F32);
    setInt("MatmulDesc", descriptor, 3, turnA ? 1 : 0);
    setInt("MatmulDesc", descriptor, 4, turnB ? 1 : 0);
    return descriptor;
  }

  private void setInt(String what, MemorySegment object, int attribute, int value) {
    MemorySegment cell = cuda.arena().allocate(JAVA_INT);
    cell.set(JAVA_INT, 0, value);
    cuda.ok("cublasLt" + what + "SetAttribute", object, attribute, cell, 4L);
  }

  private int multiply(
      MemorySegment descriptor, Matrix a, Matrix b, Matrix d, float alpha, float beta) {
    MemorySegment preference = cuda.pointer("cublasLtMatmulPreferenceCreate");
    MemorySegment bytes = cuda.arena().allocate(JAVA_LONG);
    bytes.set(JAVA_LONG, 0, 1 << 20);
    cuda.ok("cublasLtMatmulPreferenceSetAttribute", preference, 1, bytes, 8L);
    for (int attribute = 5; attribute <= 8; attribute++) {
      setInt("MatmulPreference", preference, attribute, 16);
    }
    MemorySegment result = cuda.arena().allocate(96, 8);
    MemorySegment found = cuda.arena().allocate(JAVA_INT);
    MemorySegment la = layout(a);
    MemorySegment lb = layout(b);
    MemorySegment ld = layout(d);
    int code =
        cuda.call(
            "cublasLtMatmulAlgoGetHeuristic",
            handle,
            descriptor,
            la,
            lb,
            ld,
            ld,
            preference,
            1,
            result,
            found);
    if (code != 0) {
      return code;
    }
    long size = result.get(JAVA_LONG, 64);
    MemorySegment workspace = MemorySegment.ofAddress(cuda.allocate(size));
    MemorySegment scales = cuda.arena().allocateFrom(JAVA_FLOAT, alpha, beta);
    MemorySegment to = MemorySegment.ofAddress(d.address);
    return cuda.call(
        "cublasLtMatmul",
        handle,
        descriptor,
        scales,
        MemorySegment.ofAddress(a.address),
        la,
        MemorySegment.ofAddress(b.address),
        lb,
        scales.asSlice(4),
        to,
        ld,
        to,
        ld,
        result,
        workspace,
        size,
        cuda.stream());
  }

  @ParameterizedTest
  @CsvSource({
    // m, n, k, a and b turned, type of a and b, of d, alpha, beta
    "1, 1, 1, false, false, 0, 0, 1, 0",
    "7, 31, 207, false, false, 0, 0, 1, 0",
    "31, 7, 33, true, false, 0, 0, 2, 1",
    "17, 5, 64, false, true, 0, 0, 1, -1",
    "207, 3, 31, true, true, 0, 0, 0.5, 0.25",
    "33, 19, 65, false, false, 14, 14, 1, 0",
    "33, 19, 65, true, false, 14, 14, 1, 1",
    "33, 19, 65, false, true, 14, 0, 2, 0.5",
    "33, 19, 65, true, true, 14, 0, 1, 0",
    "9, 10, 11, true, false, 2, 2, 1, 1",
    "9, 10, 11, false, true, 2, 0, 1, 0",
  })
  void productsAreSums(
      int m,
      int n,
      int k,
      boolean turnA,
      boolean turnB,
      int from,
      int to,
      float alpha,
      float beta) {
    Random random = new Random(7);
    Matrix a = turnA ? matrix(from, k, m, k + 3, random) : matrix(from, m, k, m + 3, random);
    Matrix b = turnB ? matrix(from, n, k, n, random) : matrix(from, k, n, k, random);
    Matrix d = matrix(to, m, n, m + 1, random);
    assertThat(multiply(descriptor(68, turnA, turnB), a, b, d, alpha, beta)).isZero();
    float[] actual = download(d);
    double epsilon = to == F32 ? 0 : to == F16 ? 0x1p-11 : 0x1p-8;
    for (int column = 0; column < n; column++) {
      for (int row = 0; row < m; row++) {
        double sum = 0;
        for (int i = 0; i < k; i++) {
          sum +=
              (double) (turnA ? a.at(i, row) : a.at(row, i))
                  * (turnB ? b.at(column, i) : b.at(i, column));
        }
        double expected = alpha * sum + beta * d.at(row, column);
        assertThat((double) actual[d.ld * column + row])
            .isCloseTo(expected, within(1e-5 + epsilon * Math.abs(expected)));
      }
      assertThat(actual[d.ld * column + m]).as("beyond the rows").isNaN();
    }
  }

  /** Where beta is 0, what was in d doesn't matter. */
  @Test
  void betaOfZeroReadsNothing() {
    Random random = new Random(1);
    Matrix a = matrix(F32, 4, 4, 4, random);
    Matrix d = new Matrix(F32, 4, 4, 4, new float[16], cuda.allocate(64));
    assertThat(multiply(descriptor(68, false, false), a, a, d, 1, 0)).isZero();
    assertThat(download(d)).doesNotContain(Float.NaN);
  }

  @Test
  void aProductIsCaptured() {
    Matrix one = new Matrix(F32, 1, 1, 1, new float[] {3}, cuda.upload(3));
    Matrix d = new Matrix(F32, 1, 1, 1, new float[] {1}, cuda.upload(1));
    cuda.ok("cuStreamBeginCapture_v2", cuda.stream(), 2);
    assertThat(multiply(descriptor(68, false, false), one, one, d, 1, 1)).isZero();
    MemorySegment cell = cuda.arena().allocate(ADDRESS);
    cuda.ok("cuStreamEndCapture", cuda.stream(), cell);
    assertThat(download(d)).containsExactly(1);
    MemorySegment graph = cuda.pointer("cuGraphInstantiateWithFlags", cell.get(ADDRESS, 0), 0L);
    cuda.ok("cuGraphLaunch", graph, cuda.stream());
    cuda.ok("cuGraphLaunch", graph, cuda.stream());
    assertThat(download(d)).containsExactly(19);
  }

  @Test
  void tf32HasTenBitsOfAFraction() {
    Matrix a = new Matrix(F32, 1, 1, 1, new float[0], cuda.upload(1 + 0x1p-10f + 0x1p-12f));
    Matrix d = new Matrix(F32, 1, 1, 1, new float[0], cuda.upload(0));
    Matrix one = new Matrix(F32, 1, 1, 1, new float[0], cuda.upload(1));
    assertThat(multiply(descriptor(77, false, false), a, one, d, 1, 0)).isZero();
    assertThat(download(d)).containsExactly(1 + 0x1p-10f);
  }

  @Test
  void mistakesAreRefused() {
    Random random = new Random(1);
    Matrix a = matrix(BF16, 8, 8, 8, random);
    Matrix b = matrix(BF16, 8, 8, 8, random);
    Matrix d = matrix(BF16, 8, 8, 8, random);
    MemorySegment plain = descriptor(68, false, false);
    Matrix other = matrix(BF16, 7, 8, 8, random);
    assertThat(multiply(plain, a, other, d, 1, 0)).as("sizes").isEqualTo(7);
    Matrix narrow = new Matrix(BF16, 8, 8, 7, a.values, a.address);
    assertThat(multiply(plain, narrow, b, d, 1, 0)).as("ld").isEqualTo(7);
    Matrix odd = new Matrix(BF16, 7, 8, 8, a.values, a.address + 2);
    Matrix small = new Matrix(BF16, 7, 8, 8, d.values, d.address);
    assertThat(multiply(plain, odd, b, small, 1, 0)).as("alignment").isEqualTo(7);
    assertThat(multiply(plain, a, matrix(F32, 8, 8, 8, random), d, 1, 0)).as("types").isEqualTo(15);
    Matrix half = matrix(F16, 8, 8, 8, random);
    assertThat(multiply(plain, half, half, d, 1, 0)).as("types").isEqualTo(15);
    Matrix beyond = new Matrix(BF16, 8, 9, 8, a.values, a.address);
    Matrix nine = matrix(BF16, 9, 8, 9, random);
    assertThat(multiply(plain, beyond, nine, d, 1, 0)).as("memory").isEqualTo(13);
    assertThat(cuda.call("cublasLtMatmulDescSetAttribute", plain, 3, NONE, 4L)).isEqualTo(7);
  }
}
