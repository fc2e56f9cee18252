package dev.graft.trainer.kernels.cuda;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.graft.trainer.kernels.cuda.binding.CudaException;
import dev.graft.trainer.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Launches kernels, which it has compiled and loaded when they are asked for the first time.
 *
 * <pre>
 *   launcher.kernel(MOVING, "add_f32").matrix(x).matrix(y).number(rows).number(columns).over(rows, 256);
 * </pre>
 */
final class Launcher implements AutoCloseable {

  /** More than any kernel has. */
  private static final int MOST_ARGUMENTS = 40;

  private static final int THREADS = 256;

  private static final int MOST_THREADS = 1024;
  private static final int COLUMNS_PER_BLOCK = 32;

  /** A 16-byte load of the narrowest type. */
  private static final int ELEMENTS_PER_THREAD = 8;

  /** More blocks than run at once would only begin later. */
  private static final int BLOCKS_PER_MULTIPROCESSOR = 16;

  /** Dynamic shared memory that a block has without asking. */
  private static final int USUAL_SHARED_BYTES = 48 << 10;

  private record Module(KernelSource source, List<String> definitions) {}

  private record Name(Module module, String kernel) {}

  private final CudaDevice device;
  private final KernelCompiler compiler;
  private final List<String> common;
  private final Map<Module, Long> modules = new HashMap<>();
  private final Map<Name, Long> functions = new HashMap<>();
  private final Map<Long, Integer> allowed = new HashMap<>();
  private final Arena arena = Arena.ofShared();
  private final MemorySegment arguments = arena.allocate(JAVA_LONG, MOST_ARGUMENTS);
  private final MemorySegment pointers = arena.allocate(ADDRESS, MOST_ARGUMENTS);
  private long function;
  private int count;

  /**
   * @param common definitions for all files
   */
  Launcher(CudaDevice device, KernelCompiler compiler, List<String> common) {
    this.device = device;
    this.compiler = compiler;
    this.common = common;
    for (int i = 0; i < MOST_ARGUMENTS; i++) {
      pointers.setAtIndex(ADDRESS, i, arguments.asSlice((long) i * Long.BYTES));
    }
  }

  /** Begins a launch. */
  Launcher kernel(KernelSource source, String name, String... definitions) {
    Module module = new Module(source, List.of(definitions));
    Name key = new Name(module, name);
    Long known = functions.get(key);
    if (known == null) {
      known = device.driver().function(loaded(module), name);
      functions.put(key, known);
    }
    function = known;
    count = 0;
    return this;
  }

  private long loaded(Module module) {
    return modules.computeIfAbsent(
        module,
        _ -> {
          List<String> definitions = new ArrayList<>(common);
          definitions.addAll(module.definitions);
          try {
            return device.driver().loadModule(compiler.compile(module.source, definitions));
          } catch (CudaException e) {
            // A kept file may be damaged, such as by a disk that was full; a new one isn't.
            if (!compiler.forget(module.source, definitions)) {
              throw e;
            }
            return device.driver().loadModule(compiler.compile(module.source, definitions));
          }
        });
  }

  /** Adds where a tensor lies, for one whose stride does not matter. */
  Launcher vector(Tensor tensor) {
    return address(CudaBuffer.address(tensor));
  }

  /** Adds where a tensor lies and its stride. */
  Launcher matrix(Tensor tensor) {
    return address(CudaBuffer.address(tensor)).number(tensor.stride());
  }

  /** Adds a device address. */
  Launcher address(long value) {
    arguments.setAtIndex(JAVA_LONG, count++, value);
    return this;
  }

  /** Adds a 64-bit number. */
  Launcher number(long value) {
    return address(value);
  }

  /** Adds an int. */
  Launcher number(int value) {
    arguments.set(JAVA_INT, (long) count++ * Long.BYTES, value);
    return this;
  }

  /** Adds a float. */
  Launcher number(float value) {
    arguments.set(JAVA_FLOAT, (long) count++ * Long.BYTES, value);
    return this;
  }

  /** Launches a kernel whose threads share out any number of elements among them. */
  void overElements(long elements) {
    long wanted = Math.ceilDiv(elements, (long) THREADS * ELEMENTS_PER_THREAD);
    over(Math.min(wanted, (long) BLOCKS_PER_MULTIPROCESSOR * device.multiprocessors()), THREADS);
  }

  /** Launches a kernel with a block for each row. */
  void overRows(int rows) {
    over(rows, THREADS);
  }

  /** Launches a kernel whose rows are best read by few large blocks, one after the other. */
  void overLongRows(int rows) {
    over(Math.min(rows, device.multiprocessors()), MOST_THREADS);
  }

  /** Launches a kernel that adds up over rows, with a block for some columns. */
  void overColumnSums(int columns) {
    over(Math.ceilDiv(columns, COLUMNS_PER_BLOCK), MOST_THREADS);
  }

  /** Launches a line of blocks; none at all where there is nothing to do. */
  void over(long blocks, int threads) {
    over(blocks, 1, 1, threads, 0);
  }

  /** Launches blocks with dynamic shared memory. */
  void over(long blocksX, int blocksY, int blocksZ, int threads, int sharedBytes) {
    if (blocksX == 0 || blocksY == 0 || blocksZ == 0) {
      return;
    }
    if (sharedBytes > USUAL_SHARED_BYTES && allowed.getOrDefault(function, 0) < sharedBytes) {
      device.driver().allowSharedBytes(function, sharedBytes);
      allowed.put(function, sharedBytes);
    }
    device
        .driver()
        .launch(
            function,
            Math.toIntExact(blocksX),
            blocksY,
            blocksZ,
            threads,
            sharedBytes,
            device.stream(),
            pointers);
  }

  @Override
  public void close() {
    try (arena) {
      modules.values().forEach(device.driver()::unloadModule);
    }
  }
}
