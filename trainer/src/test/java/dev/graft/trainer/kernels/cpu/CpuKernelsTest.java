package dev.graft.trainer.kernels.cpu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.management.ThreadMXBean;
import dev.graft.trainer.kernels.AttentionShape;
import dev.graft.trainer.kernels.DropoutMask;
import dev.graft.trainer.kernels.Kernels;
import dev.graft.trainer.kernels.UniformNoise;
import dev.graft.trainer.tensor.ElementType;
import dev.graft.trainer.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.IntUnaryOperator;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

class CpuKernelsTest {

  private static final ElementType F32 = ElementType.F32;

  @Test
  void theThreadCountDoesNotChangeABit() {
    for (ElementType act : List.of(F32, ElementType.BF16)) {
      List<float[]> alone = everyLoop(act, 1);
      for (int threads : new int[] {2, 5}) {
        List<float[]> together = everyLoop(act, threads);
        for (int i = 0; i < alone.size(); i++) {
          assertThat(together.get(i)).as("result %d", i).isEqualTo(alone.get(i));
        }
      }
    }
  }

  /** The results of all loops, at sizes for which threads are woken. */
  private static List<float[]> everyLoop(ElementType act, int threads) {
    try (Kernels kernels = new CpuKernels(act, threads)) {
      Maker make = new Maker(kernels);
      List<float[]> results = new ArrayList<>();
      int tokens = 131;
      int width = 8 * 32;
      AttentionShape shape = new AttentionShape(8, 2, 32, 70);
      Tensor x = make.tensor(F32, tokens, width);
      Tensor normed = make.tensor(act, tokens, width);
      Tensor inverse = make.tensor(F32, 1, tokens);
      Tensor weight = make.tensor(ElementType.BF16, 1, width);
      kernels.rmsNorm(x, weight, 1e-5f, normed, inverse);
      Tensor dx = make.tensor(F32, tokens, width);
      kernels.rmsNormBackward(make.tensor(F32, tokens, width), x, weight, inverse, dx);
      Tensor dweight = make.tensor(F32, 1, width);
      kernels.rmsNormBackwardWeight(dx, x, inverse, dweight);
      Tensor dtable = make.tensor(F32, 17, width);
      kernels.embedBackward(make.integers(tokens, i -> i % 5 * 4), x, dtable);
      Tensor noisy = make.tensor(F32, tokens, width);
      kernels.addNoise(noisy, inverse, new UniformNoise(1, 2, 3));
      Tensor k = make.tensor(act, tokens, 64);
      Tensor v = make.tensor(act, tokens, 64);
      Tensor starts = make.integers(tokens, i -> i < 40 ? 0 : 40);
      Tensor out = make.tensor(act, tokens, width);
      Tensor lse = make.tensor(F32, 8, tokens);
      kernels.attention(normed, k, v, starts, shape, out, lse);
      Tensor dq = make.tensor(act, tokens, width);
      Tensor dk = make.tensor(act, tokens, 64);
      Tensor dv = make.tensor(act, tokens, 64);
      Tensor dout = make.tensor(act, tokens, width);
      kernels.attentionBackward(normed, k, v, starts, shape, out, lse, dout, dq, dk, dv);
      Tensor decoded = make.tensor(act, 2, width);
      kernels.cachedAttention(normed.rows(0, 2), k, v, tokens, shape, decoded);
      Tensor prefilled = make.tensor(act, 90, width);
      kernels.cachedAttention(normed.rows(0, 90), k, v, tokens, shape, prefilled);
      Tensor positions = make.integers(tokens, i -> i);
      Tensor cosine = make.tensor(F32, tokens, 16);
      kernels.rope(dq, positions, cosine, cosine);
      Tensor gated = make.tensor(act, tokens, width);
      kernels.swiGlu(normed, out, gated);
      Tensor dgate = make.tensor(act, tokens, width);
      Tensor dup = make.tensor(act, tokens, width);
      kernels.swiGluBackward(normed, out, dout, dgate, dup);
      Tensor loss = make.tensor(F32, 1, tokens);
      Tensor dlogits = make.tensor(act, tokens, width);
      kernels.crossEntropy(x, positions, 0.5f, loss, dlogits);
      Tensor dropped = make.tensor(act, tokens, width);
      kernels.dropout(normed, new DropoutMask(0.3f, 1, 2, 3), dropped, true);
      Tensor fewRows = make.tensor(act, 3, 999);
      kernels.linear(normed.rows(5, 3), make.tensor(F32, 999, width), fewRows, true);
      for (Tensor result :
          List.of(normed, inverse, dx, out, lse, dq, dk, dv, decoded, prefilled, gated, dgate)) {
        results.add(kernels.read(result));
      }
      for (Tensor result : List.of(dup, loss, dlogits, dropped, fewRows, dweight, dtable, noisy)) {
        results.add(kernels.read(result));
      }
      double squares = kernels.sumOfSquares(make.tensor(F32, 300, 1001));
      results.add(new float[] {(float) squares, (float) (squares - (float) squares)});
      return results;
    }
  }

