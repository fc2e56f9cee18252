/**
 * The {@code graft} command. Turns options into calls and outcomes into words and exit codes: 0 for
 * success, 2 for what the user can put right, 1 for what only we can.
 */
@org.jspecify.annotations.NullMarked
package dev.graft.trainer.cli;
