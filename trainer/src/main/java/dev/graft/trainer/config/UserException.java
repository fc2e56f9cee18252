package dev.graft.trainer.config;

/**
 * Something that the user can put right. The message stands alone: it says where, what is wrong and
 * what to do. The command line prints it without a stack trace and exits with code 2.
 */
public class UserException extends RuntimeException {

  private static final long serialVersionUID = 1L;

  public UserException(String message) {
    super(message);
  }

  public UserException(String message, Throwable cause) {
    super(message, cause);
  }
}
