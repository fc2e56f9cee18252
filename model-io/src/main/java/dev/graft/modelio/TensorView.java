package dev.graft.modelio;

import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * A weight where it lies in its mapped file. Nothing is copied: the data are pages of the file, and
 * stay valid until the checkpoint that handed the view out is closed.
 *
 * @param name the tensor's name in the checkpoint
 * @param dtype F32, F16 or BF16 for everything a {@code Checkpoint} hands out
 * @param shape row-major, outermost first: a projection is {@code [out, in]}
 * @param data read-only, little-endian, {@code elements() * dtype.bytes()} bytes. NOTE a footgun:
 *     the format promises no alignment beyond one byte, so read it through the {@code _UNALIGNED}
 *     layouts
 */
public record TensorView(String name, DType dtype, List<Long> shape, MemorySegment data) {
  public TensorView {
    shape = List.copyOf(shape);
  }

  /** The number of elements. */
  public long elements() {
    return data.byteSize() / dtype.bytes();
  }

  /** The size of one dimension. */
  public long dim(int axis) {
    return shape.get(axis);
  }

  /** Whether the data's address is a multiple of the element size. */
  public boolean isAligned() {
    return data.address() % dtype.bytes() == 0;
  }

  /** A converted copy, for small tensors: at most {@link Integer#MAX_VALUE} - 8 elements. */
  public float[] toFloats() {
    dtype.requireWeight("Tensor " + name);
    if (elements() > Integer.MAX_VALUE - 8) {
      throw new ModelIoException("Tensor " + name + " is too large for one Java array.");
    }
    return Halfs.toFloats(data, dtype, (int) elements());
  }
}
