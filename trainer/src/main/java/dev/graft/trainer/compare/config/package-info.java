/** What a comparison's YAML file says, as immutable records that have been checked. */
@org.jspecify.annotations.NullMarked
package dev.graft.trainer.compare.config;
