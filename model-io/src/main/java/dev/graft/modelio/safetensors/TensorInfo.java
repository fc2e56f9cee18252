package dev.graft.modelio.safetensors;

import dev.graft.modelio.DType;
import java.util.List;

/**
 * One tensor of a safetensors file, as its header describes it and {@link SafetensorsFile} has
 * checked it.
 *
 * @param shape row-major, outermost first; empty for a scalar
 * @param offset of the first byte, from the beginning of the file
 * @param bytes exactly the product of the shape times the element size
 */
public record TensorInfo(String name, DType dtype, List<Long> shape, long offset, long bytes) {
  public TensorInfo {
    shape = List.copyOf(shape);
  }
}
