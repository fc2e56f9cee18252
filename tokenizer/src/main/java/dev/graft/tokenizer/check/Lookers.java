package dev.graft.tokenizer.check;

import dev.graft.tokenizer.Conversation;
import dev.graft.tokenizer.ConversationEncoder;
import dev.graft.tokenizer.DataException;
import dev.graft.tokenizer.DataRow;
import dev.graft.tokenizer.Origin;
import dev.graft.tokenizer.TokenSequence;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Looks at batches of rows on all cores and hands on what was seen in the order of the rows. No
 * more batches are under way than keep the cores busy, so that memory does not grow with the file.
 *
 * <p>The first rows are kept until {@link Boilerplate} can be told from them.
 */
final class Lookers implements AutoCloseable {
  private static final int BATCH_ROWS = 64;
  private static final long BATCH_CHARACTERS = 1 << 20;

  /**
   * What was seen of a batch.
   *
   * @param rows all of one side
   * @param lengths of its rows in tokens; without its conversations where there is no encoder
   * @param refused rows that the chat template refuses
   */
  record Seen(
      List<DataRow> rows,
      boolean validation,
      List<Traits> traits,
      List<Length> lengths,
      List<DataException> refused) {
    List<Conversation> conversations() {
      return Lookers.conversations(rows);
    }
  }

  /**
   * @param targets tokens that are learned
   */
  record Length(Origin origin, int tokens, int targets) {
    static Length of(TokenSequence sequence) {
      return new Length(sequence.origin(), sequence.length(), sequence.targetCount());
    }
  }

  private record Waiting(DataRow row, boolean validation) {}

  private final @Nullable ConversationEncoder encoder;
  private final BiConsumer<Seen, Comparisons> takes;
  private final int most = Runtime.getRuntime().availableProcessors() + 1;
  private final ExecutorService threads = Executors.newFixedThreadPool(most - 1, Lookers::thread);
  private final ArrayDeque<Future<Seen>> underWay = new ArrayDeque<>();
  private final List<Waiting> first = new ArrayList<>();
  private List<DataRow> batch = new ArrayList<>();
  private boolean batchIsValidation;
  private long batchCharacters;
  private @Nullable NearDuplicates duplicates;
  private @Nullable Comparisons comparisons;

  /**
   * @param takes is told what was seen, in the thread that adds rows
   */
  Lookers(@Nullable ConversationEncoder encoder, BiConsumer<Seen, Comparisons> takes) {
    this.encoder = encoder;
    this.takes = takes;
  }

  private static Thread thread(Runnable work) {
    Thread thread = new Thread(work, "graft-check");
    thread.setDaemon(true);
    return thread;
  }

  void add(DataRow row, boolean validation) {
    if (duplicates == null) {
      first.add(new Waiting(row, validation));
      if (first.size() == Boilerplate.SAMPLE) {
        begin();
      }
    } else {
      addToBatch(row, validation);
    }
  }

  /** Waits for everything. */
  void finish() {
    begin();
    send();
    while (!underWay.isEmpty()) {
      takeOldest();
    }
  }

  /** All that {@link #finish} has brought together. */
  Comparisons comparisons() {
    if (comparisons == null) {
      throw new IllegalStateException("nothing has been looked at");
    }
    return comparisons;
  }

  private void begin() {
    if (duplicates != null) {
      return;
    }
    List<String> texts =
        conversations(first.stream().map(Waiting::row).toList()).stream()
            .map(Traits::text)
            .toList();
    duplicates = new NearDuplicates(Boilerplate.of(texts));
    comparisons = new Comparisons(duplicates);
    first.forEach(waiting -> addToBatch(waiting.row(), waiting.validation()));
    first.clear();
  }

  private void addToBatch(DataRow row, boolean validation) {
    if (validation != batchIsValidation) {
      send();
      batchIsValidation = validation;
    }
    batch.add(row);
    batchCharacters += size(row);
    if (batch.size() == BATCH_ROWS || batchCharacters > BATCH_CHARACTERS) {
      send();
    }
  }

  private static long size(DataRow row) {
    return switch (row.row()) {
      case TokenSequence sequence -> sequence.length();
      case Conversation conversation ->
          conversation.messages().stream().mapToLong(m -> m.content().length()).sum();
    };
  }

  private void send() {
    if (batch.isEmpty()) {
      return;
    }
    if (underWay.size() == most) {
      takeOldest();
    }
    List<DataRow> rows = batch;
    boolean validation = batchIsValidation;
    underWay.add(threads.submit(() -> look(rows, validation)));
    batch = new ArrayList<>();
    batchCharacters = 0;
  }

  private void takeOldest() {
    try {
      takes.accept(underWay.remove().get(), comparisons());
    } catch (ExecutionException e) {
      switch (e.getCause()) {
        case RuntimeException unchecked -> throw unchecked;
        case Error error -> throw error;
        case null, default -> throw new IllegalStateException(e);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted while data is being looked at", e);
    }
  }

  private Seen look(List<DataRow> rows, boolean validation) {
    NearDuplicates signatures = duplicates;
    if (signatures == null) {
      throw new IllegalStateException("looks before it has begun");
    }
    List<Traits> traits = new ArrayList<>();
    List<Length> lengths = new ArrayList<>();
    List<DataException> refused = new ArrayList<>();
    for (DataRow row : rows) {
      switch (row.row()) {
        case Conversation conversation -> traits.add(Traits.of(row, conversation, signatures));
        case TokenSequence sequence -> lengths.add(Length.of(sequence));
      }
    }
    encode(conversations(rows), lengths, refused);
    return new Seen(rows, validation, traits, lengths, refused);
  }

  private static List<Conversation> conversations(List<DataRow> rows) {
    List<Conversation> conversations = new ArrayList<>();
    for (DataRow row : rows) {
      if (row.row() instanceof Conversation conversation) {
        conversations.add(conversation);
      }
    }
    return conversations;
  }

  private void encode(
      List<Conversation> conversations, List<Length> lengths, List<DataException> refused) {
    if (encoder == null || conversations.isEmpty()) {
      return;
    }
    try {
      encoder.encodeAll(conversations).forEach(sequence -> lengths.add(Length.of(sequence)));
    } catch (DataException _) {
      // One of them is refused, by its template perhaps: find out which.
      for (Conversation conversation : conversations) {
        try {
          lengths.add(Length.of(encoder.encode(conversation)));
        } catch (DataException e) {
          if (e.origin().file() == null) {
            throw e; // The checkpoint's fault, not the row's.
          }
          refused.add(e);
        }
      }
    }
  }

  @Override
  public void close() {
    threads.shutdownNow();
  }
}
