package dev.graft.trainer.cli;

import dev.graft.modelio.ModelConfig;
import dev.graft.modelio.hub.HubCache;
import dev.graft.tokenizer.ChatFormats;
import dev.graft.tokenizer.ConversationEncoder;
import dev.graft.tokenizer.DataFormat;
import dev.graft.tokenizer.EncodingOptions;
import dev.graft.tokenizer.HuggingFaceTokens;
import dev.graft.tokenizer.Tokenizer;
import dev.graft.tokenizer.WordCache;
import dev.graft.trainer.config.UserException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.OptionalInt;
import picocli.CommandLine.Option;

/** What the commands about data have in common: how to read it, and how it becomes tokens. */
final class DataOptions {

  @Option(
      names = "--format",
      paramLabel = "FORMAT",
      defaultValue = "auto",
      description =
          "auto, conversations, sharegpt, messages, anthropic, instruction, prompt-completion or"
              + " tokens (default: ${DEFAULT-VALUE}).")
  private String format = "auto";

  @Option(
      names = "--column",
      paramLabel = "NAME=COLUMN",
      description = "What a key is called in the file: --column prompt=Question. May be repeated.")
  private Map<String, String> columns = new LinkedHashMap<>();

  @Option(
      names = "--template",
      paramLabel = "TEMPLATE",
      defaultValue = "auto",
      description =
          "auto, llama3, llama2, mistral, chatml, zephyr, plain, or a Jinja file"
              + " (default: ${DEFAULT-VALUE}).")
  private String template = "auto";

  @Option(
      names = "--train-on",
      paramLabel = "WHICH",
      defaultValue = "all-assistant",
      description = "all-assistant or last-assistant (default: ${DEFAULT-VALUE}).")
  private String trainOn = "all-assistant";

  @Option(names = "--train-on-prompt", description = "Everything is learned, not only answers.")
  private boolean trainOnPrompt;

  @Option(
      names = "--allow-special",
      description = "Text in messages that looks like a control token is one.")
  private boolean allowSpecial;

  DataFormat format() {
    return DataFormat.parse(format);
  }

  Map<String, String> columns() {
    return columns;
  }

  private EncodingOptions encoding() {
    for (EncodingOptions.TrainOn choice : EncodingOptions.TrainOn.values()) {
      if (choice.name().replace('_', '-').equalsIgnoreCase(trainOn)) {
        return new EncodingOptions(choice, trainOnPrompt, allowSpecial);
      }
    }
    throw new UserException(
        "--train-on: is '" + trainOn + "', one of all-assistant, last-assistant is needed");
  }

  /** The folder of a base model. */
  static Path folder(String base) {
    return HubCache.ofEnvironment().resolve(base);
  }

  /** The longest text that a base is made for, where its folder says so. */
  static OptionalInt longest(Path folder) {
    Path config = folder.resolve("config.json");
    return Files.exists(config)
        ? OptionalInt.of(ModelConfig.read(config).maxPositionEmbeddings())
        : OptionalInt.empty();
  }

  /** Turns conversations into the tokens that training would make of them. */
  Encoder encoder(Path folder) {
    EncodingOptions options = encoding();
    Tokenizer tokenizer = WordCache.of(HuggingFaceTokens.load(folder));
    try {
      ChatFormats.Choice choice = ChatFormats.forBase(folder, template);
      return new Encoder(
          new ConversationEncoder(tokenizer, choice.format(), options), choice.reason());
    } catch (RuntimeException e) {
      tokenizer.close();
      throw e;
    }
  }

  /**
   * An encoder with its tokenizer, which is closed with it.
   *
   * @param reason why this chat format
   */
  record Encoder(ConversationEncoder encoder, String reason) implements AutoCloseable {
    @Override
    public void close() {
      encoder.tokenizer().close();
    }
  }
}
