/**
 * Models by their name on the Hugging Face hub: found in the cache that all Hugging Face tools
 * share, or downloaded into it.
 */
@org.jspecify.annotations.NullMarked
package dev.graft.modelio.hub;
