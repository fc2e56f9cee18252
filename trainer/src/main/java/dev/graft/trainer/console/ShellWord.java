package dev.graft.trainer.console;

/** Words of commands that a person may copy. */
public final class ShellWord {

  private ShellWord() {}

  /** A word that a shell takes as one. */
  public static String of(String word) {
    return word.matches("[\\w@%+=:,./-]+") ? word : "'" + word.replace("'", "'\\''") + "'";
  }
}
