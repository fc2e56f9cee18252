package dev.graft.tokenizer;

/**
 * Input that the user can put right: a data file, a chat template or a checkpoint's tokenizer
 * files. The message stands on its own: which file, which line, what is wrong, what to do.
 */
public final class DataException extends RuntimeException {
  private static final long serialVersionUID = 1L;
  // Not serialized: exceptions of ours never leave the process.
  private final transient Origin origin;

  /**
   * @param message which file and line, what is wrong, what to do
   */
  public DataException(String message) {
    super(message);
    origin = Origin.MEMORY;
  }

  /**
   * @param origin the row that is wrong; the message begins with it
   * @param what what is wrong with it, what to do
   */
  public DataException(Origin origin, String what) {
    super(origin + ": " + what);
    this.origin = origin;
  }

  /**
   * @param origin the row that is wrong; the message begins with it
   * @param what what is wrong with it, what to do
   * @param cause what was thrown underneath; its own message is not shown to the user
   */
  public DataException(Origin origin, String what, Throwable cause) {
    super(origin + ": " + what, cause);
    this.origin = origin;
  }

  /**
   * @param message which file and line, what is wrong, what to do
   * @param cause what was thrown underneath; its own message is not shown to the user
   */
  public DataException(String message, Throwable cause) {
    super(message, cause);
    origin = Origin.MEMORY;
  }

  /** The row that is wrong, {@link Origin#MEMORY} where it is not a row of a file. */
  public Origin origin() {
    return origin;
  }

  /** What is wrong and what to do, without the row that {@link #origin()} names. */
  public String problem() {
    String message = String.valueOf(getMessage());
    String place = origin + ": ";
    return message.startsWith(place) ? message.substring(place.length()) : message;
  }
}
