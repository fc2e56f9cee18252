package dev.graft.trainer.bench;

import java.util.Locale;

/** What a step's time is booked under. */
enum Operation {
  BASE_FORWARD("base products, forward"),
  BASE_BACKWARD("base products, towards the input"),
  ADAPTER_FORWARD("adapter products, forward"),
  ADAPTER_BACKWARD("adapter products, towards the input"),
  ADAPTER_GRADIENT("adapter products, weight gradients"),
  ATTENTION("attention, forward"),
  ATTENTION_BACKWARD("attention, backward"),
  CACHED_ATTENTION("attention against the cache"),
  RMS_NORM("RMSNorm, forward"),
  RMS_NORM_BACKWARD("RMSNorm, backward"),
  ROPE("rotary embedding, both ways"),
  SWIGLU("SwiGLU, forward"),
  SWIGLU_BACKWARD("SwiGLU, backward"),
  CROSS_ENTROPY("cross-entropy"),
  DROPOUT("dropout"),
  NOISE("noise on embeddings"),
  MOVING("copies, sums, scaling, zeroing"),
  UPDATE("the optimizer's update"),
  HOST("to and from the host"),
  OUTSIDE("outside the kernels: a host's optimizer, clipping, Java");

  private final String words;

  Operation(String words) {
    this.words = words;
  }

  /** For a table. */
  String words() {
    return words;
  }

  /** For JSON: {@code base_forward}. */
  String key() {
    return name().toLowerCase(Locale.ROOT);
  }
}
