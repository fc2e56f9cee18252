package dev.graft.trainer.optim;

import dev.graft.trainer.config.OptimizerSettings;

/**
 * Optimizers as their papers, or PyTorch's documentation of {@code torch.optim}, write them, in
 * double and one parameter at a time. Nothing of them is shared with what they are compared with.
 */
final class Papers {

  private Papers() {}

  /** One parameter's history. */
  interface Rule {
    /** What is taken from the parameter at step t, counted from 1, before weight decay. */
    double update(double g, double lr, int t);
  }

  static Rule of(OptimizerSettings s) {
    return switch (s.kind()) {
      case ADAMW -> new Adam(s, false);
      case AMSGRAD -> new Adam(s, true);
      case NADAM -> new Nadam(s);
      case ADABELIEF -> new AdaBelief(s);
      case RMSPROP -> new RmsProp(s);
      case SGD -> new Sgd(s);
      case LION -> new Lion(s);
    };
  }

  /** torch.optim.AdamW, with and without {@code amsgrad}. */
  private static final class Adam implements Rule {
    private final OptimizerSettings s;
    private final boolean amsgrad;
    private double m;
    private double v;
    private double largest;

    Adam(OptimizerSettings s, boolean amsgrad) {
      this.s = s;
      this.amsgrad = amsgrad;
    }

    @Override
    public double update(double g, double lr, int t) {
      m = s.beta1() * m + (1 - s.beta1()) * g;
      v = s.beta2() * v + (1 - s.beta2()) * g * g;
      largest = Math.max(largest, v);
      double corrected = (amsgrad ? largest : v) / (1 - Math.pow(s.beta2(), t));
      return lr * (m / (1 - Math.pow(s.beta1(), t))) / (Math.sqrt(corrected) + s.epsilon());
    }
  }

  /** torch.optim.NAdam, momentum_decay = 0.004. */
  private static final class Nadam implements Rule {
    private final OptimizerSettings s;
    private double m;
    private double v;
    private double product = 1;

    Nadam(OptimizerSettings s) {
      this.s = s;
    }

    @Override
    public double update(double g, double lr, int t) {
      double mu = s.beta1() * (1 - 0.5 * Math.pow(0.96, t * 0.004));
      double muNext = s.beta1() * (1 - 0.5 * Math.pow(0.96, (t + 1) * 0.004));
      product *= mu;
      m = s.beta1() * m + (1 - s.beta1()) * g;
      v = s.beta2() * v + (1 - s.beta2()) * g * g;
      double mHat = muNext * m / (1 - product * muNext) + (1 - mu) * g / (1 - product);
      double vHat = v / (1 - Math.pow(s.beta2(), t));
      return lr * mHat / (Math.sqrt(vHat) + s.epsilon());
    }
  }

  /** Zhuang et al. 2020, algorithm 2. */
  private static final class AdaBelief implements Rule {
    private final OptimizerSettings settings;
    private double m;
    private double s;

    AdaBelief(OptimizerSettings settings) {
      this.settings = settings;
    }

    @Override
    public double update(double g, double lr, int t) {
      double beta1 = settings.beta1();
      double beta2 = settings.beta2();
      m = beta1 * m + (1 - beta1) * g;
      s = beta2 * s + (1 - beta2) * Math.pow(g - m, 2) + settings.epsilon();
      double mHat = m / (1 - Math.pow(beta1, t));
      double sHat = s / (1 - Math.pow(beta2, t));
      return lr * mHat / (Math.sqrt(sHat) + settings.epsilon());
    }
  }

  /** torch.optim.RMSprop; its alpha is β₂. */
  private static final class RmsProp implements Rule {
    private final OptimizerSettings s;
    private double v;

    RmsProp(OptimizerSettings s) {
      this.s = s;
    }

    @Override
    public double update(double g, double lr, int t) {
      v = s.beta2() * v + (1 - s.beta2()) * g * g;
      return lr * g / (Math.sqrt(v) + s.epsilon());
    }
  }

  /** torch.optim.SGD. */
  private static final class Sgd implements Rule {
    private final OptimizerSettings s;
    private double b;

    Sgd(OptimizerSettings s) {
      this.s = s;
    }

    @Override
    public double update(double g, double lr, int t) {
      b = t == 1 ? g : s.momentum() * b + g;
      return lr * (s.nesterov() ? g + s.momentum() * b : b);
    }
  }

  /** Chen et al. 2023, algorithm 2. */
  private static final class Lion implements Rule {
    private final OptimizerSettings s;
    private double m;

    Lion(OptimizerSettings s) {
      this.s = s;
    }

    @Override
    public double update(double g, double lr, int t) {
      double c = s.beta1() * m + (1 - s.beta1()) * g;
      m = s.beta2() * m + (1 - s.beta2()) * g;
      return c > 0 ? lr : c < 0 ? -lr : 0;
    }
  }
}
