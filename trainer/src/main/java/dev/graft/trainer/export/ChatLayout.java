package dev.graft.trainer.export;

import dev.graft.tokenizer.ChatFormats;
import dev.graft.tokenizer.Tokenizer;
import dev.graft.trainer.config.DataFormat;
import dev.graft.trainer.config.RunConfig;
import java.nio.file.Path;
import java.util.Optional;

/**
 * The chat template that an export takes along: the one that the adapter was trained with, so that
 * a server lays conversations out as training did.
 */
final class ChatLayout {
  private ChatLayout() {}

  /**
   * The template as Jinja.
   *
   * @param tokenizer absent where the base has none
   */
  static Optional<String> of(ExportSource source, Path base, Optional<Tokenizer> tokenizer) {
    Optional<String> beside = ChatFormats.templateIn(source.adapter().orElse(base));
    if (beside.isPresent()) {
      return beside;
    }
    boolean chats =
        tokenizer.isPresent()
            && source.config().map(c -> c.data().format() != DataFormat.TOKENS).orElse(false);
    if (!chats) {
      return ChatFormats.templateIn(base);
    }
    String template = source.config().map(RunConfig::data).orElseThrow().template();
    return Optional.of(ChatFormats.forBase(base, template).format().jinja());
  }
}
