package dev.graft.modelio.gguf;

import dev.graft.modelio.ModelConfig;
import dev.graft.modelio.ModelIoException;
import dev.graft.modelio.RopeScaling;
import java.util.ArrayList;
import java.util.List;

/** What a GGUF file's metadata say about the computation, as llama.cpp reads them. */
final class GgufConfig {
  private static final String PREFIX = GgufNames.ARCHITECTURE + ".";

  private GgufConfig() {}

  static ModelConfig read(GgufFile file) {
    requireModel(file);
    int hidden = file.integer(PREFIX + "embedding_length");
    int heads = file.integer(PREFIX + "attention.head_count");
    if (heads < 1) {
      throw new ModelIoException(file.path() + ": there are no attention heads.");
    }
    int headDim = orElse(file, "attention.key_length", hidden / heads);
    if (orElse(file, "attention.value_length", headDim) != headDim
        || orElse(file, "rope.dimension_count", headDim) != headDim) {
      throw new ModelIoException(
          file.path() + ": heads that are rotated in part, or of two widths, are not supported.");
    }
    int vocabulary = (int) Math.min(file.tensor("token_embd.weight").shape().getFirst(), 1 << 30);
    try {
      return new ModelConfig(
          ModelConfig.Architecture.LLAMA,
          hidden,
          file.integer(PREFIX + "feed_forward_length"),
          file.integer(PREFIX + "block_count"),
          heads,
          orElse(file, "attention.head_count_kv", heads),
          headDim,
          vocabulary,
          file.integer(PREFIX + "context_length"),
          file.number(PREFIX + "attention.layer_norm_rms_epsilon").orElse(0.0),
          file.number(PREFIX + "rope.freq_base").orElse(10_000.0),
          scaling(file, headDim),
          null,
          !file.tensors().containsKey("output.weight"),
          null,
          id(file, "bos_token_id").stream().findFirst().orElse(null),
          id(file, "eos_token_id"),
          List.of());
    } catch (ModelIoException e) {
      String message = String.valueOf(e.getMessage());
      throw message.startsWith(file.path().toString())
          ? e
          : new ModelIoException(file.path() + ": " + message, e);
    }
  }

  private static void requireModel(GgufFile file) {
    String type = file.text("general.type").orElse("model");
    String architecture = file.text("general.architecture").orElse("(none)");
    if (!type.equals("model") || !architecture.equals(GgufNames.ARCHITECTURE)) {
      throw new ModelIoException(
          "%s holds a %s of the architecture %s; a llama model is expected."
              .formatted(file.path(), type, architecture));
    }
  }

  private static RopeScaling scaling(GgufFile file, int headDim) {
    String type = file.text(PREFIX + "rope.scaling.type").orElse("none");
    boolean linear = type.equals("linear");
    if (!linear && !type.equals("none")) {
      throw new ModelIoException(
          "%s: rope.scaling.type %s is not supported.".formatted(file.path(), type));
    }
    if (linear) {
      double factor = file.number(PREFIX + "rope.scaling.factor").orElse(0.0);
      if (!(factor > 0)) {
        throw new ModelIoException(file.path() + ": rope.scaling.factor is not positive.");
      }
      return new RopeScaling.Linear(factor);
    }
    return file.tensors().containsKey(GgufNames.ROPE_FREQS)
        ? divided(file, headDim)
        : new RopeScaling.None();
  }

  private static RopeScaling divided(GgufFile file, int headDim) {
    GgufTensor tensor = file.tensor(GgufNames.ROPE_FREQS);
    if (!tensor.shape().equals(List.of((long) headDim / 2))) {
      throw new ModelIoException(
          "%s: tensor %s has the shape %s; [%d] is expected."
              .formatted(file.path(), tensor.name(), tensor.shape(), headDim / 2));
    }
    List<Double> divisors = new ArrayList<>();
    for (float divisor : file.row(tensor, 0)) {
      if (!(divisor > 0)) {
        throw new ModelIoException(
            file.path() + ": tensor " + tensor.name() + " holds what is not a positive number.");
      }
      divisors.add((double) divisor);
    }
    return new RopeScaling.Divided(divisors);
  }

  private static int orElse(GgufFile file, String key, int otherwise) {
    return file.metadata().containsKey(PREFIX + key) ? file.integer(PREFIX + key) : otherwise;
  }

  private static List<Integer> id(GgufFile file, String key) {
    String whole = "tokenizer.ggml." + key;
    return file.metadata().containsKey(whole) ? List.of(file.integer(whole)) : List.of();
  }
}
