/** What a comparison comes to: figures, verdicts, costs, and the scorecard that shows them. */
@org.jspecify.annotations.NullMarked
package dev.graft.trainer.compare.scorecard;
