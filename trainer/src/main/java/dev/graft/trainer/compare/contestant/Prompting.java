package dev.graft.trainer.compare.contestant;

import dev.graft.tokenizer.Conversation;
import dev.graft.tokenizer.ConversationReader;
import dev.graft.tokenizer.DataFormat;
import dev.graft.tokenizer.Message;
import dev.graft.tokenizer.Role;
import dev.graft.tokenizer.Row;
import dev.graft.trainer.config.UserException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What is said to a contestant besides the example.
 *
 * @param system in place of the data's own system message
 * @param shots exchanges that are put before every example
 */
public record Prompting(Optional<String> system, List<Message> shots) {

  public Prompting {
    shots = List.copyOf(shots);
  }

  /** Reads the files that a configuration names. */
  public static Prompting of(
      Optional<String> system, Optional<Path> systemFile, Optional<Path> fewShot) {
    Optional<String> words = system.or(() -> systemFile.map(Prompting::text));
    var shots = new ArrayList<Message>();
    fewShot.ifPresent(file -> {
      try (ConversationReader reader = ConversationReader.open(file, DataFormat.AUTO)) {
        for (Row row : reader) {
          if (!(row instanceof Conversation conversation)) {
            throw new UserException(file + ": holds tokens; few-shot examples are conversations");
          }
          conversation.messages().stream()
              .filter(message -> message.role() != Role.SYSTEM)
              .forEach(shots::add);
        }
      }
    });
    return new Prompting(words, shots);
  }

  private static String text(Path file) {
    try {
      return Files.readString(file).strip();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Everything that the contestant reads. */
  List<Message> messages(Example example) {
    var messages = new ArrayList<Message>();
    Optional<String> own =
        example.prompt().getFirst().role() == Role.SYSTEM
            ? Optional.of(example.prompt().getFirst().content())
            : Optional.empty();
    system
        .or(() -> own)
        .filter(it -> !it.isEmpty())
        .ifPresent(it -> messages.add(Message.system(it)));
    messages.addAll(shots);
    example.prompt().stream().filter(it -> it.role() != Role.SYSTEM).forEach(messages::add);
    return messages;
  }
}
