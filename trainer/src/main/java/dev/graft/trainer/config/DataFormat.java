package dev.graft.trainer.config;

/** What a line of a data file holds. */
public enum DataFormat {
  /** Told from the first object of the file. */
  AUTO,
  /** {@code {"conversations":[{"role":…,"content":…},…]}}. */
  CONVERSATIONS,
  /** {@code {"conversations":[{"from":…,"value":…},…]}}. */
  SHAREGPT,
  /** OpenAI's {@code {"messages":[{"role":…,"content":…},…]}}. */
  MESSAGES,
  /** Anthropic's and Bedrock's {@code {"system":…,"messages":[…]}}. */
  ANTHROPIC,
  /** {@code {"instruction":…,"input":…,"output":…}}. */
  INSTRUCTION,
  /** {@code {"prompt":…,"completion":…}}. */
  PROMPT_COMPLETION,
  /** {@code {"input_ids":[…],"labels":[…]}}, -100 where a token is not a target. */
  TOKENS
}
