package dev.graft.trainer.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.graft.trainer.config.UserException;
import dev.graft.trainer.console.Console;
import dev.graft.trainer.runs.RunRecord;
import dev.graft.trainer.runs.RunStatus;
import dev.graft.trainer.runs.StopSignal;
import dev.graft.trainer.runs.StoredRun;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a run's folder says of it, from outside. */
class RunReportingTest {

  @TempDir Path folder;
  private SmallRun small;

  @BeforeEach
  void writeInputs() throws IOException {
    small = new SmallRun(folder);
  }

  private StoredRun stored() {
    return StoredRun.read(small.output("run"));
  }

  private RunRecord record() {
    return stored().record().orElseThrow();
  }

  private String page() throws IOException {
    return Files.readString(small.output("run").resolve("report.html"));
  }

  @Test
  void aFinishedRunKnowsWhatItWas() throws IOException {
    RunResult result = SmallRun.run(small.config("run"));

    assertThat(stored().status()).isEqualTo(RunStatus.FINISHED);
    assertThat(stored().steps()).isEqualTo(12);
    assertThat(stored().best().orElseThrow().step()).isEqualTo(result.resultStep());
    assertThat(stored().best().orElseThrow().loss()).isEqualTo(result.finalLoss().orElseThrow());
    assertThat(record().resultStep()).hasValue(result.resultStep());
    assertThat(record().facts().data().train()).isEqualTo(25);
    assertThat(record().facts().data().validation()).isEqualTo(6);
    assertThat(stored().dataFiles())
        .extracting(file -> file.part() + " " + file.rows())
        .containsExactly("train 25", "validation 6");
    RunRecord.Memory memory = record().facts().memory();
    assertThat(memory.classes().values().stream().mapToLong(it -> it).sum())
        .isEqualTo(memory.peak());
    assertThat(page()).contains(">finished<", small.data().toString());
  }

  @Test
  void aRunThatIsStoppedAndGoesOnHasOneBeginning() throws IOException {
    StopSignal stop = new StopSignal();
    stop.request();
    LoraFinetuning.run(small.config("run"), RunStart.NEW, Console.silent(), stop);
    assertThat(stored().status()).isEqualTo(RunStatus.STOPPED);
    assertThat(page()).contains("--resume");
    String started = record().started();

    LoraFinetuning.run(small.config("run"), RunStart.RESUME, Console.silent(), new StopSignal());
    assertThat(stored().status()).isEqualTo(RunStatus.FINISHED);
    assertThat(record().started()).isEqualTo(started);
    assertThat(record().resumed()).hasSize(1);
  }

  @Test
  void aRunThatDivergesSaysWhere() throws IOException {
    assertThatThrownBy(() ->
            SmallRun.run(
                small.config("run", "training.learning-rate=1e30", "training.max-grad-norm=0")))
        .isInstanceOf(UserException.class);
    assertThat(stored().status()).isEqualTo(RunStatus.DIVERGED);
    assertThat(record().reason()).contains("not both finite");
    assertThat(page()).contains(">diverged<", "not both finite");
  }

  /** As after a power cut: the record says that it runs, but nobody writes. */
  @Test
  void aRunWhoseProcessIsGoneIsBroken() throws IOException {
    SmallRun.run(small.config("run"));
    Path file = small.output("run").resolve("run.json");
    Files.writeString(file, Files.readString(file).replace("\"FINISHED\"", "\"RUNNING\""));
    assertThat(stored().status()).isEqualTo(RunStatus.BROKEN);

    Files.delete(file);
    assertThat(stored().status())
        .as("an older graft's, with a result")
        .isEqualTo(RunStatus.FINISHED);
  }

  @Test
  void aPageThatCannotBeWrittenEndsNoRun() throws IOException {
    Files.createDirectories(small.output("run").resolve("report.html/in-the-way"));
    var err = new ByteArrayOutputStream();
    var console =
        new Console(
            new PrintStream(new ByteArrayOutputStream()),
            new PrintStream(err),
            false,
            false,
            System::nanoTime);

    RunResult result =
        LoraFinetuning.run(small.config("run"), RunStart.NEW, console, new StopSignal());

    assertThat(result.steps()).isEqualTo(12);
    assertThat(err.toString(StandardCharsets.UTF_8).lines())
        .singleElement()
        .asString()
        .contains("run.json and report.html are not up to date");
  }
}
