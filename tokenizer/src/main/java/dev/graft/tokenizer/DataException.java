package dev.graft.tokenizer;

/**
 * Input that the user can put right: a data file, a chat template or a checkpoint's tokenizer
 * files. The message stands on its own: which file, which line, what is wrong, what to do.
 */
public final class DataException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /**
   * @param message which file and line, what is wrong, what to do
   */
  public DataException(String message) {
    super(message);
  }

  /**
   * @param message which file and line, what is wrong, what to do
   * @param cause what was thrown underneath; its own message is not shown to the user
   */
  public DataException(String message, Throwable cause) {
    super(message, cause);
  }
}
