package dev.graft.trainer.kernels.cuda;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;

/** The simulated libraries as C calls them: by a function's name, each argument of its C type. */
final class SimulatedCuda implements AutoCloseable {

  static final MemorySegment NONE = MemorySegment.NULL;

  private final CudaSimulator simulator;
  private final Arena arena = Arena.ofConfined();
  private final List<SymbolLookup> libraries = new ArrayList<>();
  private final MemorySegment stream;

  /** A device as a process finds it, with a context and a stream. */
  SimulatedCuda() {
    simulator = CudaSimulator.start();
    for (String name : List.of("libcuda.so.1", "libnvrtc.so.13", "libcublasLt.so.13")) {
      libraries.add(SymbolLookup.libraryLookup(simulator.folder().resolve(name), Arena.global()));
    }
    ok("cuInit", 0);
    MemorySegment context = pointer("cuDevicePrimaryCtxRetain", 0);
    ok("cuCtxSetCurrent", context);
    stream = pointer("cuStreamCreate", 1);
  }

  CudaSimulator simulator() {
    return simulator;
  }

  Arena arena() {
    return arena;
  }

  MemorySegment stream() {
    return stream;
  }

  @Override
  public void close() {
    simulator.reset();
    arena.close();
  }

  // ---- calls ----

  /**
   * What a function returns that returns an int.
   *
   * @param arguments integers, longs (which addresses of the device are), floats and pointers
   */
  int call(String name, Object... arguments) {
    MemoryLayout[] layouts = new MemoryLayout[arguments.length];
    for (int i = 0; i < arguments.length; i++) {
      layouts[i] =
          switch (arguments[i]) {
            case Integer _ -> JAVA_INT;
            case Long _ -> JAVA_LONG;
            case Float _ -> JAVA_FLOAT;
            case MemorySegment _ -> ADDRESS;
            default -> throw new IllegalArgumentException(arguments[i] + " for " + name);
          };
    }
    MemorySegment function =
        libraries.stream()
            .flatMap(library -> library.find(name).stream())
            .findFirst()
            .orElseThrow();
    try {
      return (int)
          Linker.nativeLinker()
              .downcallHandle(function, FunctionDescriptor.of(JAVA_INT, layouts))
              .invokeWithArguments(arguments);
    } catch (Throwable e) {
      throw new AssertionError(name, e);
    }
  }

  void ok(String name, Object... arguments) {
    int code = call(name, arguments);
    if (code != 0) {
      throw new AssertionError(name + " returned " + code);
    }
  }

  /** What a function writes to its first parameter, an address. */
  MemorySegment pointer(String name, Object... others) {
    return MemorySegment.ofAddress(number(name, others));
  }

  /** What a function writes to its first parameter, eight bytes. */
  long number(String name, Object... others) {
    MemorySegment cell = arena.allocate(JAVA_LONG);
    ok(name, withFirst(cell, others));
    return cell.get(JAVA_LONG, 0);
  }

  static Object[] withFirst(Object first, Object... others) {
    Object[] all = new Object[others.length + 1];
    all[0] = first;
    System.arraycopy(others, 0, all, 1, others.length);
    return all;
  }

  // ---- memory ----

  long allocate(long bytes) {
    return number("cuMemAlloc_v2", bytes);
  }

  long upload(float... values) {
    long address = allocate(4L * values.length);
    ok("cuMemcpyHtoD_v2", address, arena.allocateFrom(JAVA_FLOAT, values), 4L * values.length);
    return address;
  }

  long upload(short... values) {
    long address = allocate(2L * values.length);
    ok("cuMemcpyHtoD_v2", address, arena.allocateFrom(JAVA_SHORT, values), 2L * values.length);
    return address;
  }

  /** What the device's memory has once the stream's work is done. */
  float[] floats(long address, int count) {
    ok("cuStreamSynchronize", stream);
    MemorySegment values = arena.allocate(JAVA_FLOAT, count);
    ok("cuMemcpyDtoH_v2", values, address, 4L * count);
    return values.toArray(JAVA_FLOAT);
  }

  int[] ints(long address, int count) {
    ok("cuStreamSynchronize", stream);
    MemorySegment values = arena.allocate(JAVA_INT, count);
    ok("cuMemcpyDtoH_v2", values, address, 4L * count);
    return values.toArray(JAVA_INT);
  }

