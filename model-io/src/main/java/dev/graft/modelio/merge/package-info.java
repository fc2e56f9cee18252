/** An adapter and its base model made into one model again. */
@org.jspecify.annotations.NullMarked
package dev.graft.modelio.merge;
