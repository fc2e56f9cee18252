package dev.graft.trainer.kernels.onednn;

import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_DST;
import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_SCRATCHPAD;
import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_SRC;
import static org.bytedeco.dnnl.global.dnnl.DNNL_ARG_WEIGHTS;
import static org.bytedeco.dnnl.global.dnnl.dnnl_matmul_primitive_desc_create;
import static org.bytedeco.dnnl.global.dnnl.dnnl_memory_create;
import static org.bytedeco.dnnl.global.dnnl.dnnl_memory_desc_create_with_strides;
import static org.bytedeco.dnnl.global.dnnl.dnnl_memory_desc_destroy;
import static org.bytedeco.dnnl.global.dnnl.dnnl_memory_desc_get_size;
import static org.bytedeco.dnnl.global.dnnl.dnnl_memory_destroy;
import static org.bytedeco.dnnl.global.dnnl.dnnl_memory_set_data_handle;
import static org.bytedeco.dnnl.global.dnnl.dnnl_post_ops_append_sum;
import static org.bytedeco.dnnl.global.dnnl.dnnl_post_ops_create;
import static org.bytedeco.dnnl.global.dnnl.dnnl_post_ops_destroy;
import static org.bytedeco.dnnl.global.dnnl.dnnl_primitive_attr_create;
import static org.bytedeco.dnnl.global.dnnl.dnnl_primitive_attr_destroy;
import static org.bytedeco.dnnl.global.dnnl.dnnl_primitive_attr_set_post_ops;
import static org.bytedeco.dnnl.global.dnnl.dnnl_primitive_attr_set_scratchpad_mode;
import static org.bytedeco.dnnl.global.dnnl.dnnl_primitive_create;
import static org.bytedeco.dnnl.global.dnnl.dnnl_primitive_desc_destroy;
import static org.bytedeco.dnnl.global.dnnl.dnnl_primitive_desc_query;
import static org.bytedeco.dnnl.global.dnnl.dnnl_primitive_desc_query_md;
import static org.bytedeco.dnnl.global.dnnl.dnnl_primitive_destroy;
import static org.bytedeco.dnnl.global.dnnl.dnnl_primitive_execute;
import static org.bytedeco.dnnl.global.dnnl.dnnl_query_impl_info_str;
import static org.bytedeco.dnnl.global.dnnl.dnnl_query_scratchpad_md;
import static org.bytedeco.dnnl.global.dnnl.dnnl_scratchpad_mode_user;
import static org.bytedeco.dnnl.global.dnnl.dnnl_stream_wait;

import dev.graft.trainer.kernels.products.ProductShape;
import dev.graft.trainer.tensor.ElementType;
import org.bytedeco.dnnl.dnnl_exec_arg_t;
import org.bytedeco.dnnl.dnnl_memory;
import org.bytedeco.dnnl.dnnl_memory_desc;
import org.bytedeco.dnnl.dnnl_post_ops;
import org.bytedeco.dnnl.dnnl_primitive;
import org.bytedeco.dnnl.dnnl_primitive_attr;
import org.bytedeco.dnnl.dnnl_primitive_desc;
import org.bytedeco.javacpp.BytePointer;
import org.bytedeco.javacpp.LongPointer;
import org.bytedeco.javacpp.Pointer;
import org.bytedeco.javacpp.PointerPointer;
import org.bytedeco.javacpp.PointerScope;
import org.jspecify.annotations.Nullable;

/**
 * A product that oneDNN has generated code for. Everything that an execution needs is made once
 * here; executing only sets four addresses.
 */
final class CompiledProduct implements AutoCloseable {

  /** A pointer to wherever it is told, so that setting an address makes no garbage. */
  private static final class Address extends Pointer {
    Address at(long target) {
      this.address = target;
      return this;
    }
  }

  private static final int ARGUMENTS = 4;

  private final OneDnn dnnl;
  private final dnnl_primitive primitive;
  private final dnnl_memory a;
  private final dnnl_memory b;
  private final dnnl_memory c;
  private final dnnl_memory scratchpad;
  private final dnnl_exec_arg_t arguments;
  private final long scratchpadBytes;
  private final Address address = new Address();

  private CompiledProduct(
      OneDnn dnnl, dnnl_primitive_desc description, Descriptions of, ProductShape shape) {
    this.dnnl = dnnl;
    this.primitive = new dnnl_primitive();
    OneDnn.check(dnnl_primitive_create(primitive, description), "compiling " + shape);
    dnnl_memory_desc work = scratchpad(description);
    this.scratchpadBytes = dnnl_memory_desc_get_size(work);
    this.a = memory(of.a);
    this.b = memory(of.b);
    this.c = memory(of.c);
    this.scratchpad = memory(work);
    this.arguments = new dnnl_exec_arg_t(ARGUMENTS);
    // Not left to the garbage collector's mercy: close() frees them.
    arguments.retainReference();
    set(0, DNNL_ARG_SRC, a);
    set(1, DNNL_ARG_WEIGHTS, b);
    set(2, DNNL_ARG_DST, c);
    set(3, DNNL_ARG_SCRATCHPAD, scratchpad);
    arguments.position(0);
  }

