package dev.graft.trainer.kernels.cuda;

import dev.graft.trainer.kernels.Expect;
import dev.graft.trainer.tensor.DeviceBuffer;
import dev.graft.trainer.tensor.ElementType;
import dev.graft.trainer.tensor.HostArrays;
import dev.graft.trainer.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.Map;
import org.nd4j.linalg.api.buffer.DataBuffer;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * Tensors on a card, and their numbers' way from the host and back. What has another type or has
 * gaps between its rows is converted on the card, some rows at a time, in the workspace.
 */
final class CudaMemory {

  private final DeviceMemory memory;
  private final Transfers transfers;
  private final Launcher launcher;
  private final Tensor workspace;
  private final Map<Long, Mirror> mirrors = new HashMap<>();
  private final Map<DeviceBuffer, Mirror> mirrorsByBuffer = new HashMap<>();
  private final Map<Tensor, Tensor> converted = new HashMap<>();

  /**
   * The memory on the card for all of a host buffer.
   *
   * @param host held, so that no other buffer comes to lie at its address
   */
  private record Mirror(DataBuffer host, CudaBuffer device) {

    /** Where a matrix of this has its master copy. */
    MemorySegment master(Tensor parameter) {
      return MemorySegment.ofAddress(host.address() + parameter.offset() * Float.BYTES)
          .reinterpret(parameter.size() * Float.BYTES);
    }
  }

  /**
   * @param workspace (1, n) float32
   */
  CudaMemory(DeviceMemory memory, Transfers transfers, Launcher launcher, Tensor workspace) {
    this.memory = memory;
    this.transfers = transfers;
    this.launcher = launcher;
    this.workspace = workspace;
  }

  /**
   * A copy of a weight on the card.
   *
   * @param stored the bytes' type
   * @param type what it is to be
   */
  Tensor weight(ElementType stored, ElementType type, int rows, int columns, MemorySegment bytes) {
    long expected = (long) rows * columns * stored.bytes();
    if (bytes.byteSize() != expected || stored == ElementType.I32) {
      throw new IllegalArgumentException(
          "%d bytes for a weight %s(%d, %d)".formatted(bytes.byteSize(), stored, rows, columns));
    }
    Tensor weight = memory.allocate(type, rows, columns);
    write(weight, stored, bytes);
    return weight;
  }

  /**
   * A weight as a product reads it. Only a weight of one row can have come in another type than
   * that, since it may be a norm's; it is frozen, so that its copy is made once.
   */
  Tensor as(ElementType type, Tensor weight) {
    if (weight.type() == type) {
      return weight;
    }
    return converted.computeIfAbsent(
        weight,
        _ -> {
          Tensor copy = memory.allocate(type, weight.rows(), weight.columns());
          convert(weight, copy);
          return copy;
        });
  }

  /** Part of a mirror of the array's whole buffer, so that views of one array stay neighbours. */
  Tensor parameter(INDArray master) {
    MemorySegment matrix = HostArrays.matrixMemory(master);
    DataBuffer host = master.data();
    Mirror mirror = mirrors.get(host.address());
    if (mirror == null) {
      mirror = mirror(host);
      mirrors.put(host.address(), mirror);
      mirrorsByBuffer.put(mirror.device, mirror);
    }
    long offset = (matrix.address() - host.address()) / Float.BYTES;
    int columns = master.columns();
    Tensor parameter =
        new Tensor(mirror.device, offset, ElementType.F32, master.rows(), columns, columns);
    push(parameter);
    return parameter;
  }

  private Mirror mirror(DataBuffer host) {
    return new Mirror(host, memory.buffer(host.underlyingLength() * Float.BYTES));
  }

  void push(Tensor parameter) {
    transfers.toDevice(mirrorOf(parameter).master(parameter), CudaBuffer.address(parameter));
  }

  void pull(Tensor parameter) {
    transfers.toHost(CudaBuffer.address(parameter), mirrorOf(parameter).master(parameter));
  }

  private Mirror mirrorOf(Tensor parameter) {
    Mirror mirror = mirrorsByBuffer.get(parameter.buffer());
    if (mirror == null) {
      throw new IllegalArgumentException("%s is no parameter".formatted(parameter));
    }
    return mirror;
  }

  void write(Tensor target, int[] values) {
    Expect.type("target", target, ElementType.I32);
    count(target, values.length);
    write(target, ElementType.I32, MemorySegment.ofArray(values));
  }

  void write(Tensor target, float[] values) {
    Expect.floating("target", target);
    count(target, values.length);
    write(target, ElementType.F32, MemorySegment.ofArray(values));
  }

  private static void count(Tensor target, int values) {
    if (target.size() != values) {
      throw new IllegalArgumentException("%d numbers for %s".formatted(values, target));
    }
  }

  float[] read(Tensor source) {
    Expect.floating("source", source);
    float[] values = new float[Math.toIntExact(source.size())];
    MemorySegment host = MemorySegment.ofArray(values);
    long rowBytes = (long) source.columns() * Float.BYTES;
    int chunk = chunkRows(source, ElementType.F32);
    for (int row = 0; row < source.rows(); row += chunk) {
      int count = Math.min(chunk, source.rows() - row);
      Tensor rows = source.rows(row, count);
      Tensor numbers = inPlace(rows, ElementType.F32) ? rows : chunk(rows, ElementType.F32);
      if (!numbers.equals(rows)) {
        convert(rows, numbers);
      }
      transfers.toHost(CudaBuffer.address(numbers), host.asSlice(row * rowBytes, count * rowBytes));
    }
    return values;
  }

  private void write(Tensor target, ElementType type, MemorySegment values) {
    if (inPlace(target, type)) {
      transfers.toDevice(values, CudaBuffer.address(target));
      return;
    }
    long rowBytes = (long) target.columns() * type.bytes();
    int chunk = chunkRows(target, type);
    for (int row = 0; row < target.rows(); row += chunk) {
      int count = Math.min(chunk, target.rows() - row);
      Tensor rows = target.rows(row, count);
      Tensor numbers = chunk(rows, type);
      transfers.toDevice(
          values.asSlice(row * rowBytes, count * rowBytes), CudaBuffer.address(numbers));
      convert(numbers, rows);
    }
  }

  private static boolean inPlace(Tensor tensor, ElementType type) {
    return tensor.type() == type && tensor.isContiguous();
  }

  private int chunkRows(Tensor tensor, ElementType type) {
    return Math.max(1, (int) (workspaceBytes() / ((long) tensor.columns() * type.bytes())));
  }

  private long workspaceBytes() {
    return workspace.size() * workspace.type().bytes();
  }

  private Tensor chunk(Tensor rows, ElementType type) {
    return new Tensor(workspace.buffer(), 0, type, rows.rows(), rows.columns(), rows.columns());
  }

  /** {@code out = x}, rounded to the type of out. */
  void convert(Tensor x, Tensor out) {
    launcher
        .kernel(KernelSource.MOVING, "convert_" + Types.suffixes(x.type(), out.type()))
        .matrix(x)
        .matrix(out)
        .number(x.rows())
        .number(x.columns())
        .overElements(x.size());
  }
}
