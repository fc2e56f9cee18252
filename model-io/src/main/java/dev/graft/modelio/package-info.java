/**
 * The vocabulary of model files, shared by every format: data types, the model's configuration,
 * names of tensors and projections, and the one exception that all readers throw. The formats live
 * in sub-packages, which use this package and are never used by it.
 */
@org.jspecify.annotations.NullMarked
package dev.graft.modelio;