  short[] shorts(long address, int count) {
    ok("cuStreamSynchronize", stream);
    MemorySegment values = arena.allocate(JAVA_SHORT, count);
    ok("cuMemcpyDtoH_v2", values, address, 2L * count);
    return values.toArray(JAVA_SHORT);
  }

  /** Pinned memory of the host. */
  MemorySegment pinned(long bytes) {
    return pointer("cuMemHostAlloc", bytes, 0).reinterpret(bytes);
  }

  // ---- kernels ----

  /** What the compiler makes of a source that may include the kernels' prelude. */
  record Compiled(int code, String log, byte[] image) {}

  Compiled compile(String source, String... options) {
    MemorySegment headers = arena.allocate(ADDRESS);
    headers.set(ADDRESS, 0, arena.allocateFrom(prelude()));
    MemorySegment names = arena.allocate(ADDRESS);
    names.set(ADDRESS, 0, arena.allocateFrom("prelude.cuh"));
    MemorySegment program =
        pointer(
            "nvrtcCreateProgram",
            arena.allocateFrom(source),
            arena.allocateFrom("test.cu"),
            1,
            headers,
            names);
    MemorySegment given = arena.allocate(ADDRESS, options.length);
    for (int i = 0; i < options.length; i++) {
      given.setAtIndex(ADDRESS, i, arena.allocateFrom(options[i]));
    }
    int code = call("nvrtcCompileProgram", program, options.length, given);
    MemorySegment size = arena.allocate(JAVA_LONG);
    ok("nvrtcGetProgramLogSize", program, size);
    MemorySegment log = arena.allocate(size.get(JAVA_LONG, 0));
    ok("nvrtcGetProgramLog", program, log);
    byte[] image = new byte[0];
    if (code == 0) {
      ok("nvrtcGetCUBINSize", program, size);
      String kind = size.get(JAVA_LONG, 0) == 0 ? "PTX" : "CUBIN";
      ok("nvrtcGet" + kind + "Size", program, size);
      MemorySegment bytes = arena.allocate(size.get(JAVA_LONG, 0));
      ok("nvrtcGet" + kind, program, bytes);
      image = bytes.toArray(JAVA_BYTE);
    }
    MemorySegment cell = arena.allocate(ADDRESS);
    cell.set(ADDRESS, 0, program);
    ok("nvrtcDestroyProgram", cell);
    return new Compiled(code, log.getString(0), image);
  }

  private static String prelude() {
    String name = "/dev/graft/trainer/kernels/cuda/prelude.cuh";
    try (InputStream stream =
        Objects.requireNonNull(SimulatedCuda.class.getResourceAsStream(name), name)) {
      return new String(stream.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** A module of a source, behind the prelude. */
  MemorySegment module(String source) {
    Compiled compiled =
        compile("#include \"prelude.cuh\"\n" + source, "--gpu-architecture=sm_80", "--std=c++17");
    if (compiled.code() != 0) {
      throw new AssertionError(compiled.log());
    }
    return pointer("cuModuleLoadData", arena.allocateFrom(JAVA_BYTE, compiled.image()));
  }

  MemorySegment kernel(MemorySegment module, String name) {
    return pointer("cuModuleGetFunction", module, arena.allocateFrom(name));
  }

  /** Queues one-dimensional blocks; the parameters' memory is overwritten right after the call. */
  int launch(MemorySegment kernel, int grid, int block, int shared, Object... parameters) {
    MemorySegment pointers = arena.allocate(ADDRESS, Math.max(1, parameters.length));
    MemorySegment values = arena.allocate(8L * Math.max(1, parameters.length), 8);
    for (int i = 0; i < parameters.length; i++) {
      MemorySegment value = values.asSlice(8L * i, 8);
      switch (parameters[i]) {
        case Integer number -> value.set(JAVA_INT, 0, number);
        case Long number -> value.set(JAVA_LONG, 0, number);
        case Float number -> value.set(JAVA_FLOAT, 0, number);
        default -> throw new IllegalArgumentException(parameters[i].toString());
      }
      pointers.setAtIndex(ADDRESS, i, value);
    }
    int code =
        call("cuLaunchKernel", kernel, grid, 1, 1, block, 1, 1, shared, stream, pointers, NONE);
    values.fill((byte) 0x55);
    return code;
  }

  /** The code of a launch of a source's only kernel, {@code k}, or of the wait for it. */
  int run(String source, int block, int shared, Object... parameters) {
    int code = launch(kernel(module(source), "k"), 1, block, shared, parameters);
    return code != 0 ? code : call("cuStreamSynchronize", stream);
  }
}
