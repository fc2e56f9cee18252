package dev.graft.trainer.console;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;

/** How many columns the terminal has, as {@code stty} tells. */
final class TerminalWidth {

  /** What terminals have that say nothing. */
  static final int USUAL = 80;

  private TerminalWidth() {}

  static int ask() {
    try {
      Process stty =
          new ProcessBuilder("stty", "size")
              .redirectInput(new File("/dev/tty"))
              .redirectError(ProcessBuilder.Redirect.DISCARD)
              .start();
      String answer = new String(stty.getInputStream().readAllBytes(), StandardCharsets.US_ASCII);
      return stty.waitFor(1, TimeUnit.SECONDS) ? columns(answer) : USUAL;
    } catch (IOException e) {
      // No stty, no terminal.
      return USUAL;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return USUAL;
    }
  }

  /** Of {@code "24 80\n"}; some terminals say 0. */
  static int columns(String answer) {
    String[] words = answer.strip().split(" ");
    boolean told = words.length == 2 && words[1].matches("[1-9]\\d{0,5}");
    return told ? Integer.parseInt(words[1]) : USUAL;
  }
}
