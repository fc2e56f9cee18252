package dev.graft.trainer.kernels.onednn;

import static org.bytedeco.dnnl.global.dnnl.dnnl_bf16;
import static org.bytedeco.dnnl.global.dnnl.dnnl_cpu;
import static org.bytedeco.dnnl.global.dnnl.dnnl_engine_create;
import static org.bytedeco.dnnl.global.dnnl.dnnl_engine_destroy;
import static org.bytedeco.dnnl.global.dnnl.dnnl_f16;
import static org.bytedeco.dnnl.global.dnnl.dnnl_f32;
import static org.bytedeco.dnnl.global.dnnl.dnnl_get_effective_cpu_isa;
import static org.bytedeco.dnnl.global.dnnl.dnnl_s32;
import static org.bytedeco.dnnl.global.dnnl.dnnl_set_primitive_cache_capacity;
import static org.bytedeco.dnnl.global.dnnl.dnnl_stream_create;
import static org.bytedeco.dnnl.global.dnnl.dnnl_stream_default_flags;
import static org.bytedeco.dnnl.global.dnnl.dnnl_stream_destroy;
import static org.bytedeco.dnnl.global.dnnl.dnnl_success;
import static org.bytedeco.dnnl.global.dnnl.dnnl_unimplemented;

import dev.graft.trainer.tensor.ElementType;
import org.bytedeco.dnnl.dnnl_engine;
import org.bytedeco.dnnl.dnnl_stream;
import org.bytedeco.dnnl.global.dnnl;

/** oneDNN's engine and stream on this machine's processor. */
final class OneDnn implements AutoCloseable {

  private final dnnl_engine engine = new dnnl_engine();
  private final dnnl_stream stream = new dnnl_stream();

  OneDnn() {
    check(dnnl_engine_create(engine, dnnl_cpu, 0), "creating the engine");
    check(dnnl_stream_create(stream, engine, dnnl_stream_default_flags), "creating the stream");
    // The products keep what they compiled themselves; a second cache would only hold more memory.
    check(dnnl_set_primitive_cache_capacity(0), "switching off the primitive cache");
  }

  dnnl_engine engine() {
    return engine;
  }

  dnnl_stream stream() {
    return stream;
  }

  /** oneDNN's number for a type. */
  static int dataType(ElementType type) {
    return switch (type) {
      case F32 -> dnnl_f32;
      case BF16 -> dnnl_bf16;
      case F16 -> dnnl_f16;
      case I32 -> dnnl_s32;
    };
  }

  /** The instructions that oneDNN found and may use, by its own name for them. */
  static String instructions() {
    int isa = dnnl_get_effective_cpu_isa();
    return switch (isa) {
      case dnnl.dnnl_cpu_isa_sse41 -> "SSE4.1";
      case dnnl.dnnl_cpu_isa_avx -> "AVX";
      case dnnl.dnnl_cpu_isa_avx2 -> "AVX2";
      case dnnl.dnnl_cpu_isa_avx2_vnni -> "AVX2-VNNI";
      case dnnl.dnnl_cpu_isa_avx2_vnni_2 -> "AVX2-VNNI-2";
      case dnnl.dnnl_cpu_isa_avx512_core -> "AVX-512";
      case dnnl.dnnl_cpu_isa_avx512_core_vnni -> "AVX512_VNNI";
      case dnnl.dnnl_cpu_isa_avx512_core_bf16 -> "AVX512_BF16";
      case dnnl.dnnl_cpu_isa_avx512_core_fp16 -> "AVX512_FP16";
      case dnnl.dnnl_cpu_isa_avx512_core_amx -> "AMX";
      case dnnl.dnnl_cpu_isa_avx512_core_amx_fp16 -> "AMX-FP16";
      default -> "instruction set 0x" + Integer.toHexString(isa);
    };
  }

  /** Whether a call succeeded; false if this processor has no implementation of what was asked. */
  static boolean isImplemented(int status, String what) {
    if (status == dnnl_unimplemented) {
      return false;
    }
    check(status, what);
    return true;
  }

  static void check(int status, String what) {
    if (status != dnnl_success) {
      throw new IllegalStateException("oneDNN: %s failed with status %d".formatted(what, status));
    }
  }

  @Override
  public void close() {
    check(dnnl_stream_destroy(stream), "freeing the stream");
    check(dnnl_engine_destroy(engine), "freeing the engine");
  }
}
