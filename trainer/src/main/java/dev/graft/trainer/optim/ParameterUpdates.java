package dev.graft.trainer.optim;

import java.util.Map;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * The end of an optimizer step, from the gradients that the micro-batches left on the device to
 * parameters there that the next step reads: on the host, where ND4J holds the masters, or on the
 * device itself.
 */
public interface ParameterUpdates {

  /**
   * Sees to it that the next {@link #apply} goes no further than clipped gradients would.
   *
   * @param maxNorm the gradients' norm after clipping at most; 0 for no limit
   * @return the norm before clipping
   */
  double clip(double maxNorm);

  /**
   * One update, with the gradients that {@link #clip} saw.
   *
   * @param updates how many came before, from 0
   */
  void apply(double learningRate, int updates);

  /** Brings parameters and {@link #state} to the host, before a checkpoint is written. */
  void collect();

  /** Takes over parameters and state that were written on the host. */
  void restored();

  /** All that is remembered from one update to the next, by name, as of {@link #collect}. */
  Map<String, INDArray> state();
}
