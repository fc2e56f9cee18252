package dev.graft.trainer.console;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ConsoleTest {

  private final ByteArrayOutputStream out = new ByteArrayOutputStream();
  private final ByteArrayOutputStream err = new ByteArrayOutputStream();
  private long now;

  private Console console(boolean live, boolean quiet) {
    return new Console(stream(out), stream(err), live, 104, quiet, () -> now);
  }

  private static PrintStream stream(ByteArrayOutputStream bytes) {
    return new PrintStream(bytes, true, StandardCharsets.UTF_8);
  }

  private static StepProgress step(int step, int total) {
    return new StepProgress(step, total, step / 10.0, 2.34567, 1e-4, 1234.5);
  }

  private void seconds(double seconds) {
    now += (long) (seconds * 1e9);
  }

  @Test
  void aLiveLineChangesInPlaceAndLaterLinesGoBelow() {
    Console console = console(true, false);
    console.step(step(1, 3));
    console.step(step(2, 3));
    console.say("done");

    assertThat(out.toString(StandardCharsets.UTF_8))
        .isEqualTo(
            "\r\033[?7l[##########--------------------]  step 1/3  epoch 0.10  loss 2.3457"
                + "  lr 1.0e-04  1,235 tokens/s\033[K\033[?7h"
                + "\r\033[?7l[##################----------]  step 2/3  epoch 0.20  loss 2.3457"
                + "  lr 1.0e-04  1,235 tokens/s  0:00 left\033[K\033[?7h"
                + System.lineSeparator()
                + "done"
                + System.lineSeparator());
  }

  @Test
  void aLogGetsTheFirstTheLastAndALineNowAndThen() {
    Console console = console(false, false);
    for (int i = 1; i <= 105; i++) {
      seconds(0.1);
      console.step(step(i, 105));
    }

    assertThat(out.toString(StandardCharsets.UTF_8).lines().map(line -> line.substring(0, 12)))
        .containsExactly(
            "step   1/105",
            "step  10/105",
            "step  20/105",
            "step  30/105",
            "step  40/105",
            "step  50/105",
            "step  60/105",
            "step  70/105",
            "step  80/105",
            "step  90/105",
            "step 100/105",
            "step 105/105");
    assertThat(out.toString(StandardCharsets.UTF_8)).doesNotContain("\r\033");
  }

  @Test
  void slowStepsGetALineAfterTenSeconds() {
    Console console = console(false, false);
    for (int i = 1; i <= 5; i++) {
      seconds(6);
      console.step(step(i, 1000));
    }
    assertThat(out.toString(StandardCharsets.UTF_8).lines()).hasSize(3);
  }

  @Test
  void theTimeLeftForgetsTheFirstStep() {
    Console console = console(true, false);
    seconds(100);
    console.step(step(1, 12));
    seconds(7);
    console.step(step(2, 12));

    assertThat(out.toString(StandardCharsets.UTF_8)).contains("1:10 left");
  }

  @ParameterizedTest
  @CsvSource({
    "100, '[###########------]  step  700/1000  epoch 70.00  loss 2.3457  lr 1.0e-04"
        + "  1,235 tokens/s  5:00 left'",
    "70, 'step  700/1000  epoch 70.00  loss 2.3457  1,235 tokens/s  5:00 left'",
    "50, '[#####---]  step  700/1000  loss 2.3457  5:00 left'",
    "20, 'step  700/1000  loss 2.3457  5:00 left'",
  })
  void theLineKeepsToTheTerminal(int width, String line) {
    var progress = new ProgressLine(true, width, () -> now);
    progress.after(step(699, 1000));
    seconds(1);
    assertThat(progress.after(step(700, 1000))).hasValue(line);
    assertThat(line.length()).isLessThanOrEqualTo(Math.max(width, 40));
  }

  @ParameterizedTest
  @CsvSource({"'24 132\n',132", "'0 0\n',80", "'',80", "stty: no,80"})
  void theWidthIsWhatSttySays(String answer, int columns) {
    assertThat(TerminalWidth.columns(answer)).isEqualTo(columns);
  }

  @Test
  void quietKeepsWarningsAndResults() {
    Console console = console(false, true);
    console.say("information");
    console.step(step(1, 1));
    console.warn("3 conversations are too long");
    console.result("adapter: runs/a/adapter");

    assertThat(out.toString(StandardCharsets.UTF_8))
        .isEqualToIgnoringNewLines("adapter: runs/a/adapter");
    assertThat(err.toString(StandardCharsets.UTF_8))
        .isEqualToIgnoringNewLines("warning: 3 conversations are too long");
  }

  @ParameterizedTest
  @CsvSource({"0,0:00", "42,0:42", "725,12:05", "11229,3:07:09"})
  void timesReadLikeAClock(long seconds, String text) {
    assertThat(ProgressLine.clock(seconds)).isEqualTo(text);
  }
}
