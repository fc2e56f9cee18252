package dev.graft.trainer.export;

import dev.graft.trainer.config.UserException;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Collectors;

/** What an adapter can be exported as. */
public enum ExportTarget {
  /** A PEFT folder with everything a server wants beside it. */
  PEFT("adapter, float32"),
  /** A GGUF LoRA adapter for llama.cpp. */
  GGUF("adapter, float32"),
  /** A Hugging Face checkpoint with the adapter merged in. */
  MERGED("model in the base's type"),
  /** A whole GGUF model with the adapter merged in. */
  GGUF_MERGED("model"),
  /** A Modelfile, the base as GGUF and the adapter as GGUF, for Ollama. */
  OLLAMA("base in GGUF, adapter in float32");

  private final String holds;

  ExportTarget(String holds) {
    this.holds = holds;
  }

  /** As it is written on the command line, and the name of its folder: {@code gguf-merged}. */
  public String label() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  /** What is in it, in a few words. */
  public String holds() {
    return holds;
  }

  /** Whether an adapter is in it as one, rather than merged. */
  boolean needsAdapter() {
    return this == PEFT || this == GGUF || this == OLLAMA;
  }

  /** Whether llama.cpp's description of the tokenizer is part of it. */
  boolean needsTokenizer() {
    return this == GGUF_MERGED || this == OLLAMA;
  }

  /** Whether the adapter is in it as a GGUF file of its own, which holds plain LoRA only. */
  boolean holdsGgufAdapter() {
    return this == GGUF || this == OLLAMA;
  }

  /**
   * The target with this name.
   *
   * @throws UserException naming the choices
   */
  public static ExportTarget parse(String name) {
    return Arrays.stream(values())
        .filter(target -> target.label().equals(name.strip().toLowerCase(Locale.ROOT)))
        .findFirst()
        .orElseThrow(() ->
            new UserException(
                "--to: there is no '%s'; there are %s"
                    .formatted(
                        name,
                        Arrays.stream(values())
                            .map(ExportTarget::label)
                            .collect(Collectors.joining(", ")))));
  }

  /** Several targets, each once, in the order in which they are written. */
  public static Set<ExportTarget> parse(List<String> names) {
    Set<ExportTarget> targets = EnumSet.noneOf(ExportTarget.class);
    names.forEach(name -> targets.add(parse(name)));
    return targets;
  }
}
