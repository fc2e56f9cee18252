package dev.graft.trainer.kernels.onednn;

import static org.assertj.core.api.Assertions.assertThat;

import dev.graft.trainer.kernels.products.ProductShape;
import dev.graft.trainer.tensor.ElementType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;
import org.junit.jupiter.api.Test;

class MatrixProductsTest {

  private static final ElementType F32 = ElementType.F32;

  private final Random random = new Random(5);

  @Test
  void multipliesWithStridesBothWaysRound() {
    int[][] sizes = {{1, 7, 31}, {7, 1, 1}, {31, 207, 16}, {207, 16, 7}, {64, 31, 207}};
    try (MatrixProducts products = new MatrixProducts();
        Arena arena = Arena.ofConfined()) {
      for (int[] s : sizes) {
        for (int form = 0; form < 8; form++) {
          check(products, arena, s[0], s[1], s[2], (form & 1) > 0, (form & 2) > 0, (form & 4) > 0);
        }
      }
    }
  }

  private void check(
      MatrixProducts products,
      Arena arena,
      int m,
      int n,
      int k,
      boolean aTransposed,
      boolean bTransposed,
      boolean accumulate) {
    int gap = 3;
    int aStride = (aTransposed ? m : k) + gap;
    int bStride = (bTransposed ? k : n) + gap;
    int cStride = n + gap;
    MemorySegment a = random(arena, aStride * (aTransposed ? k : m));
    MemorySegment b = random(arena, bStride * (bTransposed ? n : k));
    MemorySegment c = random(arena, cStride * m);
    float[] before = c.toArray(ValueLayout.JAVA_FLOAT);
    ProductShape shape =
        new ProductShape()
            .size(m, n, k)
            .a(F32, aTransposed ? 1 : aStride, aTransposed ? aStride : 1)
            .b(F32, bTransposed ? 1 : bStride, bTransposed ? bStride : 1)
            .c(F32, cStride, accumulate);
    assertThat(products.multiply(shape, a.address(), b.address(), c.address())).isTrue();
    for (int i = 0; i < m; i++) {
      for (int j = 0; j < cStride; j++) {
        double expected = before[i * cStride + j];
        if (j < n) {
          double sum = accumulate ? expected : 0;
          for (int l = 0; l < k; l++) {
            double x = at(a, aTransposed ? l * aStride + i : i * aStride + l);
            sum += x * at(b, bTransposed ? j * bStride + l : l * bStride + j);
          }
          expected = sum;
        }
        // Columns of the gap keep what they held, exactly.
        double tolerance = j < n ? 1e-6 * Math.sqrt(k) : 0;
        assertThat(Math.abs(at(c, i * cStride + j) - expected))
            .as("%s, row %d, column %d", shape, i, j)
            .isLessThanOrEqualTo(tolerance);
      }
    }
  }

  @Test
  void aShapeIsCompiledOnceAndTheCacheIsBounded() {
    try (MatrixProducts products = new MatrixProducts(2);
        Arena arena = Arena.ofConfined()) {
      MemorySegment ones = arena.allocate(4L * 64 * 64, 64);
      for (int i = 0; i < 64 * 64; i++) {
        ones.setAtIndex(ValueLayout.JAVA_FLOAT, i, 1);
      }
      MemorySegment result = arena.allocate(4L * 64 * 64, 64);
      int[] rows = {5, 5, 6, 5, 7, 5, 6};
      int[] compilations = {1, 1, 2, 2, 3, 3, 4};
      for (int i = 0; i < rows.length; i++) {
        ProductShape shape =
            new ProductShape().size(rows[i], 9, 33).a(F32, 33, 1).b(F32, 9, 1).c(F32, 9, false);
        assertThat(products.multiply(shape, ones.address(), ones.address(), result.address()))
            .isTrue();
        assertThat(at(result, rows[i] * 9 - 1)).isEqualTo(33);
        assertThat(products.compilations()).as("after product %d", i).isEqualTo(compilations[i]);
      }
    }
  }

  @Test
  void float32ActivationsMeetEveryKindOfWeight() {
    try (MatrixProducts products = new MatrixProducts()) {
      assertThat(products.supports(F32, F32, F32)).isTrue();
      assertThat(products.supports(F32, ElementType.BF16, F32)).isTrue();
      assertThat(products.instructions()).isNotBlank();
    }
  }

  private MemorySegment random(Arena arena, int floats) {
    MemorySegment segment = arena.allocate(4L * floats, 64);
    for (int i = 0; i < floats; i++) {
      segment.setAtIndex(ValueLayout.JAVA_FLOAT, i, random.nextFloat() - 0.5f);
    }
    return segment;
  }

  private static float at(MemorySegment segment, int index) {
    return segment.getAtIndex(ValueLayout.JAVA_FLOAT, index);
  }
}
