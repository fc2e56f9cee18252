package dev.graft.trainer.selftest;

import dev.graft.trainer.kernels.Kernels;
import java.util.function.Consumer;

/** One case of an operation. */
public final class Check {

  private final String operation;
  private final String name;
  private final Consumer<TwinKernels> body;

  Check(String operation, String name, Consumer<TwinKernels> body) {
    this.operation = operation;
    this.name = name;
    this.body = body;
  }

  /** The method of {@link Kernels} that is looked at. */
  public String operation() {
    return operation;
  }

  /** The operation and its case. */
  public String name() {
    return operation + ", " + name;
  }

  /**
   * Runs it, also looking whether anything was touched that should not have been.
   *
   * @param tested left open; what was allocated stays theirs
   * @param oracle the reference in float64
   * @throws RuntimeException what the kernels threw
   */
  public Outcome run(Kernels tested, Kernels oracle) {
    TwinKernels twins = new TwinKernels(tested, oracle);
    try {
      body.accept(twins);
      twins.expectRestUntouched();
    } catch (CheckFailure e) {
      return twins.worst().failed(String.valueOf(e.getMessage()));
    }
    return twins.worst();
  }

  @Override
  public String toString() {
    return name();
  }
}
