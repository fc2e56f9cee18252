package dev.graft.trainer.train;

import dev.graft.modelio.ModelConfig;
import dev.graft.tokenizer.ConversationEncoder;
import dev.graft.tokenizer.ConversationReader;
import dev.graft.tokenizer.DataException;
import dev.graft.tokenizer.DataRow;
import dev.graft.tokenizer.LengthSummary;
import dev.graft.tokenizer.MaxLength;
import dev.graft.tokenizer.SequenceReader;
import dev.graft.tokenizer.TokenSequence;
import dev.graft.tokenizer.split.DataSplit;
import dev.graft.tokenizer.split.RowHash;
import dev.graft.tokenizer.split.SplitRule;
import dev.graft.trainer.config.RunConfig;
import dev.graft.trainer.config.UserException;
import dev.graft.trainer.data.TokenFile;
import dev.graft.trainer.data.TokenFileWriter;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.function.Supplier;

/** Reads data files one after another into a token file, and remembers what is worth saying. */
final class DataLoading implements TokenFile.Filler {

  private static final int SPLIT_ROWS = 1024;
  private static final int MAX_SOURCES = 100;
  private static final long PROGRESS_NANOS = 10_000_000_000L;

  private final RunConfig config;
  private final ModelConfig model;
  private final List<DataPart> parts;
  private final Supplier<ConversationEncoder> encoder;
  private final Consumer<String> progress;
  private final MaxLength maxLength;
  private final List<Note> notes = new ArrayList<>();
  private final List<String> formats = new ArrayList<>();
  private final List<Map<String, Long>> trainingSources = new ArrayList<>();
  private final List<Map<String, Long>> validationSources = new ArrayList<>();
  private final Side training = new Side("training");
  private final Side validation = new Side("validation");
  private long lastProgress = System.nanoTime();

  /**
   * Something that a person should know.
   *
   * @param file the number of the data file whose name stands before the text, or -1
   */
  private record Note(int file, String text) {}

  /** What was seen of the training or of the validation data. */
  private static final class Side {
    private final String name;
    private long rows;
    private long examples;
    private long withoutTarget;

    Side(String name) {
      this.name = name;
    }
  }

  /**
   * @param encoder asked only if there are conversations to tokenize
   * @param progress is told how far a long reading is
   */
  DataLoading(
      RunConfig config,
      ModelConfig model,
      List<DataPart> parts,
      Supplier<ConversationEncoder> encoder,
      Consumer<String> progress) {
    this.config = config;
    this.model = model;
    this.parts = parts;
    this.encoder = encoder;
    this.progress = progress;
    maxLength = new MaxLength(config.data().maxLength().orElse(model.maxPositionEmbeddings()));
  }

  @Override
  public Map<String, ?> fill(TokenFileWriter writer) throws IOException {
    if (maxLength.tokens() > model.maxPositionEmbeddings()) {
      say(
          "data.max-length %d is beyond the %d tokens that the base model was made for"
              .formatted(maxLength.tokens(), model.maxPositionEmbeddings()));
    }
    BitSet heldOut = heldOut();
    long begin = System.nanoTime();
    long trainingRows = 0;
    for (int i = 0; i < parts.size(); i++) {
      read(i, trainingRows, heldOut, writer);
      trainingRows = training.rows;
    }
    check(training);
    if (config.data().hasValidation()) {
      check(validation);
    }
    double seconds = (System.nanoTime() - begin) / 1e9;
    progress.accept(
        "%,d tokens made in %.1f s (%,.0f a second)"
            .formatted(writer.tokens(), seconds, writer.tokens() / seconds));
    return Map.of(
        "notes", notes,
        "formats", formats,
        "train", trainingSources,
        "validation", validationSources);
  }

  private void say(String note) {
    notes.add(new Note(-1, note));
  }

  /** Which rows of the training data are held out, by their number over all files. */
  private BitSet heldOut() {
    BitSet heldOut = new BitSet();
    if (config.data().validationSplit().isEmpty()) {
      return heldOut;
    }
    DataSplit split = new DataSplit(new SplitRule.ByHash());
    for (DataPart part : parts) {
      addRows(part, split);
    }
    boolean[] held;
    try {
      held = split.heldOut(config.data().validationSplit().getAsDouble());
    } catch (DataException e) {
      throw new UserException(
          "data.validation-split: " + e.getMessage() + " data.validation names such files.", e);
    }
    for (int i = 0; i < held.length; i++) {
      heldOut.set(i, held[i]);
    }
    say(
        "held out for validation: %,d of %,d rows; rows that are alike stay on one side"
            .formatted(heldOut.cardinality(), held.length));
    return heldOut;
  }

