package dev.graft.modelio.gguf;

import java.util.List;

/**
 * One tensor of a GGUF file, as its header describes it and {@link GgufFile} has checked it.
 *
 * @param shape outermost first, as everywhere in graft; the file has it the other way round
 * @param offset of the first byte, from the beginning of the file
 */
public record GgufTensor(String name, GgmlType type, List<Long> shape, long offset, long bytes) {
  public GgufTensor {
    shape = List.copyOf(shape);
  }

  /** The number of elements. */
  public long elements() {
    return shape.stream().reduce(1L, (a, b) -> a * b);
  }

  /** Elements of one row: the innermost dimension. */
  public long columns() {
    return shape.getLast();
  }
}
