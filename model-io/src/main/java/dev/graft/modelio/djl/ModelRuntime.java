package dev.graft.modelio.djl;

import dev.graft.modelio.checkpoint.Checkpoint;
import java.util.Map;

/**
 * Computes with a checkpoint on behalf of DJL predictors. Found through {@link
 * java.util.ServiceLoader}: this module has no kernels of its own, {@code dev.graft:graft-trainer}
 * brings the real one.
 */
public interface ModelRuntime {
  /**
   * Makes a checkpoint ready to compute.
   *
   * @param checkpoint stays open longer than the session and is closed by its owner
   * @param options what the program gave as {@code Criteria.optOption}, with the names of graft's
   *     command line: {@code precision}, {@code device}, {@code adapter}, {@code max-tokens},
   *     {@code temperature}, {@code top-p}, {@code seed}
   */
  ModelSession open(Checkpoint checkpoint, Map<String, String> options);
}
