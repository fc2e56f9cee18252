package dev.graft.trainer.sweep;

import dev.graft.trainer.config.UserException;
import dev.graft.trainer.runs.RecordFile;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;

/**
 * {@code sweep.json}: the grid, and how each of its runs stands. Written again, whole or not at
 * all, whenever a run begins or ends.
 *
 * @param version of the layout
 * @param config the configuration that all runs share
 * @param axes values by key
 * @param rankedBy what the runs are compared by
 * @param runs in the order of the grid
 */
public record SweepRecord(
    int version, String config, Map<String, List<String>> axes, Measure rankedBy, List<Run> runs)
    implements RecordFile.Versioned {

  static final String FILE = "sweep.json";
  static final int VERSION = 1;

  /** What runs are compared by. */
  public enum Measure {
    /** The lowest loss of an evaluation after the first step. */
    VALIDATION_LOSS("the lowest validation loss"),
    /** For want of a validation: the mean loss of the last steps. */
    TRAINING_LOSS("the training loss, since there is no validation (mean of the last 10 steps)");

    private final String words;

    Measure(String words) {
      this.words = words;
    }

    /** For a person. */
    public String words() {
      return words;
    }
  }

  /** How a run stands. */
  public enum Status {
    WAITING,
    /** It has begun; where nobody is at it, it was broken off. */
    RUNNING,
    FINISHED,
    /** Somebody asked it to stop; it saved. */
    STOPPED,
    FAILED
  }

  /**
   * One run.
   *
   * @param name also that of its folder, in the sweep's
   * @param settings value by key
   * @param loss by {@code rankedBy}, in nats a token
   * @param lossStep the step after which it was measured
   * @param steps optimizer steps done
   * @param totalSteps of the whole run
   * @param seconds that were spent on it, all parts together
   * @param note why it failed or ended early, for a person
   */
  public record Run(
      String name,
      Map<String, String> settings,
      Status status,
      OptionalDouble loss,
      int lossStep,
      int steps,
      int totalSteps,
      double seconds,
      String note) {

    public Run {
      settings = Collections.unmodifiableMap(new LinkedHashMap<>(settings));
    }

    static Run waiting(Grid.Point point) {
      return new Run(
          point.name(), point.settings(), Status.WAITING, OptionalDouble.empty(), 0, 0, 0, 0, "");
    }

    Run with(Status status, double moreSeconds, String note) {
      return new Run(
          name, settings, status, loss, lossStep, steps, totalSteps, seconds + moreSeconds, note);
    }
  }

  public SweepRecord {
    axes = Collections.unmodifiableMap(new LinkedHashMap<>(axes));
    runs = List.copyOf(runs);
  }

  /** With one run as it stands now. */
  SweepRecord with(int index, Run run) {
    List<Run> changed = new ArrayList<>(runs);
    changed.set(index, run);
    return new SweepRecord(version, config, axes, rankedBy, changed);
  }

  /** Runs that have a loss to compare, the best first; of equals the one that comes first. */
  public List<Run> ranked() {
    return runs.stream()
        .filter(run -> run.status == Status.FINISHED && run.loss.isPresent())
        .sorted(Comparator.comparingDouble(run -> run.loss.getAsDouble()))
        .toList();
  }

  /** How many runs stand so. */
  public long count(Status status) {
    return runs.stream().filter(run -> run.status == status).count();
  }

  Optional<Run> find(Grid.Point point) {
    return runs.stream()
        .filter(run -> run.name.equals(point.name()) && run.settings.equals(point.settings()))
        .findFirst();
  }

  /** Writes the file, whole or not at all. */
  void write(Path folder) {
    RecordFile.write(folder.resolve(FILE), this);
  }

  /**
   * Reads a sweep's file.
   *
   * @return empty where there is none
   * @throws UserException if it is damaged, or of another version
   */
  public static Optional<SweepRecord> read(Path folder) {
    return RecordFile.read(
        folder.resolve(FILE),
        SweepRecord.class,
        VERSION,
        "a sweep",
        ". Give another --output, or delete the file; runs that are finished are then gone through"
            + " again, which takes no steps.");
  }
}
