package dev.graft.tokenizer.check;

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
 * files: a wrong row is noted and the next one read. While one batch of rows is read, others are
 * looked at on all cores, see {@link Lookers}.
 */
public final class DataCheck {
  private final DataFormat format;
  private final Map<String, String> columns;
  private final @Nullable ConversationEncoder encoder;
  private final OptionalInt maxTokens;
  private final LongConsumer progress;

  private final List<Finding> findings = new ArrayList<>();
  private final List<String> notes = new ArrayList<>();
  private final AnswerChecks answers = new AnswerChecks();
  private final RoleTokens roleTokens = new RoleTokens();
  private final Places wrong = new Places();
  private final Places tooLong = new Places();
  private final Places nothingLearned = new Places();
  private final long[] characters = new long[Role.values().length];
  private int[] lengths = new int[1024];
  private int counted;
  private long rows;
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
   * @throws DataException if a file cannot be opened or holds no row at all
   */
  public CheckReport run(List<Path> train, List<Path> validation) {
    try (Lookers lookers = new Lookers(encoder, this::take)) {
      train.forEach(file -> read(file, false, lookers));
      validation.forEach(file -> read(file, true, lookers));
      lookers.finish();
      reportRows();
      lookers.comparisons().report(findings);
    }
    answers.report(findings);
    findings.sort(Comparator.comparing(Finding::severity));
    return new CheckReport(findings, statistics(), notes);
  }

  private void read(Path file, boolean validation, Lookers lookers) {
    try (ConversationReader reader = ConversationReader.openUnread(file, format, columns)) {
      boolean any = false;
      boolean more = true;
      while (more) {
        DataRow row = null;
        try {
          row = reader.read();
          more = row != null;
        } catch (DataException e) {
          // What is no row's fault (a damaged archive, say) is told of the file.
          Origin origin = e.origin().file() == null ? new Origin(file, 0) : e.origin();
          wrong.add(origin, e.problem().replace(file + " ", ""));
          any = true;
          more = reader.skipWrongRow();
        }
        if (row != null) {
          any = true;
          lookers.add(row, validation);
        }
      }
      if (!any) {
        throw new DataException(
            file + ": the file is empty. It needs one JSON object for each conversation.");
      }
      if (!reader.formatReason().isEmpty()) {
        notes.add(file + ": " + reader.formatReason());
      }
      if (!reader.ignoredKeys().isEmpty()) {
        notes.add(file + ": keys without a meaning for training: " + reader.ignoredKeys());
      }
    }
  }

  /** Takes in what was seen of a batch; batches come in the order of their rows. */
  private void take(Lookers.Seen batch, Comparisons comparisons) {
    boolean validation = batch.validation();
    for (Traits one : batch.traits()) {
      comparisons.add(one, validation);
      if (!validation) {
        answers.add(one);
        for (int role = 0; role < characters.length; role++) {
          characters[role] += one.characters()[role];
        }
      }
    }
    for (DataRow row : batch.rows()) {
      if (row.row() instanceof TokenSequence sequence) {
        comparisons.add(sequence, validation);
      }
    }
    batch.refused().forEach(refused -> wrong.add(refused.origin(), refused.problem()));
    for (Lookers.Length length : batch.lengths()) {
      count(length, validation);
    }
    if (encoder != null && !validation) {
      roleTokens.add(encoder.tokenizer(), batch.conversations());
    }
    rows += validation ? 0 : batch.rows().size();
    seen += batch.rows().size();
    progress.accept(seen);
  }

  private void count(Lookers.Length length, boolean validation) {
    if (length.tokens() > maxTokens.orElse(Integer.MAX_VALUE)) {
      tooLong.add(length.origin(), "%,d tokens".formatted(length.tokens()));
    }
    if (length.targets() == 0) {
      nothingLearned.add(length.origin(), "");
    }
    if (validation) {
      return;
    }
    if (counted == lengths.length) {
      lengths = Arrays.copyOf(lengths, counted * 2);
    }
    lengths[counted++] = length.tokens();
    tokens += length.tokens();
    targets += length.targets();
  }

  private void reportRows() {
    wrong.report(
        Finding.Severity.ERROR,
        "wrong-rows",
        Places.Noun.ROW,
        "%s that cannot be used",
        "Training stops at the first of them. Fix or remove each.",
        findings);
    tooLong.report(
        Finding.Severity.ERROR,
        "too-long",
        Places.Noun.ROW,
        "%s longer than the " + "%,d".formatted(maxTokens.orElse(0)) + " tokens that are allowed",
        "Training cuts them behind the last whole exchange that fits, or skips them."
            + " Shorten or split them, or raise the limit if the base model allows it.",
        findings);
    nothingLearned.report(
        Finding.Severity.ERROR,
        "nothing-learned",
        Places.Noun.ROW,
        "%s without a token that is learned",
        "Remove them, or let one of their answers be learned.",
        findings);
    if (rows < 100) {
      warnOfCount(
          "few-rows",
          "only %,d %s".formatted(rows, rows == 1 ? "conversation" : "conversations"),
          "Fewer than 100 mostly teach a manner, and the model soon repeats them by heart."
              + " Add more, or train few epochs and watch the validation loss.");
    } else if (rows > 10_000) {
      warnOfCount(
          "many-rows",
          "%,d conversations".formatted(rows),
          "Beyond 10,000 one epoch is mostly enough and a good selection as good as all of"
              + " them. Try a sample first.");
    }
  }

  private void warnOfCount(String code, String message, String advice) {
    findings.add(new Finding(Finding.Severity.WARNING, code, message, advice, rows, List.of()));
  }

  private Statistics statistics() {
    Map<String, Long> byRole = new LinkedHashMap<>();
    for (Role role : Role.values()) {
      if (characters[role.ordinal()] > 0) {
        byRole.put(role.dataName(), characters[role.ordinal()]);
      }
    }
    int[] sorted = Arrays.copyOf(lengths, counted);
    Arrays.sort(sorted);
    return new Statistics(
        rows,
        tokens,
        targets,
        byRole,
        roleTokens.byRole(characters, tokens),
        sorted,
        answers.formats(),
        answers.sources());
  }
}
