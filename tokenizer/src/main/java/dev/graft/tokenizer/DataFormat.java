package dev.graft.tokenizer;

import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;

/** What the rows of a data file are; the key {@code data.format} of a run. */
public enum DataFormat {
  /** Whichever of the others the first row is. */
  AUTO("of any kind"),
  /** Messages: {@code {"conversations":[{"role":"human","content":"…"}, …]}}. */
  CONVERSATIONS("conversation"),
  /** {@code {"conversations":[{"from":"human","value":"…"},{"from":"gpt","value":"…"}]}}. */
  SHAREGPT("ShareGPT"),
  /** OpenAI's: {@code {"messages":[{"role":"user","content":"…"}, …],"tools":[…]}}. */
  MESSAGES("messages"),
  /** Anthropic's and Bedrock's: {@code {"system":"…","messages":[…]}}, content may be blocks. */
  ANTHROPIC("Anthropic"),
  /** {@code {"instruction":"…","input":"…","output":"…"}}; input and a system key are optional. */
  INSTRUCTION("instruction"),
  /** {@code {"prompt":"…","completion":"…"}}, or lists of messages in both. */
  PROMPT_COMPLETION("prompt/completion"),
  /** Tokens: {@code {"input_ids":[…],"labels":[…]}}, label -100 where a token is not a target. */
  TOKENS("pre-tokenized");

  private final String kind;

  DataFormat(String kind) {
    this.kind = kind;
  }

  /**
   * The format that a configuration names.
   *
   * @param name {@code auto}, {@code conversations}, …, see {@link #configName()}
   * @throws DataException for any other name
   */
  public static DataFormat parse(String name) {
    for (DataFormat format : values()) {
      if (format.configName().equals(name)) {
        return format;
      }
    }
    throw new DataException(
        "data.format: \""
            + name
            + "\" is not known. Use one of "
            + Arrays.stream(values()).map(DataFormat::configName).collect(Collectors.joining(", "))
            + ".");
  }

  /** The name in a configuration. */
  public String configName() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  /** What one calls such a row: {@code pre-tokenized}. */
  String kind() {
    return kind;
  }

  /** Whether rows of both formats may stand in one file: Bedrock's "system" is optional. */
  boolean mixesWith(DataFormat other) {
    return this == other || (isMessages() && other.isMessages());
  }

  private boolean isMessages() {
    return this == MESSAGES || this == ANTHROPIC;
  }
}
