package dev.graft.trainer.kernels.cuda.binding;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;

/** NVIDIA's run-time compiler. Source: NVRTC documentation. */
public final class Nvrtc {

  /** The library's names, the newest first. */
  public static final List<String> NAMES = List.of("libnvrtc.so.13", "libnvrtc.so.12");

  private static final int COMPILATION_FAILED = 6;

  private final SharedLibrary library;

  private Nvrtc(SharedLibrary library) {
    this.library = library;
  }

  /** Opens the library. */
  public static Nvrtc open(Path file) {
    return new Nvrtc(SharedLibrary.open(file));
  }

  /** Where the library is. */
  public Path file() {
    return library.file();
  }

  /** The architectures that it can make machine code for, such as 90 for sm_90. */
  public TreeSet<Integer> architectures() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment count = arena.allocate(JAVA_INT);
      check("nvrtcGetNumSupportedArchs", call("nvrtcGetNumSupportedArchs", count));
      MemorySegment list = arena.allocate(JAVA_INT, count.get(JAVA_INT, 0));
      check("nvrtcGetSupportedArchs", call("nvrtcGetSupportedArchs", list));
      TreeSet<Integer> architectures = new TreeSet<>();
      for (int architecture : list.toArray(JAVA_INT)) {
        architectures.add(architecture);
      }
      return architectures;
    }
  }

  /**
   * Compiles.
   *
   * @param name what errors call the source
   * @param headers what the source can include, by name
   * @param machineCode whether a cubin is wanted rather than PTX
   * @throws CudaException with the compiler's words if it does not compile
   */
  public byte[] compile(
      String name,
      String source,
      Map<String, String> headers,
      List<String> options,
      boolean machineCode) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment program = arena.allocate(ADDRESS);
      check(
          "nvrtcCreateProgram",
          call(
              "nvrtcCreateProgram",
              program,
              arena.allocateFrom(source),
              arena.allocateFrom(name),
              headers.size(),
              strings(arena, List.copyOf(headers.values())),
              strings(arena, List.copyOf(headers.keySet()))));
      MemorySegment made = program.get(ADDRESS, 0);
      try {
        int status = call("nvrtcCompileProgram", made, options.size(), strings(arena, options));
        if (status == COMPILATION_FAILED) {
          throw new CudaException(
              "%s does not compile for this card (%s, %s):%n%s"
                  .formatted(name, library.file(), String.join(" ", options), log(arena, made)));
        }
        check("nvrtcCompileProgram", status);
        return machineCode
            ? result(arena, made, "nvrtcGetCUBINSize", "nvrtcGetCUBIN")
            : result(arena, made, "nvrtcGetPTXSize", "nvrtcGetPTX");
      } finally {
        call("nvrtcDestroyProgram", program);
      }
    }
  }

  private String log(Arena arena, MemorySegment program) {
    byte[] text = result(arena, program, "nvrtcGetProgramLogSize", "nvrtcGetProgramLog");
    return MemorySegment.ofArray(text).getString(0);
  }

  private byte[] result(Arena arena, MemorySegment program, String size, String get) {
    MemorySegment bytes = arena.allocate(JAVA_LONG);
    check(size, call(size, program, bytes));
    MemorySegment made = arena.allocate(bytes.get(JAVA_LONG, 0));
    check(get, call(get, program, made));
    return made.toArray(JAVA_BYTE);
  }

  private static MemorySegment strings(Arena arena, List<String> values) {
    MemorySegment array = arena.allocate(ADDRESS, Math.max(1, values.size()));
    for (int i = 0; i < values.size(); i++) {
      array.setAtIndex(ADDRESS, i, arena.allocateFrom(values.get(i)));
    }
    return array;
  }

  /** Calls a function whose arguments are pointers and ints. */
  private int call(String name, Object... arguments) {
    MemoryLayout[] layouts = new MemoryLayout[arguments.length];
    for (int i = 0; i < arguments.length; i++) {
      layouts[i] = arguments[i] instanceof Integer ? JAVA_INT : ADDRESS;
    }
    MethodHandle function = library.function(name, layouts);
    return SharedLibrary.call(function, arguments);
  }

  private void check(String function, int status) {
    if (status != 0) {
      throw new CudaException(
          "%s: %s failed with status %d; the library may be damaged or incomplete (beside it there has to be libnvrtc-builtins)."
              .formatted(library.file(), function, status));
    }
  }
}
