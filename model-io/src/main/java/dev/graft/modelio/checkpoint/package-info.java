/**
 * Hugging Face checkpoint folders: a checked configuration and mapped, checked weights, whole or in
 * shards; and a generator of random checkpoints for tests, benchmarks and stand-ins.
 */
@org.jspecify.annotations.NullMarked
package dev.graft.modelio.checkpoint;
