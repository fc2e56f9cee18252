package dev.graft.modelio.djl;

import ai.djl.Device;
import ai.djl.engine.Engine;
import ai.djl.ndarray.BaseNDManager;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import java.nio.Buffer;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.jspecify.annotations.Nullable;

/** Makes arrays that hold what goes into a model and what comes out of it. */
sealed class GraftNDManager extends BaseNDManager permits GraftNDManager.Root {
  private final Engine engine;

  @SuppressWarnings("NullAway") // DJL is not annotated; the root has no parent
  private GraftNDManager(@Nullable NDManager parent, Device device, Engine engine) {
    // The super constructor asks for the engine.
    this.engine = engine;
    super(parent, device);
  }

  /** The ancestor of all others, which lives as long as the engine. */
  static final class Root extends GraftNDManager implements NDManager.SystemNDManager {
    Root(Engine engine) {
      super(null, Device.cpu(), engine);
    }
  }

  @Override
  public Engine getEngine() {
    return engine;
  }

  @Override
  public NDManager newSubManager(Device device) {
    GraftNDManager manager = new GraftNDManager(this, device, engine);
    attachUncappedInternal(manager.uid, manager);
    return manager;
  }

  @Override
  public ByteBuffer allocateDirect(int capacity) {
    return ByteBuffer.allocateDirect(capacity).order(ByteOrder.nativeOrder());
  }

  @Override
  public NDArray from(NDArray array) {
    return array instanceof GraftNDArray
        ? array
        : create(array.toByteBuffer(), array.getShape(), array.getDataType());
  }

  @Override
  public NDArray create(Buffer data, Shape shape, DataType dataType) {
    int size = Math.toIntExact(shape.size());
    BaseNDManager.validateBuffer(data, dataType, size);
    if (data instanceof ByteBuffer bytes) {
      return new GraftNDArray(this, bytes, shape, dataType);
    }
    ByteBuffer bytes = allocateDirect(Math.multiplyExact(size, dataType.getNumOfBytes()));
    BaseNDManager.copyBuffer(data, bytes);
    return new GraftNDArray(this, bytes, shape, dataType);
  }
}
