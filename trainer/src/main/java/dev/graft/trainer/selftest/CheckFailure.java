package dev.graft.trainer.selftest;

/** Kernels did not do what they have to. */
final class CheckFailure extends RuntimeException {

  private static final long serialVersionUID = 1L;

  CheckFailure(String message) {
    super(message);
  }
}
