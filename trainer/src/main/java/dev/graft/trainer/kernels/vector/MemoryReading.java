package dev.graft.trainer.kernels.vector;

import jdk.incubator.vector.IntVector;

/** Reading memory and nothing else: what a loop that has to read weights can be held against. */
public final class MemoryReading {

  private MemoryReading() {}

  /**
   * Reads bytes in order, as fast as one core can; what is left behind the last four vectors is not
   * read.
   *
   * @return something that depends on all of them, so that no compiler leaves the reading out
   */
  public static int read(long address, long bytes) {
    IntVector a = IntVector.zero(Lanes.INTS);
    IntVector b = a;
    IntVector c = a;
    IntVector d = a;
    long vector = 4L * Lanes.COUNT;
    int steps = Math.toIntExact(bytes / (4 * vector));
    for (int i = 0; i < steps; i++) {
      long at = address + i * 4 * vector;
      a = a.add(Lanes.loadInts(at));
      b = b.add(Lanes.loadInts(at + vector));
      c = c.add(Lanes.loadInts(at + 2 * vector));
      d = d.add(Lanes.loadInts(at + 3 * vector));
    }
    IntVector sum = a.add(b).add(c.add(d));
    int result = 0;
    for (int lane = 0; lane < Lanes.COUNT; lane++) {
      result += sum.lane(lane);
    }
    return result;
  }
}
