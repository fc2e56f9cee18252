/** Tests of the run configuration. */
@org.jspecify.annotations.NullMarked
package dev.graft.trainer.config;
