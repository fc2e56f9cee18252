package dev.graft.trainer.kernels;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;

/**
 * What every implementation of {@link Kernels} has to do: each operation against the reference in
 * float64, at sizes that nobody optimizes for, alone in memory and inside something larger. A new
 * implementation subclasses this and {@link GradientContract}.
 */
abstract class KernelsContract
    implements ProductContract,
        AttentionContract,
        LayerContract,
        MagnitudeContract,
        MovingContract,
        MemoryContract {

  private TwinKernels twins;

  /** New kernels, closed by the contract. */
  abstract Kernels create();

  @Override
  public TwinKernels twins() {
    return twins;
  }

  @BeforeEach
  void open() {
    twins = new TwinKernels(create());
  }

  /** Closing looks whether anything was touched that should not have been. */
  @AfterEach
  void close() {
    twins.close();
  }
}
