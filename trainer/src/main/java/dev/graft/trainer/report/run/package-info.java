/** Pages about training runs: one of its own, and two side by side. */
@org.jspecify.annotations.NullMarked
package dev.graft.trainer.report.run;
