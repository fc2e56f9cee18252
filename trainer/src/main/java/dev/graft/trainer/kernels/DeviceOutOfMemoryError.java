package dev.graft.trainer.kernels;

/**
 * A device's own memory ran out: an error as Java's own is, since it may come from any operation
 * that allocates, but one that a larger heap does nothing about.
 */
public final class DeviceOutOfMemoryError extends OutOfMemoryError {

  private static final long serialVersionUID = 1L;

  /** What was wanted, and what there is. */
  public DeviceOutOfMemoryError(String message) {
    super(message);
  }
}
