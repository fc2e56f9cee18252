package dev.graft.trainer.selftest;

import dev.graft.trainer.kernels.Kernels;
import dev.graft.trainer.tensor.ElementType;
import dev.graft.trainer.tensor.HostArrays;
import dev.graft.trainer.tensor.Tensor;
import java.util.List;
import java.util.OptionalLong;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;

/** What goes in comes out. */
final class MemoryChecks {

  private final TwinKernels twins;

  private MemoryChecks(TwinKernels twins) {
    this.twins = twins;
  }

  static List<Check> all() {
    return new CheckList<>(MemoryChecks::new)
        .one("describe", "one line", MemoryChecks::kernelsSayWhatTheyAre)
        .one(
            "deviceBytes", "as many as are taken, or more", MemoryChecks::takenBytesAreOfTheDevices)
        .one("allocate", "zero and counted", MemoryChecks::newMemoryIsZeroAndCounted)
        .one("write", "rounds to nearest even", MemoryChecks::writingRoundsToNearestEven)
        .one("weight", "as it was stored", MemoryChecks::weightsAreReadAsTheyWereStored)
        .one("parameter", "follows its array", MemoryChecks::parametersFollowTheirArrays)
        .one("efficientRows", "enough and few", MemoryChecks::efficientRowsAreEnoughAndFew)
        .checks();
  }

  private void newMemoryIsZeroAndCounted() {
    Kernels kernels = twins.tested();
    long before = kernels.allocatedBytes();
    for (ElementType type : new ElementType[] {ElementType.F32, ElementType.BF16}) {
      twins.expectExactly(
          "new " + type, kernels.read(kernels.allocate(type, 7, 31)), new float[7 * 31]);
    }
    long allocated = kernels.allocatedBytes() - before;
    twins.expect(allocated >= 7 * 31 * (4 + 2), "only %,d bytes were counted", allocated);
  }

  private void writingRoundsToNearestEven() {
    Kernels kernels = twins.tested();
    // Halfway between neighbours of 1: down to the even one, up to the even one, just over half.
    float[] values = {
      0, -0.0f, 1 + 0x1p-8f, 1 + 3 * 0x1p-8f, -1 - 0x1p-8f - 0x1p-20f, 0.3f, 1e30f, 1e-30f
    };
    for (ElementType type : new ElementType[] {ElementType.F32, ElementType.BF16}) {
      Tensor whole = kernels.allocate(type, 5, 7);
      Tensor slice = whole.rows(1, 4).columns(3, 2);
      kernels.write(slice, values);
      float[] rounded = values.clone();
      for (int i = 0; i < rounded.length; i++) {
        rounded[i] = Rounding.toNearestEven(values[i], type);
      }
      twins.expectExactly("written as " + type, kernels.read(slice), rounded);
      twins.expectExactly("left of it", kernels.read(whole.columns(0, 3)), new float[5 * 3]);
      twins.expectExactly("right of it", kernels.read(whole.columns(5, 2)), new float[5 * 2]);
      twins.expectExactly("above it", kernels.read(whole.rows(0, 1)), new float[7]);
    }
  }

  private void weightsAreReadAsTheyWereStored() {
    for (ElementType type :
        new ElementType[] {ElementType.F32, ElementType.BF16, ElementType.F16}) {
      Twin weight = twins.weight(type, 7, 31);
      twins.expectEqual(weight);
    }
  }

  /** Parameters lie behind each other in one array, as the optimizer wants them. */
  private void parametersFollowTheirArrays() {
    Kernels kernels = twins.tested();
    INDArray all = HostArrays.zeros(DataType.FLOAT, 5, 3);
    INDArray master = HostArrays.view(all, 3, 3, 3, 3);
    Tensor parameter = kernels.parameter(master);
    master.putScalar(1, 2, 7);
    kernels.push(parameter);
    twins.expectExactly("pushed", kernels.read(parameter), 0, 0, 0, 0, 0, 7, 0, 0, 0);
    kernels.scale(parameter.rows(1, 1), -2);
    kernels.pull(parameter);
    twins.expectExactly("pulled", new float[] {all.getFloat(2, 2)}, -14);
    twins.expectExactly("the sum of all", new float[] {all.sumNumber().floatValue()}, -14);
  }

  private void efficientRowsAreEnoughAndFew() {
    Kernels kernels = twins.tested();
    int before = 1;
    for (int rows = 1; rows < 5000; rows++) {
      int efficient = kernels.efficientRows(rows);
      twins.expect(efficient >= rows, "%d for %d rows", efficient, rows);
      twins.expect(efficient >= before, "%d for %d rows, fewer than for less", efficient, rows);
      int again = kernels.efficientRows(efficient);
      twins.expect(again == efficient, "%d for %d rows, and %d for those", efficient, rows, again);
      before = efficient;
    }
  }

  private void kernelsSayWhatTheyAre() {
    String line = twins.tested().describe();
    twins.expect(!line.isBlank() && !line.contains("\n"), "'%s'", line);
  }

  private void takenBytesAreOfTheDevices() {
    OptionalLong all = twins.tested().deviceBytes();
    OptionalLong taken = twins.tested().deviceBytesTaken();
    twins.expect(
        all.isPresent() == taken.isPresent()
            && taken.orElse(0) >= 0
            && taken.orElse(0) <= all.orElse(0),
        "%s of %s",
        taken,
        all);
  }
}
