package dev.graft.trainer.train;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.graft.trainer.config.RunConfig;
import dev.graft.trainer.config.UserException;
import dev.graft.trainer.console.Console;
import dev.graft.trainer.runtime.BaseModel;
import dev.graft.trainer.runtime.Meanwhile;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.OptionalLong;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What is said of memory that a run needs and a machine lacks, with the run's own numbers. */
class MemoryNeedTest {

  @TempDir Path folder;
  private final ByteArrayOutputStream said = new ByteArrayOutputStream();
  private RunConfig config;
  private MemoryNeed need;

  @BeforeEach
  void plan() throws IOException {
    config = new SmallRun(folder).config("run", "training.micro-batch-tokens=4096");
    try (BaseModel base = RunSetup.openBase(config)) {
      RunSetup setup = new RunSetup(config, base, Console.silent());
      need = setup.planning(setup.readData(false)).memoryNeed();
      need.options(); // while the base is open
    }
  }

  private MemoryNeed on(long available, long total) {
    return new MemoryNeed(
        need.memory(), OptionalLong.of(available), OptionalLong.of(total), need.ways());
  }

  private Console console() {
    var err = new PrintStream(said, true, StandardCharsets.UTF_8);
    return new Console(err, err, false, 80, false, System::nanoTime);
  }

  @Test
  void whatFitsIsNotTalkedAbout() {
    long peak = need.memory().peak();
    assertThatCode(() -> on(peak, peak).check(console())).doesNotThrowAnyException();
    assertThat(said.size()).isZero();
  }

  @Test
  void whatDoesNotFitNowIsWarnedOfWithTheCheapestThatHelps() {
    long peak = need.memory().peak();
    on(peak - 1, 2 * peak).check(console());
    assertThat(said.toString(StandardCharsets.UTF_8))
        .contains("warning: this run needs ")
        .contains("The cheapest that helps: --set training.micro-batch-tokens=2048 (");
  }

  @Test
  void whatCanNeverFitIsRefused() {
    long peak = need.memory().peak();
    assertThatThrownBy(() -> on(peak / 2, peak - 1).check(console()))
        .isInstanceOf(UserException.class)
        .hasMessageContaining("and this machine has ")
        .hasMessageContaining("--set training.micro-batch-tokens=2048");
    assertThatThrownBy(() -> on(1, 2).check(console()))
        .hasMessageContaining("No setting of micro-batches or recomputing makes it fit");
  }

  @Test
  void memoryThatRanOutIsToldApart() {
    assertThat(need.ranOut(new OutOfMemoryError("Java heap space"), config))
        .hasMessageContaining("Java's heap of ")
        .hasMessageContaining("GRAFT_JAVA_OPTIONS=-Xmx");
    assertThat(need.ranOut(new OutOfMemoryError("Unable to allocate 7 bytes"), config))
        .hasMessageContaining("the system gave no more (Unable to allocate 7 bytes)")
        .hasMessageContaining("The cheapest that helps: --set training.micro-batch-tokens=2048");
  }

  @Test
  void whereEvenTheAdviceTakesMemoryThePlanIsNamed() {
    var without =
        new MemoryNeed(
            need.memory(),
            OptionalLong.empty(),
            OptionalLong.empty(),
            Meanwhile.onDemand(() -> {
              throw new OutOfMemoryError("none for a layout either");
            }));
    assertThat(without.ranOut(new OutOfMemoryError("Unable to allocate 7 bytes"), config))
        .hasMessageContaining("(Unable to allocate 7 bytes)")
        .hasMessageContaining("'./graft plan' lists");
  }
}
