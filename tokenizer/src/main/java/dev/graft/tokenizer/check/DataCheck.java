package dev.graft.tokenizer.check;

import dev.graft.tokenizer.Conversation;
import dev.graft.tokenizer.ConversationEncoder;
import dev.graft.tokenizer.ConversationReader;
import dev.graft.tokenizer.DataException;
import dev.graft.tokenizer.DataFormat;
import dev.graft.tokenizer.DataRow;
import dev.graft.tokenizer.Origin;
import dev.graft.tokenizer.Role;
import dev.graft.tokenizer.TokenSequence;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Reads data from end to end and reports what is wrong with it. Nothing stops it but the end of the
 * files: a wrong row is noted and the next one read.
 */
public final class DataCheck {
  private static final int BATCH_ROWS = 512;
  private static final long BATCH_CHARACTERS = 1 << 22;

  private final DataFormat format;
  private final Map<String, String> columns;
  private final @Nullable ConversationEncoder encoder;
  private final OptionalInt maxTokens;
  private final LongConsumer progress;

  private final List<Finding> findings = new ArrayList<>();
  private final List<String> notes = new ArrayList<>();
  private final Comparisons comparisons = new Comparisons();
  private final AnswerChecks answers = new AnswerChecks();
  private final Places wrong = new Places();
  private final Places tooLong = new Places();
  private final Places nothingLearned = new Places();
  private final long[] characters = new long[Role.values().length];
  private int[] lengths = new int[1024];
  private int rows;
  private long tokens;
  private long targets;
  private long seen;

  /**
   * @param encoder for lengths and targets, or null to look at the text alone
   * @param maxTokens the longest row that the base model takes
   * @param progress told how many rows have been looked at, now and then
   */
  public DataCheck(
      DataFormat format,
      Map<String, String> columns,
      @Nullable ConversationEncoder encoder,
      OptionalInt maxTokens,
      LongConsumer progress) {
    this.format = format;
    this.columns = columns;
    this.encoder = encoder;
    this.maxTokens = maxTokens;
    this.progress = progress;
  }

  /**
   * Looks at everything; to be called once.
   *
   * @param train at least one file
   * @param validation what must not be in the training data; may be empty
   */
  public CheckReport run(List<Path> train, List<Path> validation) {
    train.forEach(file -> read(file, false));
    validation.forEach(file -> read(file, true));
    wrong.report(
        Finding.Severity.ERROR,
        "wrong-rows",
        "%,d rows cannot be read",
        "Training stops at the first of them. Fix or remove each.",
        findings);
    tooLong.report(
        Finding.Severity.ERROR,
        "too-long",
        "%,d rows are longer than the " + maxTokens.orElse(0) + " tokens allowed",
        "Training cuts them behind the last whole exchange that fits, or skips them."
            + " Shorten or split them, or raise the limit if the base model allows it.",
        findings);
    nothingLearned.report(
        Finding.Severity.ERROR,
        "nothing-learned",
        "%,d rows have no token that is learned",
        "Remove them, or let one of their answers be learned.",
        findings);
    checkCount();
    comparisons.report(findings);
    answers.report(findings);
    findings.sort(Comparator.comparing(Finding::severity));
    return new CheckReport(findings, statistics(), notes);
  }

  private void read(Path file, boolean validation) {
    try (ConversationReader reader = ConversationReader.openUnread(file, format, columns)) {
      List<DataRow> batch = new ArrayList<>();
      long size = 0;
      boolean more = true;
      while (more) {
        DataRow row = null;
        try {
          row = reader.read();
          more = row != null;
        } catch (DataException e) {
          wrong.add(e.origin(), e.problem());
          more = reader.skipWrongRow();
        }
        if (row != null) {
          batch.add(row);
          size += size(row);
        }
        if (!more || batch.size() == BATCH_ROWS || size > BATCH_CHARACTERS) {
          take(batch, validation);
          batch.clear();
          size = 0;
        }
      }
      notes.add(file + ": " + reader.formatReason());
      if (!reader.ignoredKeys().isEmpty()) {
        notes.add(file + ": keys without a meaning for training: " + reader.ignoredKeys());
      }
    }
  }

