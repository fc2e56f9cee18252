package dev.graft.trainer.optim;

import java.util.Map;
import org.nd4j.linalg.api.ndarray.INDArray;

/** Turns gradients into updates of the parameters, both one flat float32 vector. */
public interface Optimizer {

  /**
   * One update.
   *
   * @param parameters changed in place
   * @param gradients may be written over
   * @param updates how many updates came before, from 0
   */
  void step(INDArray parameters, INDArray gradients, double learningRate, int updates);

  /**
   * All that it remembers from one update to the next, by name: float32 arrays in their own memory,
   * not copies. A checkpoint holds them, and a run that goes on writes them back.
   */
  Map<String, INDArray> state();
}
