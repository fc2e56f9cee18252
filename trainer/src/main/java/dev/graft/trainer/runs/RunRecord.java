package dev.graft.trainer.runs;

import dev.graft.trainer.config.UserException;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;

/**
 * {@code run.json}: what a run is and how it stands. Written again at every evaluation and
 * checkpoint, and in the end; so that a run which was killed is known by a record that says {@code
 * RUNNING} while no process is at it.
 *
 * @param version of the layout
 * @param status when it was written
 * @param reason why it ended, for a person; empty where the status says it all
 * @param started when the run began, e.g. {@code 2026-05-04T12:00:00Z}
 * @param resumed when it went on after a break, each time
 * @param written when this was written
 * @param totalSteps of the whole run
 * @param stepsPerEpoch optimizer steps of one pass over the data
 * @param resultStep the step after which the adapter in the run's folder was so; absent before the
 *     end
 * @param facts what does not change while it runs
 */
public record RunRecord(
    int version,
    RunStatus status,
    String reason,
    String started,
    List<String> resumed,
    String written,
    int totalSteps,
    int stepsPerEpoch,
    OptionalInt resultStep,
    Facts facts)
    implements RecordFile.Versioned {

  /** The layout that this program writes. */
  public static final int VERSION = 1;

  /**
   * What a run knows of itself before its first step.
   *
   * @param model base and adapter, name and value, for a person
   * @param data the examples
   * @param memory what was planned
   * @param environment program, machine and what computes, name and value, for a person
   */
  public record Facts(
      Map<String, String> model, Data data, Memory memory, Map<String, String> environment) {
    public Facts {
      model = ordered(model);
      environment = ordered(environment);
    }
  }

  /**
   * The examples.
   *
   * @param train how many are learned from
   * @param validation how many are held out
   * @param longest tokens of the longest
   * @param tokens of all training examples
   * @param targets tokens among them that are learned
   * @param notes what a person should know of them, a sentence each
   */
  public record Data(
      int train, int validation, int longest, long tokens, long targets, List<String> notes) {
    public Data {
      notes = List.copyOf(notes);
    }
  }

  /**
   * The memory plan, in bytes.
   *
   * @param classes what it is for, and how much
   * @param peak all of them
   * @param mapped weights that are read where they lie
   * @param available what the machine could give when the run began; absent where it does not say
   */
  public record Memory(Map<String, Long> classes, long peak, long mapped, OptionalLong available) {
    public Memory {
      classes = ordered(classes);
    }
  }

  public RunRecord {
    resumed = List.copyOf(resumed);
  }

  private static <V> Map<String, V> ordered(Map<String, V> map) {
    return Collections.unmodifiableMap(new LinkedHashMap<>(map));
  }

  /** Writes the file, whole or not at all. */
  public void write(Path file) {
    RecordFile.write(file, this);
  }

  /**
   * Reads the file.
   *
   * @return empty where there is none, as in a run of a graft that wrote none
   * @throws UserException if it is damaged, or of another version
   */
  public static Optional<RunRecord> read(Path file) {
    return RecordFile.read(file, RunRecord.class, VERSION, "a run", "");
  }
}
