package dev.graft.modelio;

import org.jspecify.annotations.Nullable;

/**
 * A model file, folder or address that cannot be used. The message names the file and the tensor or
 * key, says what is wrong and, where there is something to do about it, what to do.
 */
public class ModelIoException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public ModelIoException(String message) {
    super(message);
  }

  public ModelIoException(String message, @Nullable Throwable cause) {
    super(message, cause);
  }
}
