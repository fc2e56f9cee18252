package dev.graft.trainer.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import dev.graft.trainer.tensor.ElementType;
import dev.graft.trainer.tensor.HostArrays;
import dev.graft.trainer.tensor.Tensor;
import org.junit.jupiter.api.Test;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/** What goes in comes out. */
interface MemoryContract extends Contract {

  @Test
  default void newMemoryIsZeroAndCounted() {
    Kernels kernels = twins().tested();
    long before = kernels.allocatedBytes();
    for (ElementType type : new ElementType[] {ElementType.F32, ElementType.BF16}) {
      assertThat(kernels.read(kernels.allocate(type, 7, 31))).containsOnly(0).hasSize(7 * 31);
    }
    assertThat(kernels.allocatedBytes() - before).isGreaterThanOrEqualTo(7 * 31 * (4 + 2));
  }

  @Test
  default void writingRoundsToNearestEven() {
    Kernels kernels = twins().tested();
    // Halfway between neighbours of 1: down to the even one, up to the even one, just over half.
    float[] values = {
      0, -0.0f, 1 + 0x1p-8f, 1 + 3 * 0x1p-8f, -1 - 0x1p-8f - 0x1p-20f, 0.3f, 1e30f, 1e-30f
    };
    for (ElementType type : new ElementType[] {ElementType.F32, ElementType.BF16}) {
      Tensor whole = kernels.allocate(type, 5, 7);
      Tensor slice = whole.rows(1, 4).columns(3, 2);
      kernels.write(slice, values);
      float[] read = kernels.read(slice);
      for (int i = 0; i < values.length; i++) {
        assertThat(read[i]).isEqualTo(Rounding.toNearestEven(values[i], type));
      }
      assertThat(kernels.read(whole.columns(0, 3))).containsOnly(0);
      assertThat(kernels.read(whole.columns(5, 2))).containsOnly(0);
      assertThat(kernels.read(whole.rows(0, 1))).containsOnly(0);
    }
  }

  @Test
  default void weightsAreReadAsTheyWereStored() {
    for (ElementType type :
        new ElementType[] {ElementType.F32, ElementType.BF16, ElementType.F16}) {
      Twin weight = twins().weight(type, 7, 31);
      twins().assertEqual(weight);
    }
  }

  /** Parameters lie behind each other in one array, as the optimizer wants them. */
  @Test
  default void parametersFollowTheirArrays() {
    Kernels kernels = twins().tested();
    INDArray all = HostArrays.zeros(DataType.FLOAT, 5, 3);
    INDArray master = HostArrays.view(all, 3, 3, 3, 3);
    Tensor parameter = kernels.parameter(master);
    master.putScalar(1, 2, 7);
    kernels.push(parameter);
    assertThat(kernels.read(parameter)).containsExactly(0, 0, 0, 0, 0, 7, 0, 0, 0);
    kernels.scale(parameter.rows(1, 1), -2);
    kernels.pull(parameter);
    assertThat(all.getFloat(2, 2)).isEqualTo(-14);
    assertThat(all.sumNumber().floatValue()).isEqualTo(-14);
  }

  @Test
  default void efficientRowsAreEnoughAndFew() {
    Kernels kernels = twins().tested();
    int before = 1;
    for (int rows = 1; rows < 5000; rows++) {
      int efficient = kernels.efficientRows(rows);
      assertThat(efficient).isGreaterThanOrEqualTo(rows).isGreaterThanOrEqualTo(before);
      assertThat(kernels.efficientRows(efficient)).as("of %d again", rows).isEqualTo(efficient);
      before = efficient;
    }
  }

  @Test
  default void kernelsSayWhatTheyAre() {
    assertThat(twins().tested().describe()).isNotBlank().doesNotContain("\n");
  }
}
