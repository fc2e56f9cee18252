/** A comparison as part of a Java build. */
@org.jspecify.annotations.NullMarked
package dev.graft.trainer.compare.junit;
