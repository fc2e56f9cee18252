package dev.graft.trainer.train;

/** Why a run ended. */
public sealed interface Ending {

  /** All its steps are done. */
  record Complete() implements Ending {}

  /** Somebody asked it to. */
  record Stopped() implements Ending {}

  /**
   * A condition of {@code early-stopping} holds.
   *
   * @param reason for a person
   */
  record Early(String reason) implements Ending {}
}