  private static long size(DataRow row) {
    return switch (row.row()) {
      case TokenSequence sequence -> sequence.length();
      case Conversation conversation ->
          conversation.messages().stream().mapToLong(m -> m.content().length()).sum();
    };
  }

  private void take(List<DataRow> batch, boolean validation) {
    List<DataRow> talks = batch.stream().filter(row -> row.row() instanceof Conversation).toList();
    List<Traits> traits =
        talks.parallelStream()
            .map(row -> Traits.of(row, (Conversation) row.row(), comparisons.duplicates()))
            .toList();
    for (Traits one : traits) {
      comparisons.add(one, validation);
      if (!validation) {
        answers.add(one);
        for (int role = 0; role < characters.length; role++) {
          characters[role] += one.characters()[role];
        }
      }
    }
    List<Conversation> conversations = talks.stream().map(row -> (Conversation) row.row()).toList();
    for (TokenSequence sequence : encoded(conversations)) {
      count(sequence, validation);
    }
    for (DataRow row : batch) {
      if (row.row() instanceof TokenSequence sequence) {
        comparisons.add(sequence, validation);
        count(sequence, validation);
      }
    }
    rows += validation ? 0 : batch.size();
    seen += batch.size();
    progress.accept(seen);
  }

  private List<TokenSequence> encoded(List<Conversation> conversations) {
    if (encoder == null || conversations.isEmpty()) {
      return List.of();
    }
    try {
      return encoder.encodeAll(conversations);
    } catch (DataException _) {
      // One of them is refused, by its template perhaps: find out which.
      List<TokenSequence> sequences = new ArrayList<>();
      for (Conversation conversation : conversations) {
        try {
          sequences.add(encoder.encode(conversation));
        } catch (DataException e) {
          wrong.add(conversation.origin(), e.problem());
        }
      }
      return sequences;
    }
  }

  private void count(TokenSequence sequence, boolean validation) {
    if (sequence.length() > maxTokens.orElse(Integer.MAX_VALUE)) {
      tooLong.add(sequence.origin(), sequence.length() + " tokens");
    }
    if (sequence.targetCount() == 0) {
      nothingLearned.add(sequence.origin(), "");
    }
    if (validation) {
      return;
    }
    int counted = countedRows;
    if (counted == lengths.length) {
      lengths = Arrays.copyOf(lengths, counted * 2);
    }
    lengths[countedRows++] = sequence.length();
    tokens += sequence.length();
    targets += sequence.targetCount();
  }

  private int countedRows;

  private void checkCount() {
    if (rows < 100) {
      findings.add(
          new Finding(
              Finding.Severity.WARNING,
              "few-rows",
              "only %,d conversations".formatted(rows),
              "Fewer than 100 mostly teach a manner, and the model soon repeats them by heart."
                  + " Add more, or train few epochs and watch the validation loss.",
              rows,
              List.of()));
    } else if (rows > 10_000) {
      findings.add(
          new Finding(
              Finding.Severity.WARNING,
              "many-rows",
              "%,d conversations".formatted(rows),
              "Beyond 10,000 one epoch is mostly enough and a good selection as good as all of"
                  + " them. Try a sample first.",
              rows,
              List.of()));
    }
  }

  private Statistics statistics() {
    Map<String, Long> byRole = new LinkedHashMap<>();
    for (Role role : Role.values()) {
      if (characters[role.ordinal()] > 0) {
        byRole.put(role.dataName(), characters[role.ordinal()]);
      }
    }
    int[] sorted = Arrays.copyOf(lengths, countedRows);
    Arrays.sort(sorted);
    return new Statistics(rows, tokens, targets, byRole, sorted);
  }

  /** A place in a file, for the rows that a finding names. */
  static String briefly(Origin origin) {
    return origin.file() == null
        ? origin.toString()
        : origin.file().getFileName() + " line " + origin.line();
  }
}
