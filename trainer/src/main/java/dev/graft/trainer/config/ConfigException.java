package dev.graft.trainer.config;

/** A configuration that cannot be used; the message names the key and the file and line. */
public final class ConfigException extends UserException {

  private static final long serialVersionUID = 1L;

  public ConfigException(String message) {
    super(message);
  }
}