  private static void addRows(DataPart part, DataSplit split) {
    try (ConversationReader reader =
        ConversationReader.openUnread(part.file(), part.format(), part.columns())) {
      List<DataRow> rows = new ArrayList<>();
      DataRow first = reader.read();
      if (first == null) {
        throw new DataException(
            part.file() + ": the file is empty. It needs one JSON object for each conversation.");
      }
      for (DataRow row = first; row != null; row = reader.read()) {
        rows.add(row);
        if (rows.size() == SPLIT_ROWS) {
          split.addAll(rows);
          rows.clear();
        }
      }
      split.addAll(rows);
    }
  }

  private void read(int file, long rowsBefore, BitSet heldOut, TokenFileWriter writer)
      throws IOException {
    DataPart part = parts.get(file);
    trainingSources.add(new TreeMap<>());
    validationSources.add(new TreeMap<>());
    try (SequenceReader reader =
        SequenceReader.open(part.file(), part.format(), part.columns(), encoder, maxLength)) {
      Iterator<SequenceReader.Example> examples = reader.examples();
      while (examples.hasNext()) {
        SequenceReader.Example example = examples.next();
        boolean held =
            part.isValidation() || heldOut.get(Math.toIntExact(rowsBefore + example.number()));
        take(example.sequence(), held ? validation : training);
        Map<String, Long> sources = (held ? validationSources : trainingSources).getLast();
        example.row().source().ifPresent(source -> count(source, sources));
        writer.add(
            example.sequence(),
            held ? DataPart.VALIDATION : part.part(),
            file,
            RowHash.of(example.row()));
        report(writer);
      }
      formats.add(reader.format().configName());
      noteOn(file, reader);
      (part.isValidation() ? validation : training).rows += reader.lengths().rows();
    }
  }

  private static void count(String source, Map<String, Long> sources) {
    if (sources.size() < MAX_SOURCES || sources.containsKey(source)) {
      sources.merge(source, 1L, Long::sum);
    }
  }

  private void take(TokenSequence sequence, Side side) {
    if (sequence.maxTokenId() >= model.vocabSize()) {
      throw new UserException(
          ("%s: token id %d is outside the base model's embedding, which has %d rows. The rows"
                  + " were made with another tokenizer, or the tokenizer does not belong to this"
                  + " base.")
              .formatted(sequence.origin(), sequence.maxTokenId(), model.vocabSize()));
    }
    side.examples++;
    side.withoutTarget += sequence.targetCount() == 0 ? 1 : 0;
  }

  private void check(Side side) {
    if (side.examples == 0) {
      throw new UserException(
          ("None of the %d rows of the %s data can be used: with at most %d tokens not even a"
                  + " first exchange fits. Raise data.max-length, or shorten the rows.")
              .formatted(Math.max(side.rows, 1), side.name, maxLength.tokens()));
    }
    if (side.withoutTarget == side.examples) {
      Path first =
          parts.stream()
              .filter(part -> part.isValidation() == (side == validation))
              .findFirst()
              .orElse(parts.getFirst())
              .file();
      throw new UserException(
          ("%s: no token of the %s data is a target, so that nothing can be learned from it."
                  + " Label the answers.")
              .formatted(first, side.name));
    }
    if (side.withoutTarget > 0) {
      say(
          "%d rows of the %s data have no target; nothing is learned from them"
              .formatted(side.withoutTarget, side.name));
    }
  }

  private void noteOn(int file, SequenceReader reader) {
    notes.add(new Note(file, ": " + reader.formatReason()));
    if (!reader.ignoredKeys().isEmpty()) {
      notes.add(new Note(file, ": keys without a meaning here: " + reader.ignoredKeys()));
    }
    LengthSummary lengths = reader.lengths();
    if (lengths.cut() + lengths.skipped() > 0) {
      notes.add(
          new Note(
              file,
              (": of %d rows %d are longer than %d tokens: %d cut after the last whole exchange"
                      + " that fits, %d skipped")
                  .formatted(
                      lengths.rows(),
                      lengths.cut() + lengths.skipped(),
                      maxLength.tokens(),
                      lengths.cut(),
                      lengths.skipped())));
      String name = parts.get(file).file().toString();
      lengths.first().forEach(line -> notes.add(new Note(file, line.substring(name.length()))));
    }
  }

  private void report(TokenFileWriter writer) {
    long now = System.nanoTime();
    if (now - lastProgress > PROGRESS_NANOS) {
      lastProgress = now;
      progress.accept("%,d tokens so far".formatted(writer.tokens()));
    }
  }
}
