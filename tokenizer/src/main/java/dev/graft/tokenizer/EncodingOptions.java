package dev.graft.tokenizer;

import java.util.stream.IntStream;

/**
 * What of a conversation is learned, and what its words may be.
 *
 * @param trainOn which of the assistant's messages are learned; those that the data marks as not to
 *     be learned never are
 * @param trainOnPrompt learn everything else as well: system, human and tool messages and the
 *     template's own markup. An assistant's message that is not learned stays out
 * @param allowSpecial {@code <|im_end|>} in somebody's words is the control token, not text
 */
public record EncodingOptions(TrainOn trainOn, boolean trainOnPrompt, boolean allowSpecial) {
  /** All answers and nothing else; words are words. */
  public static final EncodingOptions DEFAULT =
      new EncodingOptions(TrainOn.ALL_ASSISTANT, false, false);

  /** Which of the assistant's messages are learned. */
  public enum TrainOn {
    /** Each of them. */
    ALL_ASSISTANT,
    /** The last one of a conversation only; the others are context. */
    LAST_ASSISTANT
  }

  /** The conversation with the messages that are not learned marked so. */
  Conversation apply(Conversation conversation) {
    if (trainOn == TrainOn.ALL_ASSISTANT) {
      return conversation;
    }
    int last = conversation.messages().size() - 1;
    return conversation.with(
        IntStream.rangeClosed(0, last)
            .mapToObj(i -> {
              Message message = conversation.messages().get(i);
              return message.learned(message.learned() && i == last);
            })
            .toList());
  }
}
