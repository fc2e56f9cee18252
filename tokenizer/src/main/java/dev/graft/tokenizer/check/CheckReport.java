package dev.graft.tokenizer.check;

import java.util.List;

/**
 * What {@link DataCheck} found.
 *
 * @param findings errors first
 * @param statistics of the training data
 * @param notes what the files were read as
 */
public record CheckReport(List<Finding> findings, Statistics statistics, List<String> notes) {
  public CheckReport {
    findings = List.copyOf(findings);
    notes = List.copyOf(notes);
  }

  /** Rows and files that training would not take. */
  public boolean hasErrors() {
    return findings.stream().anyMatch(it -> it.severity() == Finding.Severity.ERROR);
  }
}
