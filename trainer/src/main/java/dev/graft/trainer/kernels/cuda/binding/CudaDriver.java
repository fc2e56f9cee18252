package dev.graft.trainer.kernels.cuda.binding;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.graft.trainer.kernels.DeviceOutOfMemoryError;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;
import java.util.List;

/**
 * The driver API (libcuda), as much of it as graft calls. Device addresses, streams, events,
 * functions and graphs are the plain numbers that the driver gives.
 *
 * <p>Source: CUDA Driver API reference. Errors are {@link CudaException}s with what to do, but for
 * memory that runs out, which is an {@link OutOfMemoryError} as on the processor.
 */
public final class CudaDriver {

  /** The library's names. */
  public static final List<String> NAMES = List.of("libcuda.so.1");

  private static final int OUT_OF_MEMORY = 2;
  private static final int CAPTURE_MODE_THREAD_LOCAL = 1;
  private static final int NO_TIMING = 2;
  private static final int MAX_DYNAMIC_SHARED_BYTES = 8;

  /** What a device can tell of itself: {@code CUdevice_attribute}. */
  public enum Attribute {
    MULTIPROCESSORS(16),
    COMPUTE_MODE(20),
    ECC(32),
    CAPABILITY_MAJOR(75),
    CAPABILITY_MINOR(76);

    private final int number;

    Attribute(int number) {
      this.number = number;
    }
  }

  /** A device's memory in bytes. */
  public record MemoryInfo(long free, long total) {}

  private final SharedLibrary library;
  private final MethodHandle errorName;
  private final MethodHandle errorString;
  private final MethodHandle launchKernel;
  private final MethodHandle memsetD8Async;
  private final MethodHandle memsetD2D8Async;
  private final MethodHandle copyToDevice;
  private final MethodHandle copyToHost;
  private final MethodHandle copyOnDevice;
  private final MethodHandle streamSynchronize;
  private final MethodHandle graphLaunch;

  private CudaDriver(SharedLibrary library) {
    this.library = library;
    this.errorName = library.function("cuGetErrorName", JAVA_INT, ADDRESS);
    this.errorString = library.function("cuGetErrorString", JAVA_INT, ADDRESS);
    this.launchKernel =
        library.function(
            "cuLaunchKernel",
            JAVA_LONG,
            JAVA_INT,
            JAVA_INT,
            JAVA_INT,
            JAVA_INT,
            JAVA_INT,
            JAVA_INT,
            JAVA_INT,
            JAVA_LONG,
            ADDRESS,
            ADDRESS);
    this.memsetD8Async =
        library.function("cuMemsetD8Async", JAVA_LONG, JAVA_BYTE, JAVA_LONG, JAVA_LONG);
    this.memsetD2D8Async =
        library.function(
            "cuMemsetD2D8Async", JAVA_LONG, JAVA_LONG, JAVA_BYTE, JAVA_LONG, JAVA_LONG, JAVA_LONG);
    this.copyToDevice =
        library.function("cuMemcpyHtoDAsync_v2", JAVA_LONG, ADDRESS, JAVA_LONG, JAVA_LONG);
    this.copyToHost =
        library.function("cuMemcpyDtoHAsync_v2", ADDRESS, JAVA_LONG, JAVA_LONG, JAVA_LONG);
    this.copyOnDevice =
        library.function("cuMemcpyDtoDAsync_v2", JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG);
    this.streamSynchronize = library.function("cuStreamSynchronize", JAVA_LONG);
    this.graphLaunch = library.function("cuGraphLaunch", JAVA_LONG, JAVA_LONG);
  }

  /**
   * Opens a driver's library and starts the driver.
   *
   * @throws CudaException if it does not load or there is no card that it can use
   */
  public static CudaDriver open(Path file) {
    CudaDriver driver = new CudaDriver(SharedLibrary.open(file));
    driver.call("cuInit", driver.library.function("cuInit", JAVA_INT), 0);
    return driver;
  }

  /** Where the library is. */
  public Path file() {
    return library.file();
  }

