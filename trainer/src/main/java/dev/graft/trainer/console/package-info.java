/** What a person sees of a run while it goes on. Depends on nothing of graft. */
@org.jspecify.annotations.NullMarked
package dev.graft.trainer.console;
