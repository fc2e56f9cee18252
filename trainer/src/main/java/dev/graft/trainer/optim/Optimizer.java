package dev.graft.trainer.optim;

import dev.graft.trainer.config.OptimizerKind;
import dev.graft.trainer.config.OptimizerSettings;
import dev.graft.trainer.model.ParameterGroup;
import dev.graft.trainer.tensor.HostArrays;
import java.util.List;
import java.util.Map;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.indexing.NDArrayIndex;
import org.nd4j.linalg.learning.regularization.WeightDecay;

/**
 * Turns gradients into updates of the parameters, both one flat float32 vector. With u(g) what an
 * {@link UpdateRule} makes of a gradient at a learning rate, every optimizer is
 *
 * <pre>
 *   p = p - c (u(g) + lr λ p)
 * </pre>
 *
 * <p>The weight decay λ is decoupled from the gradient, as in AdamW (Loshchilov and Hutter 2019,
 * algorithm 2), SGDW (algorithm 1) and Lion, and so for all of them alike. The factor c is 1 but
 * for groups of parameters that learn at another rate than the rest.
 */
public final class Optimizer {

  private final UpdateRule rule;
  private final List<OptimizerPart> parts;

  private Optimizer(UpdateRule rule, List<OptimizerPart> parts) {
    this.rule = rule;
    this.parts = parts;
  }

  /**
   * An optimizer at its beginning.
   *
   * @param groups of the vector, which they fill; those of norms have no weight decay
   * @param plusRatio learning rate of LoRA's B by that of all else (LoRA+, Hayou et al. 2024): in
   *     the limit of wide layers, with one rate for both B learns too slowly; 1 is off
   */
  public static Optimizer of(
      OptimizerSettings settings, List<ParameterGroup> groups, double plusRatio) {
    List<OptimizerPart> parts = OptimizerPart.of(groups, settings.weightDecay(), plusRatio);
    return new Optimizer(rule(settings, parts.getLast().to()), parts);
  }

  /** AdamW for a vector whose parameters are all of one kind. */
  public static Optimizer adamW(long size, double weightDecay) {
    return of(
        OptimizerSettings.of(OptimizerKind.ADAMW, weightDecay),
        List.of(new ParameterGroup(ParameterGroup.Kind.WEIGHT, 0, size)),
        1);
  }

  private static UpdateRule rule(OptimizerSettings settings, long size) {
    return switch (settings.kind()) {
      case ADAMW -> Nd4jRule.adam(settings, size);
      case AMSGRAD -> Nd4jRule.amsgrad(settings, size);
      case NADAM -> new NadamRule(settings, size);
      case ADABELIEF -> new AdaBeliefRule(settings, size);
      case RMSPROP -> Nd4jRule.rmsProp(settings, size);
      case SGD -> settings.momentum() > 0 ? new MomentumRule(settings, size) : Nd4jRule.descent();
      case LION -> new LionRule(settings, size);
    };
  }

  /** How many float32 numbers it remembers of each parameter. */
  public static int numbersPerParameter(OptimizerSettings settings) {
    return switch (settings.kind()) {
      case AMSGRAD -> 3;
      case ADAMW, NADAM, ADABELIEF -> 2;
      case RMSPROP, LION -> 1;
      case SGD -> settings.momentum() > 0 ? 1 : 0;
    };
  }

  /**
   * One update.
   *
   * @param parameters changed in place
   * @param gradients written over
   * @param learningRate where it is 0, which is what warmup begins with, only the state goes on
   * @param updates how many updates came before, from 0
   */
  public void step(INDArray parameters, INDArray gradients, double learningRate, int updates) {
    rule.apply(gradients, learningRate, updates + 1);
    if (learningRate == 0) {
      return;
    }
    for (OptimizerPart part : parts) {
      INDArray update = row(gradients, part);
      if (part.weightDecay() > 0) {
        INDArray decaying = row(parameters, part);
        new WeightDecay(part.weightDecay(), true).apply(decaying, update, learningRate, updates, 0);
      }
      if (part.factor() != 1) {
        update.muli(part.factor());
      }
    }
    parameters.subi(gradients);
  }

  /** A view of a part, (1, n), since ND4J's weight decay takes no vector. */
  private static INDArray row(INDArray vector, OptimizerPart part) {
    INDArray whole = HostArrays.asRow(vector);
    return part.from() == 0 && part.to() == vector.length()
        ? whole
        : whole.get(NDArrayIndex.all(), NDArrayIndex.interval(part.from(), part.to()));
  }

  /**
   * All that it remembers from one update to the next, by name: float32 arrays in their own memory,
   * not copies. A checkpoint holds them, and a run that goes on writes them back.
   */
  public Map<String, INDArray> state() {
    return rule.state();
  }
}