  /** The CUDA version that the driver can do, such as 13000 for 13.0. */
  public int version() {
    return anInt("cuDriverGetVersion");
  }

  /** Number of devices. */
  public int devices() {
    return anInt("cuDeviceGetCount");
  }

  private int anInt(String name) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment result = arena.allocate(JAVA_INT);
      call(name, library.function(name, ADDRESS), result);
      return result.get(JAVA_INT, 0);
    }
  }

  /** The handle of a device. */
  public int device(int index) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment result = arena.allocate(JAVA_INT);
      call("cuDeviceGet", library.function("cuDeviceGet", ADDRESS, JAVA_INT), result, index);
      return result.get(JAVA_INT, 0);
    }
  }

  /** What a device is called. */
  public String name(int device) {
    int room = 256;
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment result = arena.allocate(room);
      call(
          "cuDeviceGetName",
          library.function("cuDeviceGetName", ADDRESS, JAVA_INT, JAVA_INT),
          result,
          room,
          device);
      return result.getString(0);
    }
  }

  /** What a device tells of itself. */
  public int attribute(int device, Attribute attribute) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment result = arena.allocate(JAVA_INT);
      call(
          "cuDeviceGetAttribute",
          library.function("cuDeviceGetAttribute", ADDRESS, JAVA_INT, JAVA_INT),
          result,
          attribute.number,
          device);
      return result.get(JAVA_INT, 0);
    }
  }

  /** Takes the device's primary context. */
  public long retainContext(int device) {
    return handle(
        "cuDevicePrimaryCtxRetain",
        library.function("cuDevicePrimaryCtxRetain", ADDRESS, JAVA_INT),
        device);
  }

  /** Makes a context the calling thread's. */
  public void useContext(long context) {
    call("cuCtxSetCurrent", library.function("cuCtxSetCurrent", JAVA_LONG), context);
  }

  /** Gives the device's primary context back, and with it whatever is left of its memory. */
  public void releaseContext(int device) {
    call(
        "cuDevicePrimaryCtxRelease",
        library.function("cuDevicePrimaryCtxRelease_v2", JAVA_INT),
        device);
  }

  /** The memory of the current context's device. */
  public MemoryInfo memory() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment free = arena.allocate(JAVA_LONG);
      MemorySegment total = arena.allocate(JAVA_LONG);
      call("cuMemGetInfo", library.function("cuMemGetInfo_v2", ADDRESS, ADDRESS), free, total);
      return new MemoryInfo(free.get(JAVA_LONG, 0), total.get(JAVA_LONG, 0));
    }
  }

  /**
   * New device memory, aligned to at least 256 bytes.
   *
   * @throws OutOfMemoryError if the card has no more
   */
  public long allocate(long bytes) {
    return handle("cuMemAlloc", library.function("cuMemAlloc_v2", ADDRESS, JAVA_LONG), bytes);
  }

  /** Frees what {@link #allocate} gave. */
  public void free(long address) {
    call("cuMemFree", library.function("cuMemFree_v2", JAVA_LONG), address);
  }

  /** Pinned host memory: copies from and to it run beside everything else. */
  public MemorySegment allocateHost(long bytes) {
    long address =
        handle(
            "cuMemHostAlloc",
            library.function("cuMemHostAlloc", ADDRESS, JAVA_LONG, JAVA_INT),
            bytes,
            0);
    return MemorySegment.ofAddress(address).reinterpret(bytes);
  }

  /** Frees what {@link #allocateHost} gave. */
  public void freeHost(MemorySegment memory) {
    call("cuMemFreeHost", library.function("cuMemFreeHost", ADDRESS), memory);
  }

  /** A stream that does not wait for the default one. */
  public long createStream() {
    return handle("cuStreamCreate", library.function("cuStreamCreate", ADDRESS, JAVA_INT), 1);
  }

  /** Ends a stream. */
  public void destroyStream(long stream) {
    call("cuStreamDestroy", library.function("cuStreamDestroy_v2", JAVA_LONG), stream);
  }

  /** An event to wait for; it takes no time. */
  public long createEvent() {
    return handle("cuEventCreate", library.function("cuEventCreate", ADDRESS, JAVA_INT), NO_TIMING);
  }

  /** Frees an event. */
  public void destroyEvent(long event) {
    call("cuEventDestroy", library.function("cuEventDestroy_v2", JAVA_LONG), event);
  }

  /** The event has happened once all that the stream was given before is done. */
  public void record(long event, long stream) {
    call("cuEventRecord", library.function("cuEventRecord", JAVA_LONG, JAVA_LONG), event, stream);
  }

  /** Waits until an event has happened. */
  public void await(long event) {
    call("cuEventSynchronize", library.function("cuEventSynchronize", JAVA_LONG), event);
  }

  /**
   * Loads machine code, or PTX that the driver compiles.
   *
   * @param image a cubin, or PTX text that ends with a zero byte
   */
  public long loadModule(byte[] image) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment memory = arena.allocate(image.length, 16);
      MemorySegment.copy(image, 0, memory, JAVA_BYTE, 0, image.length);
      return handle(
          "cuModuleLoadData", library.function("cuModuleLoadData", ADDRESS, ADDRESS), memory);
    }
  }

  /** Unloads a module. */
  public void unloadModule(long module) {
    call("cuModuleUnload", library.function("cuModuleUnload", JAVA_LONG), module);
  }

  /** A kernel of a module. */
  public long function(long module, String name) {
    try (Arena arena = Arena.ofConfined()) {
      return handle(
          "cuModuleGetFunction of " + name,
          library.function("cuModuleGetFunction", ADDRESS, JAVA_LONG, ADDRESS),
          module,
          arena.allocateFrom(name));
    }
  }

  /** Lets launches of a kernel have more than the usual 48 KiB of dynamic shared memory. */
  public void allowSharedBytes(long function, int bytes) {
    call(
        "cuFuncSetAttribute",
        library.function("cuFuncSetAttribute", JAVA_LONG, JAVA_INT, JAVA_INT),
        function,
        MAX_DYNAMIC_SHARED_BYTES,
        bytes);
  }

  /**
   * Launches a kernel over a grid of blocks.
   *
   * @param parameters an array of pointers to the arguments, which are read before this returns
   */
  public void launch(
      long function,
      int gridX,
      int gridY,
      int gridZ,
      int threads,
      int sharedBytes,
      long stream,
      MemorySegment parameters) {
    try {
      check(
          "cuLaunchKernel",
          (int)
              launchKernel.invokeExact(
                  function,
                  gridX,
                  gridY,
                  gridZ,
                  threads,
                  1,
                  1,
                  sharedBytes,
                  stream,
                  parameters,
                  MemorySegment.NULL));
    } catch (Throwable e) {
      throw SharedLibrary.rethrow(e);
    }
  }

  /** Sets bytes to zero. */
  public void clear(long address, long bytes, long stream) {
    try {
      check("cuMemsetD8Async", (int) memsetD8Async.invokeExact(address, (byte) 0, bytes, stream));
    } catch (Throwable e) {
      throw SharedLibrary.rethrow(e);
    }
  }

  /** Sets the first bytes of each of some rows to zero. */
  public void clearRows(long address, long pitch, long bytes, long rows, long stream) {
    try {
      check(
          "cuMemsetD2D8Async",
          (int) memsetD2D8Async.invokeExact(address, pitch, (byte) 0, bytes, rows, stream));
    } catch (Throwable e) {
      throw SharedLibrary.rethrow(e);
    }
  }

  /**
   * Copies to the device.
   *
   * @param from pinned, and left alone until the stream has come past
   */
  public void copyToDevice(long to, MemorySegment from, long bytes, long stream) {
    try {
      check("cuMemcpyHtoDAsync", (int) copyToDevice.invokeExact(to, from, bytes, stream));
    } catch (Throwable e) {
      throw SharedLibrary.rethrow(e);
    }
  }

  /**
   * Copies to the host.
   *
   * @param to pinned; filled when the stream has come past
   */
  public void copyToHost(MemorySegment to, long from, long bytes, long stream) {
    try {
      check("cuMemcpyDtoHAsync", (int) copyToHost.invokeExact(to, from, bytes, stream));
    } catch (Throwable e) {
      throw SharedLibrary.rethrow(e);
    }
  }

  /** Copies on the device. */
  public void copyOnDevice(long to, long from, long bytes, long stream) {
    try {
      check("cuMemcpyDtoDAsync", (int) copyOnDevice.invokeExact(to, from, bytes, stream));
    } catch (Throwable e) {
      throw SharedLibrary.rethrow(e);
    }
  }

  /** Waits until a stream is done. */
  public void synchronize(long stream) {
    try {
      check("cuStreamSynchronize", (int) streamSynchronize.invokeExact(stream));
    } catch (Throwable e) {
      throw SharedLibrary.rethrow(e);
    }
  }

  /** From now on what the stream is given is recorded rather than done. */
  public void beginCapture(long stream) {
    call(
        "cuStreamBeginCapture",
        library.function("cuStreamBeginCapture_v2", JAVA_LONG, JAVA_INT),
        stream,
        CAPTURE_MODE_THREAD_LOCAL);
  }

  /** Ends {@link #beginCapture}: a graph of what was recorded, ready to be launched. */
  public long endCapture(long stream) {
    long graph =
        handleAfter(
            "cuStreamEndCapture",
            library.function("cuStreamEndCapture", JAVA_LONG, ADDRESS),
            stream);
    long ready =
        handle(
            "cuGraphInstantiate",
            library.function("cuGraphInstantiateWithFlags", ADDRESS, JAVA_LONG, JAVA_LONG),
            graph,
            0L);
    call("cuGraphDestroy", library.function("cuGraphDestroy", JAVA_LONG), graph);
    return ready;
  }

  /** Ends a capture that failed; whatever it recorded is dropped. */
  public void abandonCapture(long stream) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment graph = arena.allocate(ADDRESS);
      // The status says once more that it failed, which whoever calls this knows.
      SharedLibrary.call(library.function("cuStreamEndCapture", JAVA_LONG, ADDRESS), stream, graph);
    }
  }

  /** Does what a graph recorded. */
  public void launchGraph(long graph, long stream) {
    try {
      check("cuGraphLaunch", (int) graphLaunch.invokeExact(graph, stream));
    } catch (Throwable e) {
      throw SharedLibrary.rethrow(e);
    }
  }

  /** Frees a graph. */
  public void destroyGraph(long graph) {
    call("cuGraphExecDestroy", library.function("cuGraphExecDestroy", JAVA_LONG), graph);
  }

  private void call(String name, MethodHandle function, Object... arguments) {
    check(name, SharedLibrary.call(function, arguments));
  }

  /** Calls a function whose first argument is where it puts a handle. */
  private long handle(String name, MethodHandle function, Object... arguments) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment result = arena.allocate(JAVA_LONG);
      Object[] all = new Object[arguments.length + 1];
      all[0] = result;
      System.arraycopy(arguments, 0, all, 1, arguments.length);
      call(name, function, all);
      return result.get(JAVA_LONG, 0);
    }
  }

  /** Calls a function whose second argument is where it puts a handle. */
  private long handleAfter(String name, MethodHandle function, long first) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment result = arena.allocate(JAVA_LONG);
      call(name, function, first, result);
      return result.get(JAVA_LONG, 0);
    }
  }

  private void check(String function, int status) {
    if (status == OUT_OF_MEMORY) {
      throw new DeviceOutOfMemoryError("the card has no more memory (" + function + ")");
    }
    if (status != 0) {
      throw DriverErrors.exception(
          function, status, text(errorName, status), text(errorString, status));
    }
  }

  private static String text(MethodHandle of, int status) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment result = arena.allocate(ADDRESS);
      boolean known = SharedLibrary.call(of, status, result) == 0;
      MemorySegment text = result.get(ADDRESS, 0);
      return known && text.address() != 0
          ? text.reinterpret(Integer.MAX_VALUE).getString(0)
          : "error " + status;
    }
  }
}
