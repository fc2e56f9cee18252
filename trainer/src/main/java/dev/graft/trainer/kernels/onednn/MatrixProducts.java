package dev.graft.trainer.kernels.onednn;

import dev.graft.trainer.kernels.host.Scratch;
import dev.graft.trainer.kernels.products.ProductLibrary;
import dev.graft.trainer.kernels.products.ProductShape;
import dev.graft.trainer.tensor.ElementType;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * Matrix products {@code C = A B} on this machine's processor, with the code for each shape
 * generated once and kept.
 *
 * <p>Token counts vary from micro-batch to micro-batch, and generating code costs 1 to 3 ms a
 * shape. oneDNN can leave the row count open until execution, but then falls back to its reference
 * implementation on AVX2 (measured: 0.1 instead of 110 GFLOP/s), so each count has its own code,
 * and the cache is large enough for an epoch's worth of counts.
 */
public final class MatrixProducts implements ProductLibrary {

  /** Shapes kept by default; one holds some 20 kB. */
  public static final int CAPACITY = 4096;

  private final OneDnn dnnl = new OneDnn();
  private final Scratch scratchpad = new Scratch();
  private final int capacity;
  // Empty where oneDNN was asked and has nothing fast.
  private final LinkedHashMap<ProductShape, Optional<CompiledProduct>> compiled =
      new LinkedHashMap<>(64, 0.75f, true);
  // A plan asks for every layer's; empty likewise.
  private final Map<ProductShape, OptionalLong> asked = new HashMap<>();
  private long compilations;

  public MatrixProducts() {
    this(CAPACITY);
  }

  /**
   * @param capacity how many shapes are kept; the one that was not used for longest goes first
   */
  public MatrixProducts(int capacity) {
    this.capacity = capacity;
  }

  @Override
  public boolean supports(ElementType a, ElementType b, ElementType c) {
    ProductShape shape =
        new ProductShape().size(32, 32, 32).a(a, 32, 1).b(b, 1, 32).c(c, 32, false);
    try (CompiledProduct product = CompiledProduct.compile(dnnl, shape)) {
      return product != null;
    }
  }

  @Override
  public String name() {
    return "oneDNN";
  }

  /** The instructions that oneDNN uses here. */
  @Override
  public String instructions() {
    return OneDnn.instructions();
  }

  @Override
  public OptionalLong scratchBytes(ProductShape shape) {
    OptionalLong bytes = asked.get(shape);
    if (bytes == null) {
      Long described = CompiledProduct.scratchpadBytes(dnnl, shape);
      bytes = described == null ? OptionalLong.empty() : OptionalLong.of(described);
      asked.put(shape.copy(), bytes);
    }
    return bytes;
  }

  @Override
  public boolean multiply(ProductShape shape, long a, long b, long c) {
    Optional<CompiledProduct> product = compiled(shape);
    if (product.isEmpty()) {
      return false;
    }
    CompiledProduct code = product.get();
    code.execute(a, b, c, scratchpad.reserve(code.scratchpadBytes()));
    return true;
  }

  private Optional<CompiledProduct> compiled(ProductShape shape) {
    Optional<CompiledProduct> product = compiled.get(shape);
    return product == null ? compile(shape) : product;
  }

  private Optional<CompiledProduct> compile(ProductShape shape) {
    Optional<CompiledProduct> product = Optional.ofNullable(CompiledProduct.compile(dnnl, shape));
    compilations++;
    if (compiled.size() >= capacity) {
      compiled.pollFirstEntry().getValue().ifPresent(CompiledProduct::close);
    }
    compiled.put(shape.copy(), product);
    return product;
  }

  /** How many shapes code was generated for so far. */
  public long compilations() {
    return compilations;
  }

  /** Bytes of working memory held for oneDNN. */
  public long scratchpadBytes() {
    return scratchpad.capacity();
  }

  @Override
  public void close() {
    compiled.values().forEach(product -> product.ifPresent(CompiledProduct::close));
    compiled.clear();
    scratchpad.close();
    dnnl.close();
  }
}
