/** What the launcher has made after a build, so that later starts are faster. */
@org.jspecify.annotations.NullMarked
package dev.graft.trainer.launch;
