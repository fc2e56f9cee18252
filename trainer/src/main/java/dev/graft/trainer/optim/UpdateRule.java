package dev.graft.trainer.optim;

import java.util.Map;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * What an optimizer makes of gradients, element by element, before weight decay and whatever is
 * different for some of the parameters; see {@link Optimizer}.
 */
sealed interface UpdateRule permits AdaBeliefRule, LionRule, MomentumRule, NadamRule, Nd4jRule {

  /**
   * One step: the state goes on, and the gradients become what is to be taken from the parameters.
   *
   * @param gradients float32 vector, written over
   * @param learningRate where it is 0 only the state counts, and what becomes of the gradients is
   *     of no use
   * @param t this update's number, counted from 1
   */
  void apply(INDArray gradients, double learningRate, int t);

  /** All that is remembered from one step to the next, by name, in its own memory. */
  Map<String, INDArray> state();
}
