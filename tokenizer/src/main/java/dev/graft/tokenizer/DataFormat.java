package dev.graft.tokenizer;

import java.util.Locale;

/** What the rows of a data file are; the key {@code data.format} of a run. */
public enum DataFormat {
  /** Whichever of the others the first row is. */
  AUTO,
  /** Messages: {@code {"conversations":[{"role":"human","content":"…"}, …]}}. */
  CONVERSATIONS,
  /** Tokens: {@code {"input_ids":[…],"labels":[…]}}, label -100 where a token is not a target. */
  TOKENS;

  /**
   * The format that a configuration names.
   *
   * @param name {@code auto}, {@code conversations} or {@code tokens}
   * @throws DataException for any other name
   */
  public static DataFormat parse(String name) {
    for (DataFormat format : values()) {
      if (format.configName().equals(name)) {
        return format;
      }
    }
    throw new DataException(
        "data.format: \"" + name + "\" is not known. Use auto, conversations or tokens.");
  }

  /** The name in a configuration. */
  public String configName() {
    return name().toLowerCase(Locale.ROOT);
  }
}
