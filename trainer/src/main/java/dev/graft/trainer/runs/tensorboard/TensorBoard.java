package dev.graft.trainer.runs.tensorboard;

import dev.graft.modelio.AsideFile;
import dev.graft.trainer.config.UserException;
import dev.graft.trainer.runs.EvaluationMetrics;
import dev.graft.trainer.runs.Sample;
import dev.graft.trainer.runs.StepMetrics;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalInt;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Writes {@code tensorboard/events.out.tfevents.…}: the messages {@code Event} and {@code Summary}
 * of TensorBoard's {@code event.proto} and {@code summary.proto}, whose field numbers stand below.
 *
 * <p>A run that goes on writes a file of its own, which begins with a {@code SessionLog} of status
 * {@code START}: by that, TensorBoard forgets what older files say of that step and those after it,
 * which the run does again.
 */
public final class TensorBoard implements AutoCloseable {

  private static final Pattern NAME = Pattern.compile("events\\.out\\.tfevents\\.(\\d+)\\..*");

  // Event
  private static final int WALL_TIME = 1;
  private static final int STEP = 2;
  private static final int FILE_VERSION = 3;
  private static final int SUMMARY = 5;
  private static final int SESSION_LOG = 7;
  // SessionLog
  private static final int STATUS = 1;
  private static final long START = 1;
  // Summary, Summary.Value
  private static final int VALUE = 1;
  private static final int TAG = 1;
  private static final int SIMPLE_VALUE = 2;
  private static final int TENSOR = 8;
  private static final int METADATA = 9;
  // SummaryMetadata, SummaryMetadata.PluginData
  private static final int PLUGIN_DATA = 1;
  private static final int PLUGIN_NAME = 1;
  private static final int DATA_CLASS = 4;
  private static final long DATA_CLASS_TENSOR = 2;
  // TensorProto, TensorShapeProto, TensorShapeProto.Dim
  private static final int DTYPE = 1;
  private static final long DT_STRING = 7;
  private static final int TENSOR_SHAPE = 2;
  private static final int DIM = 2;
  private static final int SIZE = 1;
  private static final int STRING_VAL = 8;

  private final Path folder;
  private @Nullable EventFile file;

  /**
   * Nothing is written before {@link #begin}.
   *
   * @param folder of the event files; it need not exist
   */
  public TensorBoard(Path folder) {
    this.folder = folder;
  }

  /**
   * Begins a file.
   *
   * @param after the step that a run goes on from; empty for one that begins, whose folder is
   *     cleared of event files
   */
  public void begin(OptionalInt after) {
    try {
      Files.createDirectories(folder);
      long name = System.currentTimeMillis() / 1000;
      for (Path old : eventFiles()) {
        if (after.isPresent()) {
          // They are read in the order of their names.
          name = Math.max(name, number(old) + 1);
        } else {
          Files.delete(old);
        }
      }
      file =
          EventFile.create(
              folder.resolve(
                  "events.out.tfevents.%010d.graft.%d"
                      .formatted(name, ProcessHandle.current().pid())));
    } catch (IOException e) {
      throw new UserException(
          "%s: cannot be written: %s.".formatted(folder, AsideFile.describe(e)), e);
    }
    add(event(0).put(FILE_VERSION, "brain.Event:2"));
    if (after.isPresent()) {
      add(event(after.getAsInt() + 1).put(SESSION_LOG, new Protobuf().put(STATUS, START)));
    }
  }

  private List<Path> eventFiles() throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.filter(path -> number(path) >= 0).sorted().toList();
    }
  }

  /** The seconds in an event file's name; -1 for any other file. */
  private static long number(Path path) {
    Matcher name = NAME.matcher(path.getFileName().toString());
    return name.matches() ? Long.parseLong(name.group(1)) : -1;
  }

  /** Writes an optimizer step. */
  public void step(StepMetrics step) {
    add(
        event(step.step())
            .put(
                SUMMARY,
                new Protobuf()
                    .put(VALUE, scalar("train/loss", step.loss()))
                    .put(VALUE, scalar("train/learning_rate", step.learningRate()))
                    .put(VALUE, scalar("train/grad_norm", step.gradNorm()))
                    .put(VALUE, scalar("train/tokens_per_second", step.tokensPerSecond()))
                    .put(VALUE, scalar("train/epoch", step.epoch()))));
  }

  /** Writes an evaluation. */
  public void evaluation(EvaluationMetrics evaluation) {
    add(
        event(evaluation.step())
            .put(
                SUMMARY,
                new Protobuf()
                    .put(VALUE, scalar("validation/loss", evaluation.loss()))
                    .put(VALUE, scalar("validation/perplexity", evaluation.perplexity()))));
  }

  /** Writes how an example was answered, as text. */
  public void sample(Sample sample) {
    String text =
        "**%s**\n\nprompt\n\n%s\n\nexpected\n\n%s\n\nbase model\n\n%s\n\nadapter\n\n%s\n"
            .formatted(
                sample.row().replaceAll("([*_`\\\\])", "\\\\$1"),
                code(sample.prompt()),
                code(sample.expected()),
                code(sample.base()),
                code(sample.adapter()));
    add(
        event(sample.step())
            .put(
                SUMMARY,
                new Protobuf().put(VALUE, text("samples/%d".formatted(sample.example()), text))));
  }

  /** Markdown that shows text as it is, whatever it holds: indented by four. */
  private static String code(String text) {
    return text.lines().map(line -> "    " + line).collect(Collectors.joining("\n"));
  }

  private static Protobuf event(int step) {
    double now = System.currentTimeMillis() / 1e3;
    Protobuf event = new Protobuf().put(WALL_TIME, now);
    return step == 0 ? event : event.put(STEP, (long) step);
  }

  private static Protobuf scalar(String tag, double value) {
    return new Protobuf().put(TAG, tag).put(SIMPLE_VALUE, (float) value);
  }

  private static Protobuf text(String tag, String text) {
    Protobuf plugin = new Protobuf().put(PLUGIN_NAME, "text");
    Protobuf one = new Protobuf().put(DIM, new Protobuf().put(SIZE, 1L));
    return new Protobuf()
        .put(TAG, tag)
        .put(
            TENSOR,
            new Protobuf().put(DTYPE, DT_STRING).put(TENSOR_SHAPE, one).put(STRING_VAL, text))
        .put(METADATA, new Protobuf().put(PLUGIN_DATA, plugin).put(DATA_CLASS, DATA_CLASS_TENSOR));
  }

  private void add(Protobuf event) {
    EventFile open = file;
    if (open == null) {
      throw new IllegalStateException("no file was begun");
    }
    open.add(event.bytes());
  }

  @Override
  public void close() {
    EventFile open = file;
    if (open != null) {
      file = null;
      open.close();
    }
  }
}
