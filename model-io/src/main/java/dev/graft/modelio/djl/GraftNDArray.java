package dev.graft.modelio.djl;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrayAdapter;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * An array that is carried, read and looked at, but computes nothing. Its memory belongs to the
 * garbage collector.
 */
final class GraftNDArray extends NDArrayAdapter {
  private static final int SHOWN = 20;

  private final ByteBuffer data;

  @SuppressWarnings("NullAway") // DJL is not annotated; there is no alternative engine
  GraftNDArray(NDManager manager, ByteBuffer data, Shape shape, DataType dataType) {
    super(manager, null, shape, dataType, NDManager.nextUid());
    this.data = data.duplicate().order(ByteOrder.nativeOrder());
    manager.attachInternal(uid, this);
  }

  @Override
  public ByteBuffer toByteBuffer(boolean tryDirect) {
    return data.duplicate().order(ByteOrder.nativeOrder());
  }

  @Override
  public void intern(NDArray replaced) {
    throw new UnsupportedOperationException("arrays of the graft engine cannot be replaced");
  }

  @Override
  public void detach() {
    manager.detachInternal(getUid());
  }

  @Override
  public NDArray duplicate() {
    ByteBuffer copy = ByteBuffer.allocateDirect(data.remaining()).order(ByteOrder.nativeOrder());
    return new GraftNDArray(manager, copy.put(data.duplicate()).flip(), shape, dataType);
  }

  @Override
  public NDArray reshape(Shape newShape) {
    if (newShape.size() != shape.size()) {
      throw new IllegalArgumentException(shape + " cannot be seen as " + newShape);
    }
    return new GraftNDArray(manager, data, newShape, dataType);
  }

  /** One element, for {@code getLong}, {@code getFloat} and their like. */
  @Override
  public NDArray getScalar(long... indices) {
    if (indices.length != shape.dimension()) {
      throw new IllegalArgumentException(indices.length + " indices for an array of " + shape);
    }
    long at = 0;
    for (int axis = 0; axis < indices.length; axis++) {
      long size = shape.get(axis);
      long index = indices[axis] < 0 ? indices[axis] + size : indices[axis];
      if (index < 0 || index >= size) {
        throw new IndexOutOfBoundsException(indices[axis] + " on axis " + axis + " of " + shape);
      }
      at = at * size + index;
    }
    int bytes = dataType.getNumOfBytes();
    ByteBuffer element = data.slice(Math.toIntExact(at * bytes), bytes);
    return new GraftNDArray(manager, element, new Shape(), dataType);
  }

  /** DJL's own printing computes on the array; this shows its first elements. */
  @Override
  public String toDebugString() {
    int shown = (int) Math.min(SHOWN, shape.size());
    ByteBuffer head = data.slice(0, shown * dataType.getNumOfBytes());
    NDArray first = new GraftNDArray(manager, head, new Shape(shown), dataType);
    String elements = Arrays.toString(first.toArray());
    first.close();
    return "%s %s %s%s".formatted(shape, dataType, elements, shown < shape.size() ? " …" : "");
  }

  @Override
  public String toDebugString(
      int maxSize, int maxDepth, int maxRows, int maxColumns, boolean withContent) {
    return toDebugString();
  }
}
