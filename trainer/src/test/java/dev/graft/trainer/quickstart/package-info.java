/** Tests of what the quickstart trains on. */
@org.jspecify.annotations.NullMarked
package dev.graft.trainer.quickstart;
