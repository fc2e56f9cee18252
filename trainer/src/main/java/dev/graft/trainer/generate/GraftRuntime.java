package dev.graft.trainer.generate;

import dev.graft.modelio.checkpoint.Checkpoint;
import dev.graft.modelio.djl.ModelRuntime;
import dev.graft.modelio.djl.ModelSession;
import dev.graft.trainer.config.DeviceChoice;
import dev.graft.trainer.config.KernelsChoice;
import dev.graft.trainer.config.Precision;
import dev.graft.trainer.config.UserException;
import dev.graft.trainer.kernels.Kernels;
import dev.graft.trainer.runtime.BaseModel;
import dev.graft.trainer.runtime.Hardware;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;

/** What DJL programs compute with; found through the service loader. */
public final class GraftRuntime implements ModelRuntime {

  private static final int DEFAULT_MAX_TOKENS = 256;

  @Override
  public ModelSession open(Checkpoint checkpoint, Map<String, String> options) {
    Kernels kernels =
        Hardware.open(
            choice(options, "precision", Precision.class, Precision.AUTO),
            choice(options, "device", DeviceChoice.class, DeviceChoice.AUTO),
            choice(options, "kernels", KernelsChoice.class, KernelsChoice.AUTO));
    return new Session(BaseModel.on(checkpoint, kernels), options);
  }

  /** A predictor's model; how it generates was settled when it was opened. */
  private static final class Session implements ModelSession {
    private final BaseModel base;
    private final Generator generator;
    private final int maxTokens;
    private final double temperature;
    private final double topP;
    private final long seed;

    Session(BaseModel base, Map<String, String> options) {
      this.base = base;
      this.generator =
          new Generator(base, Optional.ofNullable(options.get("adapter")).map(Path::of));
      this.maxTokens = value(options, "max-tokens", Integer::parseInt, DEFAULT_MAX_TOKENS);
      this.temperature = value(options, "temperature", Double::parseDouble, 0.0);
      this.topP = value(options, "top-p", Double::parseDouble, 1.0);
      this.seed = value(options, "seed", Long::parseLong, 0L);
    }

    @Override
    public void logits(int[] tokens, FloatBuffer logits) {
      generator.logits(tokens, logits::put);
    }

    @Override
    public String generate(String prompt) {
      StringBuilder text = new StringBuilder();
      Sampler sampler = new Sampler(temperature, topP, seed);
      generator.generate(
          generator.continuation(prompt), sampler, maxTokens, text::append, () -> false);
      return text.toString();
    }

    @Override
    public void close() {
      base.close();
    }
  }

  private static <E extends Enum<E>> E choice(
      Map<String, String> options, String name, Class<E> type, E otherwise) {
    return value(
        options, name, text -> Enum.valueOf(type, text.toUpperCase(Locale.ROOT)), otherwise);
  }

  private static <T> T value(
      Map<String, String> options, String name, Function<String, T> parse, T otherwise) {
    String text = options.get(name);
    if (text == null) {
      return otherwise;
    }
    try {
      return parse.apply(text);
    } catch (IllegalArgumentException e) {
      throw new UserException(
          "option %s: %s is not a value for it (otherwise %s); options given: %s"
              .formatted(name, text, otherwise, Arrays.toString(options.keySet().toArray())),
          e);
    }
  }
}
