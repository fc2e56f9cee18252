package dev.graft.modelio.peft;

import dev.graft.modelio.ModelConfig;
import dev.graft.modelio.ModelIoException;
import dev.graft.modelio.VocabularyModule;
import dev.graft.modelio.safetensors.SafetensorsFile;
import dev.graft.modelio.safetensors.SafetensorsWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * Adapters of embedding and output projection in a PEFT file: {@code lora_A} and {@code lora_B} of
 * {@code lm_head}; {@code lora_embedding_A} (rank, vocab) and {@code lora_embedding_B} (hidden,
 * rank) of {@code embed_tokens}.
 */
record VocabularyFile(SafetensorsFile file, PeftConfig config, ModelConfig model) {

  /** PEFT saves the base's own weight as well, lest the vocabulary was resized. */
  private static final String BASE_WEIGHT = ".base_layer.weight";

  private static String nameOfA(VocabularyModule module) {
    return PeftAdapter.PREFIX
        + module.path()
        + switch (module) {
          case EMBED_TOKENS -> ".lora_embedding_A";
          case LM_HEAD -> ".lora_A.weight";
        };
  }

  private static String nameOfB(VocabularyModule module) {
    return PeftAdapter.PREFIX
        + module.path()
        + switch (module) {
          case EMBED_TOKENS -> ".lora_embedding_B";
          case LM_HEAD -> ".lora_B.weight";
        };
  }

  /**
   * Reads what there is.
   *
   * @param unknown names that nobody has read yet
   */
  List<VocabularyLora> read(Set<String> unknown) {
    List<VocabularyLora> adapters = new ArrayList<>();
    for (VocabularyModule module : VocabularyModule.values()) {
      unknown.remove(PeftAdapter.PREFIX + module.path() + BASE_WEIGHT);
      boolean hasA = unknown.remove(nameOfA(module));
      boolean hasB = unknown.remove(nameOfB(module));
      if (hasA != hasB) {
        throw new ModelIoException(
            "%s has %s but not %s; both are needed."
                .formatted(
                    file.path(),
                    hasA ? nameOfA(module) : nameOfB(module),
                    hasA ? nameOfB(module) : nameOfA(module)));
      }
      Boolean targeted = config.targets(module);
      if (targeted != null && targeted != hasA) {
        throw new ModelIoException(
            targeted
                ? "%s lacks %s, which %s lists among its target_modules."
                    .formatted(file.path(), nameOfA(module), PeftAdapter.CONFIG_FILE)
                : "%s holds %s, which is not among the target_modules of %s."
                    .formatted(file.path(), nameOfA(module), PeftAdapter.CONFIG_FILE));
      }
      if (hasA) {
        adapters.add(read(module));
      }
    }
    return adapters;
  }

  private VocabularyLora read(VocabularyModule module) {
    if (config.dora() || model.tieWordEmbeddings()) {
      throw new ModelIoException(
          "%s adapts %s, which graft reads %s."
              .formatted(
                  file.path(),
                  module.path(),
                  config.dora()
                      ? "without DoRA only"
                      : "only where the model does not tie it to the other of embed_tokens and"
                          + " lm_head"));
    }
    int rank = config.rank(module.path());
    int vocabulary = model.vocabSize();
    int hidden = model.hiddenSize();
    List<Long> ofTokens = List.of((long) vocabulary, (long) rank);
    List<Long> ofHidden = List.of((long) rank, (long) hidden);
    String a = nameOfA(module);
    String b = nameOfB(module);
    return switch (module) {
      case LM_HEAD ->
          new VocabularyLora(
              module,
              rank,
              PeftAdapter.readTensor(file, config, b, ofTokens),
              PeftAdapter.readTensor(file, config, a, ofHidden));
      case EMBED_TOKENS ->
          new VocabularyLora(
              module,
              rank,
              VocabularyLora.transposed(
                  PeftAdapter.readTensor(file, config, a, ofTokens.reversed()), rank, vocabulary),
              VocabularyLora.transposed(
                  PeftAdapter.readTensor(file, config, b, ofHidden.reversed()), hidden, rank));
    };
  }

  /** Adds an adapter to a file. */
  static void add(SafetensorsWriter writer, PeftConfig config, VocabularyLora lora) {
    VocabularyModule module = lora.module();
    if (lora.rank() != config.rank(module.path()) || config.dora()) {
      throw new IllegalArgumentException(module.path() + " is not of the config's rank, or DoRA");
    }
    List<Long> ofTokens = List.of((long) lora.vocabulary(), (long) lora.rank());
    List<Long> ofHidden = List.of((long) lora.rank(), (long) lora.width());
    switch (module) {
      case LM_HEAD -> {
        writer.add(nameOfA(module), ofHidden, lora.hidden());
        writer.add(nameOfB(module), ofTokens, lora.tokens());
      }
      case EMBED_TOKENS -> {
        float[] a = VocabularyLora.transposed(lora.tokens(), lora.vocabulary(), lora.rank());
        float[] b = VocabularyLora.transposed(lora.hidden(), lora.rank(), lora.width());
        writer.add(nameOfA(module), ofTokens.reversed(), a);
        writer.add(nameOfB(module), ofHidden.reversed(), b);
      }
    }
  }
}
