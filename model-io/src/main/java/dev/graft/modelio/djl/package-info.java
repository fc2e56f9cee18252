/**
 * The door through which models are loaded: an engine named {@code graft} for the Deep Java
 * Library, and repositories for {@code hf://org/name}. DJL finds both by itself, so that a program
 * needs this module on its class path and then only {@code
 * Criteria.builder().setTypes(…).optEngine("graft").optModelPath(folder).build().loadModel()}. What
 * computes is found behind {@link dev.graft.modelio.djl.ModelRuntime}.
 */
@org.jspecify.annotations.NullMarked
package dev.graft.modelio.djl;
