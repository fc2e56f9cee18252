package dev.graft.trainer.kernels.cuda.binding;

import dev.graft.trainer.config.UserException;

/** Something about the card, its driver or its libraries that keeps graft from computing there. */
public final class CudaException extends UserException {

  /** What went wrong, and what to do. */
  public CudaException(String message) {
    super(message);
  }

  /** What went wrong, what to do, and why. */
  public CudaException(String message, Throwable cause) {
    super(message, cause);
  }
}
