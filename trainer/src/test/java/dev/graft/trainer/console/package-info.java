/** Tests of {@code dev.graft.trainer.console}. */
@org.jspecify.annotations.NullMarked
package dev.graft.trainer.console;
