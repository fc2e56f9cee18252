/**
 * Makes what the quickstart trains on: a tiny base model that has learned nothing, its tokenizer,
 * and a small invented data set. Everything is drawn from one seed, so that the files in {@code
 * configs/quickstart} can be made again bit for bit.
 */
@org.jspecify.annotations.NullMarked
package dev.graft.trainer.quickstart;
