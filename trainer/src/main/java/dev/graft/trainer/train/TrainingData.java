package dev.graft.trainer.train;

import dev.graft.modelio.ModelConfig;
import dev.graft.tokenizer.ConversationEncoder;
import dev.graft.tokenizer.DataFormat;
import dev.graft.tokenizer.LengthSummary;
import dev.graft.tokenizer.MaxLength;
import dev.graft.tokenizer.SequenceReader;
import dev.graft.tokenizer.TokenSequence;
import dev.graft.trainer.config.DataConfig;
import dev.graft.trainer.config.RunConfig;
import dev.graft.trainer.config.UserException;
import dev.graft.trainer.data.Split;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;

/**
 * The examples of a run, read, tokenized and checked.
 *
 * @param train at least one
 * @param validation may be empty
 * @param notes what a person should know about them, a sentence each
 */
record TrainingData(List<TokenSequence> train, List<TokenSequence> validation, List<String> notes) {

  /**
   * Reads everything that a configuration names.
   *
   * @param encoder asked only if there are conversations to tokenize
   * @throws dev.graft.tokenizer.DataException if a file is damaged
   * @throws UserException if an example does not suit the model, or none is left
   */
  static TrainingData load(
      RunConfig config, ModelConfig model, Supplier<ConversationEncoder> encoder) {
    Loader loader = new Loader(config.data(), model, encoder);
    List<TokenSequence> train = loader.read("training", config.data().train());
    if (config.data().validationSplit().isPresent()) {
      if (train.size() < 2) {
        throw new UserException(
            "data.validation-split: one example cannot be split. Give a separate file as"
                + " data.validation, or none.");
      }
      double share = config.data().validationSplit().getAsDouble();
      Split<TokenSequence> split = Split.holdOut(train, share, config.training().seed());
      return new TrainingData(split.train(), split.validation(), List.copyOf(loader.notes));
    }
    List<TokenSequence> validation =
        config.data().validation().isEmpty()
            ? List.of()
            : loader.read("validation", config.data().validation());
    return new TrainingData(train, validation, List.copyOf(loader.notes));
  }

  /** Tokens of the longest example. */
  int longest() {
    int longest = 0;
    for (List<TokenSequence> part : List.of(train, validation)) {
      for (TokenSequence sequence : part) {
        longest = Math.max(longest, sequence.length());
      }
    }
    return longest;
  }

  /** Reads files one after another and remembers what is worth saying. */
  private static final class Loader {
    private final DataConfig config;
    private final ModelConfig model;
    private final Supplier<ConversationEncoder> encoder;
    private final MaxLength maxLength;
    private final List<String> notes = new ArrayList<>();
    private int withoutTarget;

    Loader(DataConfig config, ModelConfig model, Supplier<ConversationEncoder> encoder) {
      this.config = config;
      this.model = model;
      this.encoder = encoder;
      this.maxLength = new MaxLength(config.maxLength().orElse(model.maxPositionEmbeddings()));
      if (maxLength.tokens() > model.maxPositionEmbeddings()) {
        notes.add(
            "data.max-length %d is beyond the %d tokens that the base model was made for"
                .formatted(maxLength.tokens(), model.maxPositionEmbeddings()));
      }
    }

    List<TokenSequence> read(String what, List<Path> files) {
      List<TokenSequence> examples = new ArrayList<>();
      long rows = 0;
      withoutTarget = 0;
      for (Path file : files) {
        try (SequenceReader reader =
            SequenceReader.open(
                file,
                DataFormat.valueOf(config.format().name()),
                config.columnNames(),
                encoder,
                maxLength)) {
          for (TokenSequence sequence : reader) {
            take(sequence, examples);
          }
          noteOn(file, reader);
          rows += reader.lengths().rows();
        }
      }
      if (examples.isEmpty()) {
        throw new UserException(
            ("None of the %d rows of the %s data can be used: with at most %d tokens not even a"
                    + " first exchange fits. Raise data.max-length, or shorten the rows.")
                .formatted(rows, what, maxLength.tokens()));
      }
      if (withoutTarget == examples.size()) {
        throw new UserException(
            ("%s: no token of the %s data is a target, so that nothing can be learned from it."
                    + " Label the answers.")
                .formatted(files.getFirst(), what));
      }
      if (withoutTarget > 0) {
        notes.add(
            "%d rows of the %s data have no target; nothing is learned from them"
                .formatted(withoutTarget, what));
      }
      return List.copyOf(examples);
    }

    private void take(TokenSequence sequence, List<TokenSequence> examples) {
      if (sequence.maxTokenId() >= model.vocabSize()) {
        throw new UserException(
            ("%s: token id %d is outside the base model's embedding, which has %d rows. The rows"
                    + " were made with another tokenizer, or the tokenizer does not belong to this"
                    + " base.")
                .formatted(sequence.origin(), sequence.maxTokenId(), model.vocabSize()));
      }
      if (sequence.targetCount() == 0) {
        withoutTarget++;
      }
      examples.add(sequence);
    }

    private void noteOn(Path file, SequenceReader reader) {
      notes.add("%s: %s".formatted(file, reader.formatReason()));
      if (!reader.ignoredKeys().isEmpty()) {
        notes.add("%s: keys without a meaning here: %s".formatted(file, reader.ignoredKeys()));
      }
      LengthSummary lengths = reader.lengths();
      if (lengths.cut() + lengths.skipped() > 0) {
        notes.add(
            ("%s: of %d rows %d are longer than %d tokens: %d cut after the last whole exchange"
                    + " that fits, %d skipped")
                .formatted(
                    file,
                    lengths.rows(),
                    lengths.cut() + lengths.skipped(),
                    maxLength.tokens(),
                    lengths.cut(),
                    lengths.skipped()));
        notes.addAll(lengths.first());
      }
    }
  }
}
