package dev.graft.trainer.generate;

import dev.graft.modelio.peft.PeftAdapter;
import dev.graft.tokenizer.ChatFormats;
import dev.graft.tokenizer.ConversationEncoder;
import dev.graft.tokenizer.Message;
import dev.graft.tokenizer.Role;
import dev.graft.tokenizer.Tokenizer;
import dev.graft.trainer.config.UserException;
import dev.graft.trainer.lora.LoraAdapter;
import dev.graft.trainer.model.Decoder;
import dev.graft.trainer.model.StackedRanks;
import dev.graft.trainer.runtime.BaseModel;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;

/** A base model, with an adapter or without, that answers prompts. */
public final class Generator {

  private final BaseModel base;
  private final StackedRanks ranks;

  /**
   * Puts an adapter on a base model.
   *
   * @param base stays the caller's
   * @param adapter a PEFT folder; absent for the base model alone
   */
  public Generator(BaseModel base, Optional<Path> adapter) {
    this.base = base;
    this.ranks =
        adapter
            .map(folder -> LoraAdapter.of(PeftAdapter.read(folder, base.config()), base.model()))
            .map(LoraAdapter::ranks)
            .orElse(StackedRanks.NONE);
  }

  /**
   * The tokens of a text that is to be continued as it stands: BOS, if the tokenizer knows one, and
   * the text. Special tokens written out in it are those tokens.
   */
  public int[] continuation(String text) {
    Tokenizer tokenizer = base.tokenizer();
    int[] ids = text.isEmpty() ? new int[0] : tokenizer.encode(text);
    Integer bos = tokenizer.bosId();
    if (bos == null && ids.length == 0) {
      throw new UserException(
          base.folder() + ": the tokenizer names no BOS, so that an empty prompt has no token.");
    }
    boolean beginsWithBos = ids.length > 0 && bos != null && ids[0] == bos;
    if (bos == null || beginsWithBos || (ids.length > 0 && !tokenizer.addsBos())) {
      return ids;
    }
    int[] withBos = new int[ids.length + 1];
    withBos[0] = bos;
    System.arraycopy(ids, 0, withBos, 1, ids.length);
    return withBos;
  }

  /**
   * The tokens from which the assistant answers one human message.
   *
   * @param template as {@code data.template}
   */
  public int[] question(String text, String template) {
    var format = ChatFormats.forBase(base.folder(), template).format();
    return new ConversationEncoder(base.tokenizer(), format)
        .prompt(List.of(new Message(Role.HUMAN, text)));
  }

  /**
   * Generates from tokens.
   *
   * @param maxTokens at most so many new ones
   * @param text called with each piece of text as soon as its characters are complete
   * @param stop asked before each token
   */
  public TextGeneration.Result generate(
      int[] prompt, Sampler sampler, int maxTokens, Consumer<String> text, BooleanSupplier stop) {
    Decoder decoder = base.model().decoder(prompt.length + maxTokens, ranks);
    return new TextGeneration(decoder, base.tokenizer())
        .generate(prompt, sampler, maxTokens, text, stop);
  }

  /** The logits after each token of a sequence, chunk by chunk in order, (n · V) each. */
  public void logits(int[] tokens, Consumer<float[]> chunk) {
    base.model().decoder(tokens.length, ranks).logits(tokens, chunk);
  }
}