  /** The layouts of the three operands. */
  private record Descriptions(dnnl_memory_desc a, dnnl_memory_desc b, dnnl_memory_desc c)
      implements AutoCloseable {

    static Descriptions of(ProductShape s) {
      return new Descriptions(
          describe(s.aType(), s.m(), s.k(), s.aRow(), s.aColumn()),
          describe(s.bType(), s.k(), s.n(), s.bRow(), s.bColumn()),
          describe(s.cType(), s.m(), s.n(), s.cRow(), 1));
    }

    private static dnnl_memory_desc describe(
        ElementType type, long rows, long columns, long row, long column) {
      dnnl_memory_desc description = new dnnl_memory_desc();
      OneDnn.check(
          dnnl_memory_desc_create_with_strides(
              description,
              2,
              new LongPointer(rows, columns),
              OneDnn.dataType(type),
              new LongPointer(row, column)),
          "describing a matrix");
      return description;
    }

    @Override
    public void close() {
      dnnl_memory_desc_destroy(a);
      dnnl_memory_desc_destroy(b);
      dnnl_memory_desc_destroy(c);
    }
  }

  /** What is made of a description, before it is freed. */
  private interface Maker<T> {
    T make(dnnl_primitive_desc description, Descriptions of);
  }

  /**
   * Generates code for a product.
   *
   * @return null if this processor has no fast implementation
   */
  static @Nullable CompiledProduct compile(OneDnn dnnl, ProductShape shape) {
    return describe(
        dnnl, shape, (description, of) -> new CompiledProduct(dnnl, description, of, shape));
  }

  /**
   * Bytes of working memory that a product will need, without generating its code, which takes a
   * hundred times as long.
   *
   * @return null if this processor has no fast implementation
   */
  static @Nullable Long scratchpadBytes(OneDnn dnnl, ProductShape shape) {
    return describe(
        dnnl, shape, (description, _) -> dnnl_memory_desc_get_size(scratchpad(description)));
  }

  private static <T> @Nullable T describe(OneDnn dnnl, ProductShape shape, Maker<T> maker) {
    try (PointerScope _ = new PointerScope();
        Descriptions of = Descriptions.of(shape)) {
      dnnl_primitive_attr attributes = attributes(shape.accumulates());
      dnnl_primitive_desc description = new dnnl_primitive_desc();
      int status =
          dnnl_matmul_primitive_desc_create(
              description, dnnl.engine(), of.a, of.b, null, of.c, attributes);
      dnnl_primitive_attr_destroy(attributes);
      if (!OneDnn.isImplemented(status, "describing " + shape)) {
        return null;
      }
      try {
        // oneDNN's reference code is thousands of times slower: better not at all than by that.
        return implementation(description).startsWith("ref") ? null : maker.make(description, of);
      } finally {
        dnnl_primitive_desc_destroy(description);
      }
    }
  }

  private static dnnl_memory_desc scratchpad(dnnl_primitive_desc description) {
    return dnnl_primitive_desc_query_md(description, dnnl_query_scratchpad_md, 0);
  }

  private static dnnl_primitive_attr attributes(boolean accumulate) {
    dnnl_primitive_attr attributes = new dnnl_primitive_attr();
    OneDnn.check(dnnl_primitive_attr_create(attributes), "creating attributes");
    OneDnn.check(
        dnnl_primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user),
        "choosing the scratchpad");
    if (accumulate) {
      dnnl_post_ops sum = new dnnl_post_ops();
      OneDnn.check(dnnl_post_ops_create(sum), "creating post-ops");
      OneDnn.check(dnnl_post_ops_append_sum(sum, 1, 0, 0), "appending a sum");
      OneDnn.check(dnnl_primitive_attr_set_post_ops(attributes, sum), "setting post-ops");
      dnnl_post_ops_destroy(sum);
    }
    return attributes;
  }

  private static String implementation(dnnl_primitive_desc description) {
    PointerPointer<BytePointer> name = new PointerPointer<>(1);
    OneDnn.check(
        dnnl_primitive_desc_query(description, dnnl_query_impl_info_str, 0, name),
        "asking for the implementation");
    return name.get(BytePointer.class, 0).getString();
  }

  private dnnl_memory memory(dnnl_memory_desc description) {
    dnnl_memory memory = new dnnl_memory();
    OneDnn.check(dnnl_memory_create(memory, description, dnnl.engine(), null), "creating a memory");
    return memory;
  }

  private void set(int index, int argument, dnnl_memory memory) {
    arguments.position(index).arg(argument).memory(memory);
  }

  /** Bytes of working memory that an execution needs. */
  long scratchpadBytes() {
    return scratchpadBytes;
  }

  /** Computes, and returns when done. */
  void execute(long aAddress, long bAddress, long cAddress, long scratchpadAddress) {
    point(a, aAddress);
    point(b, bAddress);
    point(c, cAddress);
    point(scratchpad, scratchpadAddress);
    OneDnn.check(
        dnnl_primitive_execute(primitive, dnnl.stream(), ARGUMENTS, arguments), "multiplying");
    OneDnn.check(dnnl_stream_wait(dnnl.stream()), "waiting for a product");
  }

  private void point(dnnl_memory memory, long target) {
    OneDnn.check(dnnl_memory_set_data_handle(memory, address.at(target)), "setting an address");
  }

  @Override
  public void close() {
    dnnl_primitive_destroy(primitive);
    dnnl_memory_destroy(a);
    dnnl_memory_destroy(b);
    dnnl_memory_destroy(c);
    dnnl_memory_destroy(scratchpad);
    arguments.releaseReference();
  }
}
