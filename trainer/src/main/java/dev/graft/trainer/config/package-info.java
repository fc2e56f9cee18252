/**
 * The run configuration: what the YAML file and {@code --set} say, as immutable records that have
 * been checked. A component's {@link dev.graft.trainer.config.Key} holds its description and its
 * default; the reader, the suggestions in errors, the resolved {@code config.yaml}, the commented
 * defaults and the JSON schema are all derived from it. Imports nothing else of graft.
 */
@org.jspecify.annotations.NullMarked
package dev.graft.trainer.config;
