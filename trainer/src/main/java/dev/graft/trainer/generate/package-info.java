/** Text from a model: sampling, decoding with a key-value cache, streaming out. */
@org.jspecify.annotations.NullMarked
package dev.graft.trainer.generate;
