package dev.graft.trainer.kernels.cuda.binding;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * NVIDIA's library of matrix products. All matrices are column-major here. Source: cuBLAS
 * documentation, "Using the cuBLASLt API".
 */
public final class CublasLt implements AutoCloseable {

  /** The library's names, the newest first. */
  public static final List<String> NAMES = List.of("libcublasLt.so.13", "libcublasLt.so.12");

  /** Element types: {@code cudaDataType}. */
  public static final int F32 = 0;

  public static final int F16 = 2;
  public static final int BF16 = 14;

  private static final int NOT_SUPPORTED = 15;

  /** float32 sums of float32 products: never TF32. */
  private static final int COMPUTE_32F = 68;

  private static final int TRANSPOSE_A = 3;
  private static final int TRANSPOSE_B = 4;
  private static final int MAX_WORKSPACE = 1;
  private static final int MIN_ALIGNMENT_A = 5;

  /** What is known of an algorithm: {@code cublasLtMatmulHeuristicResult_t}. */
  private static final int RESULT_BYTES = 96;

  private static final int RESULT_WORKSPACE = 64;

  private final SharedLibrary library;
  private final MemorySegment handle;
  private final MethodHandle matmul;
  private final Arena arena = Arena.ofShared();

  /**
   * A matrix.
   *
   * @param type F32, F16 or BF16
   * @param leading elements from one column to the next
   * @param alignment what its address is a multiple of, in bytes
   */
  public record Matrix(int type, long rows, long columns, long leading, int alignment) {}

  /**
   * A product {@code C = op(A) op(B) + beta C} with the algorithm that the library thinks best.
   * Made once for a shape, used again and again.
   */
  public final class Product {
    private final MemorySegment description;
    private final MemorySegment a;
    private final MemorySegment b;
    private final MemorySegment c;
    private final MemorySegment algorithm;
    private final long workspaceBytes;

    private Product(
        MemorySegment description,
        MemorySegment a,
        MemorySegment b,
        MemorySegment c,
        MemorySegment algorithm) {
      this.description = description;
      this.a = a;
      this.b = b;
      this.c = c;
      this.algorithm = algorithm;
      this.workspaceBytes = algorithm.get(JAVA_LONG, RESULT_WORKSPACE);
    }

    /**
     * Multiplies, on a stream.
     *
     * @param accumulate whether beta is 1 rather than 0
     * @param workspace as many bytes as {@link CublasLt#product} was told
     */
    public void run(
        long addressA,
        long addressB,
        long addressC,
        boolean accumulate,
        long workspace,
        long stream) {
      MemorySegment beta = accumulate ? one : nought;
      try {
        check(
            "cublasLtMatmul",
            (int)
                matmul.invokeExact(
                    handle,
                    description,
                    one,
                    addressA,
                    a,
                    addressB,
                    b,
                    beta,
                    addressC,
                    c,
                    addressC,
                    c,
                    algorithm,
                    workspace,
                    workspaceBytes,
                    stream));
      } catch (Throwable e) {
        throw SharedLibrary.rethrow(e);
      }
    }
  }

  private final MemorySegment one = arena.allocateFrom(JAVA_FLOAT, 1);
  private final MemorySegment nought = arena.allocateFrom(JAVA_FLOAT, 0);

  private CublasLt(SharedLibrary library) {
    this.library = library;
    this.matmul =
        library.function(
            "cublasLtMatmul",
            ADDRESS,
            ADDRESS,
            ADDRESS,
            JAVA_LONG,
            ADDRESS,
            JAVA_LONG,
            ADDRESS,
            ADDRESS,
            JAVA_LONG,
            ADDRESS,
            JAVA_LONG,
            ADDRESS,
            ADDRESS,
            JAVA_LONG,
            JAVA_LONG,
            JAVA_LONG);
    this.handle = created("cublasLtCreate", List.of());
  }

  /** Opens the library, for the device whose context is current. */
  public static CublasLt open(Path file) {
    return new CublasLt(SharedLibrary.open(file));
  }

  /** Where the library is. */
  public Path file() {
    return library.file();
  }

  /** The version, such as 13.1.0. */
  public String version() {
    try {
      long version = (long) library.versionFunction("cublasLtGetVersion").invokeExact();
      return "%d.%d.%d".formatted(version / 10_000, version / 100 % 100, version % 100);
    } catch (Throwable e) {
      throw SharedLibrary.rethrow(e);
    }
  }