  @Test
  void aWeightIsUsedWhereItLies() {
    try (Kernels kernels = new CpuKernels(F32, 1);
        Arena arena = Arena.ofConfined()) {
      // Eight bytes into the file, as safetensors aligns.
      MemorySegment bytes = arena.allocate(8 + 2 * 64 * 32, 64).asSlice(8);
      Tensor weight = kernels.weight(ElementType.BF16, 64, 32, bytes);
      assertThat(kernels.allocatedBytes()).isZero();
      Tensor x = kernels.allocate(F32, 9, 32);
      Tensor y = kernels.allocate(F32, 9, 64);
      float[] ones = new float[9 * 32];
      Arrays.fill(ones, 1);
      kernels.write(x, ones);
      for (int i = 0; i < 64 * 32; i++) {
        bytes.setAtIndex(ValueLayout.JAVA_SHORT, i, (short) 0x4000);
      }
      kernels.linear(x, weight, y, false);
      assertThat(kernels.read(y)).containsOnly(64);
    }
  }

  @Test
  void productsMakeNoGarbage() {
    assertGarbage(97, 64);
  }

  /**
   * Up to 64 rows go through loops of our own: two, each an object that says what it does. Whether
   * the JIT keeps their vectors in registers depends on what else the process did.
   */
  @Tag("nightly")
  @Test
  void fewRowsMakeTwoObjects() {
    assertGarbage(33, 160);
  }

  private static void assertGarbage(int rows, long mostBytes) {
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    try (Kernels kernels = new CpuKernels(F32, 1)) {
      Maker make = new Maker(kernels);
      Tensor x = make.tensor(F32, rows, 48);
      Tensor w = make.tensor(F32, 40, 48);
      Tensor y = make.tensor(F32, rows, 40);
      int calls = 1000;
      long bytes = Long.MAX_VALUE;
      // Until the loops are compiled their vectors are objects.
      for (int round = 0; round < 50 && bytes / calls >= mostBytes; round++) {
        long before = threads.getCurrentThreadAllocatedBytes();
        for (int i = 0; i < calls; i++) {
          kernels.linear(x, w, y, false);
        }
        bytes = threads.getCurrentThreadAllocatedBytes() - before;
      }
      assertThat(bytes / calls).isLessThan(mostBytes);
    }
  }

  @Test
  void wrongOperandsAreRefused() {
    Kernels kernels = new CpuKernels(F32, 2);
    Maker make = new Maker(kernels);
    Tensor x = make.tensor(F32, 5, 8);
    assertThatThrownBy(
            () -> kernels.linear(x, make.tensor(F32, 4, 9), make.tensor(F32, 5, 4), false))
        .hasMessageContaining("w is F32(4, 9)");
    Tensor beyond = new Tensor(x.buffer(), 8, F32, 5, 8, 8);
    assertThatThrownBy(() -> kernels.zero(beyond)).hasMessageContaining("reaches out");
    assertThatThrownBy(() -> kernels.crossEntropyLoss(x, make.integers(5, i -> 8), lossOf(make)))
        .isInstanceOf(IndexOutOfBoundsException.class);
    AttentionShape shape = new AttentionShape(2, 2, 4, AttentionShape.FULL);
    Tensor starts = make.integers(5, i -> i == 3 ? 2 : 0);
    assertThatThrownBy(() -> kernels.attention(x, x, x, starts, shape, x, make.tensor(F32, 2, 5)))
        .hasMessageContaining("token 3");
    kernels.close();
    kernels.close();
    assertThatThrownBy(() -> kernels.zero(x)).isInstanceOf(IllegalStateException.class);
  }

  private static Tensor lossOf(Maker make) {
    return make.tensor(F32, 1, 5);
  }

  @Test
  void saysWhatItIs() {
    CpuFeatures features = CpuFeatures.detect(CpuLibrary.AUTO);
    assertThat(features.reason()).startsWith(features.nativeBf16() ? "bf16: " : "f32: ");
    try (Kernels kernels = new CpuKernels(features.activationType(), 2)) {
      assertThat(kernels.describe()).contains("2 threads").doesNotContain("emulated");
    }
  }

  /** Makes tensors of reproducible numbers. */
  private static final class Maker {

    private final Kernels kernels;
    private final Random random = new Random(9);

    Maker(Kernels kernels) {
      this.kernels = kernels;
    }

    Tensor tensor(ElementType type, int rows, int columns) {
      Tensor tensor = kernels.allocate(type, rows, columns);
      float[] values = new float[rows * columns];
      for (int i = 0; i < values.length; i++) {
        values[i] = (float) random.nextGaussian();
      }
      kernels.write(tensor, values);
      return tensor;
    }

    Tensor integers(int count, IntUnaryOperator value) {
      Tensor tensor = kernels.allocate(ElementType.I32, 1, count);
      int[] values = new int[count];
      Arrays.setAll(values, value);
      kernels.write(tensor, values);
      return tensor;
    }
  }
}
