package dev.graft.trainer.model;

import dev.graft.trainer.kernels.Kernels;

/**
 * What a {@link TrainingPass} allocated, in bytes, by what it is for: read off the kernels while
 * they allocated it.
 *
 * @param activations what layers keep for their backward
 * @param gradients what layers' backwards use in turn
 * @param logits the output projection: its input's rows and one chunk of logits
 * @param other rotary tables, token ids, and the amplitudes of noise
 */
public record PassMemory(long activations, long gradients, long logits, long other) {

  /** All of it. */
  public long total() {
    return activations + gradients + logits + other;
  }

  /** Tells how much was allocated since it was last asked. */
  static final class Meter {

    private final Kernels kernels;
    private long seen;

    Meter(Kernels kernels) {
      this.kernels = kernels;
      this.seen = kernels.allocatedBytes();
    }

    long sinceLast() {
      long before = seen;
      seen = kernels.allocatedBytes();
      return seen - before;
    }
  }
}