  /**
   * Plans a product.
   *
   * @param transposeA whether op(A) is A transposed
   * @param c both what is added to and what is written
   * @param workspace bytes that algorithms may use
   * @return empty if the library has nothing for such operands
   */
  public Optional<Product> product(
      Matrix a, boolean transposeA, Matrix b, boolean transposeB, Matrix c, long workspace) {
    MemorySegment description =
        created("cublasLtMatmulDescCreate", List.of(JAVA_INT, JAVA_INT), COMPUTE_32F, F32);
    set("cublasLtMatmulDescSetAttribute", description, TRANSPOSE_A, transposeA ? 1 : 0);
    set("cublasLtMatmulDescSetAttribute", description, TRANSPOSE_B, transposeB ? 1 : 0);
    MemorySegment layoutA = layout(a);
    MemorySegment layoutB = layout(b);
    MemorySegment layoutC = layout(c);
    MemorySegment preference = created("cublasLtMatmulPreferenceCreate", List.of());
    setLong("cublasLtMatmulPreferenceSetAttribute", preference, MAX_WORKSPACE, workspace);
    int[] alignments = {a.alignment, b.alignment, c.alignment, c.alignment};
    for (int i = 0; i < alignments.length; i++) {
      set("cublasLtMatmulPreferenceSetAttribute", preference, MIN_ALIGNMENT_A + i, alignments[i]);
    }
    MemorySegment results = arena.allocate(RESULT_BYTES, 16);
    MemorySegment found = arena.allocate(JAVA_INT);
    int status =
        SharedLibrary.call(
            library.function(
                "cublasLtMatmulAlgoGetHeuristic",
                ADDRESS,
                ADDRESS,
                ADDRESS,
                ADDRESS,
                ADDRESS,
                ADDRESS,
                ADDRESS,
                JAVA_INT,
                ADDRESS,
                ADDRESS),
            handle,
            description,
            layoutA,
            layoutB,
            layoutC,
            layoutC,
            preference,
            1,
            results,
            found);
    destroy("cublasLtMatmulPreferenceDestroy", preference);
    if (status == NOT_SUPPORTED || (status == 0 && found.get(JAVA_INT, 0) == 0)) {
      destroy("cublasLtMatrixLayoutDestroy", layoutA, layoutB, layoutC);
      destroy("cublasLtMatmulDescDestroy", description);
      return Optional.empty();
    }
    check("cublasLtMatmulAlgoGetHeuristic", status);
    return Optional.of(new Product(description, layoutA, layoutB, layoutC, results));
  }

  private MemorySegment layout(Matrix matrix) {
    return created(
        "cublasLtMatrixLayoutCreate",
        List.of(JAVA_INT, JAVA_LONG, JAVA_LONG, JAVA_LONG),
        matrix.type,
        matrix.rows,
        matrix.columns,
        matrix.leading);
  }

  private void set(String function, MemorySegment object, int attribute, int value) {
    try (Arena local = Arena.ofConfined()) {
      set(function, object, attribute, local.allocateFrom(JAVA_INT, value));
    }
  }

  private void setLong(String function, MemorySegment object, int attribute, long value) {
    try (Arena local = Arena.ofConfined()) {
      set(function, object, attribute, local.allocateFrom(JAVA_LONG, value));
    }
  }

  private void set(String function, MemorySegment object, int attribute, MemorySegment value) {
    MethodHandle set = library.function(function, ADDRESS, JAVA_INT, ADDRESS, JAVA_LONG);
    check(function, SharedLibrary.call(set, object, attribute, value, value.byteSize()));
  }

  /** Calls a function whose first argument is where it puts what it makes. */
  private MemorySegment created(String name, List<MemoryLayout> types, Object... arguments) {
    MemoryLayout[] all = new MemoryLayout[types.size() + 1];
    Object[] values = new Object[arguments.length + 1];
    all[0] = ADDRESS;
    for (int i = 0; i < types.size(); i++) {
      all[i + 1] = types.get(i);
      values[i + 1] = arguments[i];
    }
    try (Arena local = Arena.ofConfined()) {
      MemorySegment result = local.allocate(ADDRESS);
      values[0] = result;
      check(name, SharedLibrary.call(library.function(name, all), values));
      return result.get(ADDRESS, 0);
    }
  }

  private void destroy(String function, MemorySegment... objects) {
    MethodHandle destroy = library.function(function, ADDRESS);
    for (MemorySegment object : objects) {
      check(function, SharedLibrary.call(destroy, object));
    }
  }

  private void check(String function, int status) {
    if (status != 0) {
      throw new CudaException(
          "%s: %s failed: %s. %s"
              .formatted(library.file(), function, name(status), advice(status)));
    }
  }

  private static String name(int status) {
    return switch (status) {
      case 1 -> "not initialized (1)";
      case 3 -> "no memory (3)";
      case 7 -> "invalid value (7)";
      case 8 -> "no code for this card (8)";
      case 13 -> "execution failed (13)";
      case 14 -> "internal error (14)";
      case NOT_SUPPORTED -> "not supported (15)";
      default -> "status " + status;
    };
  }

  private static String advice(int status) {
    return switch (status) {
      case 1, 8 ->
          "The library and the driver do not fit each other: 'nvidia-smi' prints the CUDA version"
              + " that the driver can do, and the library may not be newer.";
      case 3 -> "Other programs may hold the card's memory; 'nvidia-smi' lists them.";
      default -> "'./graft doctor --device cuda --selftest' checks each operation on this card.";
    };
  }

  /** Ends the use of the library; products are no longer used. */
  @Override
  public void close() {
    destroy("cublasLtDestroy", handle);
    arena.close();
  }
}
