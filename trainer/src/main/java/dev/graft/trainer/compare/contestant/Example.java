package dev.graft.trainer.compare.contestant;

import dev.graft.tokenizer.Message;
import dev.graft.tokenizer.Role;
import java.util.List;

/**
 * A held-out example.
 *
 * @param id the data's own, or the row's number from 1
 * @param prompt everything before the last answer
 * @param reference the last answer
 */
public record Example(String id, List<Message> prompt, String reference) {

  public Example {
    prompt = List.copyOf(prompt);
  }

  /** What a person reads as the question: the last human message. */
  public String question() {
    return prompt.stream()
        .filter(message -> message.role() == Role.HUMAN)
        .reduce((_, last) -> last)
        .map(Message::content)
        .orElse("");
  }
}
