package dev.graft.trainer.export;

import dev.graft.modelio.AsideFile;
import dev.graft.modelio.DType;
import dev.graft.modelio.checkpoint.Checkpoint;
import dev.graft.modelio.peft.PeftAdapter;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * Compares exported files with base and adapter in the trainer.
 *
 * @param adapter absent for a whole model, which the base is then
 * @param temporary a folder that may be written to
 */
record Certification(
    ExportSource source, Checkpoint base, Optional<PeftAdapter> adapter, Path temporary) {

  /** Tokens that are generated for each prompt, unless a model is made for shorter texts. */
  static final int GREEDY_TOKENS = 32;

  /** How many tokens are generated for each prompt. */
  int greedyTokens() {
    return Math.min(GREEDY_TOKENS, longest() / 2);
  }

  /** The longest prompt. */
  int room() {
    return Math.clamp(longest() - greedyTokens(), 1, GoldenPrompts.MOST_TOKENS);
  }

  /** Beyond a sliding window llama.cpp computes something else, and the GGUF file ends there. */
  private int longest() {
    Integer window = base.config().slidingWindow();
    int positions = base.config().maxPositionEmbeddings();
    return window == null ? positions : Math.min(positions, window);
  }

  /**
   * Measures every artifact.
   *
   * @param folder the export's
   * @param report called with each artifact's part as soon as it is known
   */
  Certificate certify(
      Path folder,
      List<Artifact> artifacts,
      GoldenPrompts prompts,
      Consumer<Certificate.Line> report)
      throws IOException {
    List<Certificate.Line> lines = new ArrayList<>();
    Divergence effect;
    try (ReferenceRun reference = reference(prompts)) {
      try (Rebuilt alone = Rebuilt.of(base, Optional.empty())) {
        effect = reference.compare(alone);
      }
      for (Artifact artifact : artifacts) {
        try (Rebuilt rebuilt = Rebuilt.of(artifact, folder, base, temporary)) {
          Divergence found = reference.compare(rebuilt);
          Tolerance tolerance = Tolerance.of(artifact.type(), isLossless(artifact));
          Certificate.Line line =
              new Certificate.Line(artifact, found, tolerance, tolerance.violations(found, effect));
          lines.add(line);
          report.accept(line);
        }
      }
    }
    return new Certificate(
        new Certificate.Base(
            source.base(),
            base.folder().toAbsolutePath().normalize().toString(),
            base.fingerprint()),
        adapterOf(source),
        prompts,
        greedyTokens(),
        effect,
        lines,
        Hashes.ofTree(folder, Certificate.FILE));
  }

  private static Optional<Certificate.Adapter> adapterOf(ExportSource source) throws IOException {
    if (source.adapter().isEmpty()) {
      return Optional.empty();
    }
    Path folder = source.adapter().get();
    return Optional.of(
        new Certificate.Adapter(
            folder.toAbsolutePath().normalize().toString(),
            Hashes.sha256(folder.resolve(PeftAdapter.WEIGHTS_FILE))));
  }

  /** What base and adapter say in the trainer. */
  ReferenceRun reference(GoldenPrompts prompts) throws IOException {
    try (Rebuilt tuned = Rebuilt.of(base, adapter)) {
      Path file = AsideFile.nameBeside(temporary.resolve("logits"));
      return ReferenceRun.of(tuned, prompts, greedyTokens(), base.config().vocabSize(), file);
    }
  }

  /** Adapters stay float32 beside a base that is as it was; what is merged is rounded. */
  private boolean isLossless(Artifact artifact) {
    return switch (artifact.target()) {
      case PEFT, GGUF -> true;
      case MERGED -> adapter.isEmpty();
      case GGUF_MERGED -> adapter.isEmpty() && keeps(artifact);
      case OLLAMA -> keeps(artifact);
    };
  }

  private boolean keeps(Artifact artifact) {
    return artifact.type().equals(label(base.dtype())) || artifact.type().equals("f32");
  }

  /** A type of a checkpoint by the name that GGUF has for it. */
  static String label(DType type) {
    return type.name().toLowerCase(Locale.ROOT);
  }
}
