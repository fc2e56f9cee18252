package dev.graft.trainer.kernels.cuda.binding;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;

/** A shared library that was found and opened; it stays open as long as the process lives. */
final class SharedLibrary {

  private final Path file;
  private final SymbolLookup symbols;

  private SharedLibrary(Path file, SymbolLookup symbols) {
    this.file = file;
    this.symbols = symbols;
  }

  /**
   * Opens a library.
   *
   * @throws CudaException if it does not load, such as for want of another library
   */
  static SharedLibrary open(Path file) {
    try {
      return new SharedLibrary(file, SymbolLookup.libraryLookup(file, Arena.global()));
    } catch (IllegalArgumentException e) {
      throw new CudaException(
          "%s does not load: %s. It may be of another architecture, or a library that it needs may be missing; 'ldd %1$s' tells."
              .formatted(file, e.getMessage()),
          e);
    }
  }

  Path file() {
    return file;
  }

  /**
   * A function that returns an int.
   *
   * @throws CudaException if the library has no such function
   */
  MethodHandle function(String name, MemoryLayout... arguments) {
    return function(name, FunctionDescriptor.of(ValueLayout.JAVA_INT, arguments));
  }

  private MethodHandle function(String name, FunctionDescriptor type) {
    return symbols
        .find(name)
        .map(address -> Linker.nativeLinker().downcallHandle(address, type))
        .orElseThrow(() ->
            new CudaException(
                "%s has no function %s: it is too old or no library of NVIDIA's. Name the folder of another one by GRAFT_JAVA_OPTIONS=-D%s=FOLDER."
                    .formatted(file, name, LibrarySearch.PROPERTY)));
  }

  /** A function without arguments that returns a size_t. */
  MethodHandle versionFunction(String name) {
    return function(name, FunctionDescriptor.of(ValueLayout.JAVA_LONG));
  }

  /** Calls through a handle of {@link #function}, for what is not called often. */
  static int call(MethodHandle function, Object... arguments) {
    try {
      return (int) function.invokeWithArguments(arguments);
    } catch (Throwable e) {
      throw rethrow(e);
    }
  }

  /** A native function throws nothing: whatever came is Java's own. */
  static RuntimeException rethrow(Throwable e) {
    if (e instanceof RuntimeException unchecked) {
      return unchecked;
    }
    if (e instanceof Error error) {
      throw error;
    }
    return new IllegalStateException(e);
  }
}
