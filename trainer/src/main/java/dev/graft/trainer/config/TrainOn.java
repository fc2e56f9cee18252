package dev.graft.trainer.config;

/** Which of the assistant's messages are learned. */
public enum TrainOn {
  /** Each of them. */
  ALL_ASSISTANT,
  /** The last of a conversation; the others are context. */
  LAST_ASSISTANT
}
