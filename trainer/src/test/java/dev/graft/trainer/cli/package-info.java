/** Tests of the graft command. */
@org.jspecify.annotations.NullMarked
package dev.graft.trainer.cli;
