package dev.graft.tokenizer;

import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Queue;
import java.util.SortedMap;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A data file as token sequences ready for training: read, encoded, and held to the maximum length.
 * Works through the file a batch of rows at a time, so memory is bounded however large the file is.
 *
 * <pre>{@code
 * try (SequenceReader rows = SequenceReader.open(file, DataFormat.AUTO, () -> encoder, limit)) {
 *   for (TokenSequence sequence : rows) { … }
 *   report(rows.lengths());
 * }
 * }</pre>
 */
public final class SequenceReader implements Iterable<TokenSequence>, AutoCloseable {
  private static final int BATCH_ROWS = 256;
  private static final long BATCH_CHARACTERS = 1 << 21;

  private final ConversationReader reader;
  private final Supplier<ConversationEncoder> encoders;
  private final MaxLength maxLength;
  private final Queue<Example> ready = new ArrayDeque<>();
  private @Nullable ConversationEncoder encoder;
  private LengthSummary lengths = LengthSummary.NOTHING;

  /**
   * A sequence and the row that it was made of.
   *
   * @param row whole, also where the sequence was cut
   * @param number of the row in the file, from 0
   */
  public record Example(DataRow row, long number, TokenSequence sequence) {}

  private SequenceReader(
      ConversationReader reader, Supplier<ConversationEncoder> encoders, MaxLength maxLength) {
    this.reader = reader;
    this.encoders = encoders;
    this.maxLength = maxLength;
  }

  /**
   * Opens a data file.
   *
   * @param format what its rows are
   * @param encoder asked once, when the first conversation is met; never for pre-tokenized rows, so
   *     that a checkpoint without tokenizer.json can be trained on those
   * @throws DataException as {@link ConversationReader#open}
   */
  public static SequenceReader open(
      Path file, DataFormat format, Supplier<ConversationEncoder> encoder, MaxLength maxLength) {
    return open(file, format, Map.of(), encoder, maxLength);
  }

  /**
   * Opens a data file.
   *
   * @param columns what keys are called in the file, see {@link ConversationReader#open(Path,
   *     DataFormat, Map)}
   */
  public static SequenceReader open(
      Path file,
      DataFormat format,
      Map<String, String> columns,
      Supplier<ConversationEncoder> encoder,
      MaxLength maxLength) {
    return new SequenceReader(ConversationReader.open(file, format, columns), encoder, maxLength);
  }

  /** What the rows are, see {@link ConversationReader#format()}. */
  public DataFormat format() {
    return reader.format();
  }

  /** How that was found, see {@link ConversationReader#formatReason()}. */
  public String formatReason() {
    return reader.formatReason();
  }

  /** Keys of rows that were passed over so far, see {@link ConversationReader#ignoredKeys()}. */
  public SortedMap<String, Long> ignoredKeys() {
    return reader.ignoredKeys();
  }

  /** What the maximum length did so far; complete once the iterator has ended. */
  public LengthSummary lengths() {
    return lengths;
  }

  /**
   * The sequences in the file's order. They can be gone through once.
   *
   * @throws DataException (from the iterator) at the first batch that holds a wrong row
   */
  @Override
  public Iterator<TokenSequence> iterator() {
    Iterator<Example> examples = examples();
    return new Iterator<>() {
      @Override
      public boolean hasNext() {
        return examples.hasNext();
      }

      @Override
      public TokenSequence next() {
        return examples.next().sequence();
      }
    };
  }

  /** {@link #iterator} with the rows; one of both, once. */
  public Iterator<Example> examples() {
    Iterator<DataRow> rows = reader.dataRows();
    return new Iterator<>() {
      @Override
      public boolean hasNext() {
        while (ready.isEmpty() && rows.hasNext()) {
          fill(rows);
        }
        return !ready.isEmpty();
      }

      @Override
      public Example next() {
        if (!hasNext()) {
          throw new NoSuchElementException();
        }
        return ready.remove();
      }
    };
  }

  private void fill(Iterator<DataRow> rows) {
    List<DataRow> batch = new ArrayList<>();
    long characters = 0;
    while (rows.hasNext() && batch.size() < BATCH_ROWS && characters < BATCH_CHARACTERS) {
      DataRow row = rows.next();
      batch.add(row);
      characters += size(row.row());
    }
    List<TokenSequence> sequences = encode(batch);
    for (int i = 0; i < batch.size(); i++) {
      DataRow row = batch.get(i);
      take(row, maxLength.apply(row.row(), sequences.get(i), c -> encoder().encode(c)));
    }
  }

  private List<TokenSequence> encode(List<DataRow> batch) {
    return switch (reader.format()) {
      case TOKENS -> batch.stream().map(row -> (TokenSequence) row.row()).toList();
      case AUTO -> throw new AssertionError("the reader settles the format");
      case CONVERSATIONS, SHAREGPT, MESSAGES, ANTHROPIC, INSTRUCTION, PROMPT_COMPLETION ->
          encoder().encodeAll(batch.stream().map(row -> (Conversation) row.row()).toList());
    };
  }

  private void take(DataRow row, MaxLength.Outcome outcome) {
    long kept = lengths.kept();
    long cut = lengths.cut();
    long skipped = lengths.skipped();
    String notice = "";
    switch (outcome) {
      case MaxLength.Outcome.Kept(TokenSequence sequence) -> {
        ready.add(new Example(row, lengths.rows(), sequence));
        kept++;
      }
      case MaxLength.Outcome.Cut(TokenSequence sequence, int tokens, int left, int exchanges) -> {
        ready.add(new Example(row, lengths.rows(), sequence));
        cut++;
        notice =
            "%s: %d tokens, cut to the first %d of %d exchanges (%d tokens)"
                .formatted(sequence.origin(), tokens, left, exchanges, sequence.length());
      }
      case MaxLength.Outcome.Skipped(Origin origin, int tokens) -> {
        skipped++;
        notice = "%s: %d tokens, skipped".formatted(origin, tokens);
      }
    }
    List<String> first = lengths.first();
    if (!notice.isEmpty() && first.size() < LengthSummary.NAMED) {
      first = new ArrayList<>(first);
      first.add(notice);
    }
    lengths = new LengthSummary(kept, cut, skipped, first);
  }

  private static long size(Row row) {
    return switch (row) {
      case Conversation conversation ->
          conversation.messages().stream().mapToLong(m -> m.content().length()).sum();
      case TokenSequence sequence -> sequence.length();
    };
  }

  private ConversationEncoder encoder() {
    if (encoder == null) {
      encoder = encoders.get();
    }
    return encoder;
  }

  /** Closes the file. */
  @Override
  public void close() {
    reader.close();
  }
}
