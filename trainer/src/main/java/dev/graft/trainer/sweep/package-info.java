/**
 * Many runs that differ in a few keys, one after another, and how they compare. {@link
 * dev.graft.trainer.sweep.Sweep} is the story; {@link dev.graft.trainer.sweep.Grid} says which runs
 * there are, {@link dev.graft.trainer.sweep.SweepRecord} is {@code sweep.json}.
 */
@org.jspecify.annotations.NullMarked
package dev.graft.trainer.sweep;
