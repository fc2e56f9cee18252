package dev.graft.trainer.report.run;

import dev.graft.trainer.runs.StoredRun;
import java.util.Locale;

/** What is said of a run wherever it is listed. */
public final class RunFigures {

  private RunFigures() {}

  /** {@code 50 of 120}, or {@code 50} where nobody knows of how many. */
  public static String steps(StoredRun run) {
    return Amounts.count(run.steps())
        + run.record().map(record -> " of " + Amounts.count(record.totalSteps())).orElse("");
  }

  /** How often the data was gone through. */
  public static String epochs(StoredRun run) {
    return run.metrics().steps().isEmpty()
        ? "0.00"
        : String.format(Locale.ROOT, "%.2f", run.metrics().steps().getLast().epoch());
  }
}
