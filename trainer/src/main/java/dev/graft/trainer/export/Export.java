package dev.graft.trainer.export;

import dev.graft.modelio.AsideFile;
import dev.graft.modelio.AsideFolder;
import dev.graft.modelio.checkpoint.Checkpoint;
import dev.graft.modelio.gguf.GgmlType;
import dev.graft.modelio.hub.HubCache;
import dev.graft.modelio.peft.PeftAdapter;
import dev.graft.modelio.peft.PeftConfig;
import dev.graft.tokenizer.HuggingFaceTokens;
import dev.graft.tokenizer.Tokenizer;
import dev.graft.trainer.config.UserException;
import dev.graft.trainer.console.Console;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;

/**
 * An export from an adapter or a model to certified files. Nothing appears under the folder's name
 * before the files were read back and found to say what base and adapter say in the trainer.
 */
public final class Export {
  private final ExportSource source;
  private final Set<ExportTarget> targets;
  private final List<GgmlType> types;
  private final Path out;
  private final Console console;

  private Export(
      ExportSource source,
      Set<ExportTarget> targets,
      List<GgmlType> types,
      Path out,
      Console console) {
    this.source = source;
    this.targets = targets;
    this.types = types;
    this.out = out;
    this.console = console;
  }

  /**
   * Exports.
   *
   * @param types what whole GGUF models are stored as; empty for the base's own type
   * @param out a folder that does not exist
   * @throws UserException and its kin if anything is not fit to be exported, or the files do not
   *     say the same; nothing has appeared then
   */
  public static void run(
      ExportSource source,
      Set<ExportTarget> targets,
      List<GgmlType> types,
      Path out,
      Console console) {
    if (Files.exists(out)) {
      throw new UserException(
          out + " exists already; remove it, or give another folder with --out");
    }
    Path folder = HubCache.ofEnvironment().resolve(source.base());
    try (Checkpoint base = Checkpoint.open(folder)) {
      new Export(source, targets, types, out, console).run(base);
    } catch (IOException e) {
      throw new UserException(
          "%s could not be written: %s".formatted(out, AsideFile.describe(e)), e);
    }
  }

  private void run(Checkpoint base) throws IOException {
    source.requireTrainedOn(base.fingerprint());
    Optional<PeftAdapter> adapter =
        source.adapter().map(folder -> PeftAdapter.read(folder, base.config()));
    if (adapter.isPresent()) {
      console.say("base     " + source.base());
      tellOf(adapter.get().config());
      requireRoom(adapter.get().config());
    } else {
      console.say("model    " + source.base());
      requireNoAdapterIsAsked();
    }
    Optional<Tokenizer> tokenizer = tokenizer(base.folder());
    try {
      run(base, adapter, tokenizer);
    } finally {
      tokenizer.ifPresent(Tokenizer::close);
    }
  }

  private void tellOf(PeftConfig config) {
    console.say(
        "adapter  %s: rank %d, alpha %s%s"
            .formatted(
                source.adapter().orElseThrow(),
                config.rank(),
                config.alpha(),
                Serving.kind(config)));
  }

  private void requireNoAdapterIsAsked() {
    Optional<ExportTarget> asked = targets.stream().filter(ExportTarget::needsAdapter).findFirst();
    if (asked.isPresent()) {
      throw new UserException(
          ("--to %s: %s is a whole model, there is no adapter in it. Use --to merged, or --to"
                  + " gguf-merged, which llama.cpp serves, and Ollama by a Modelfile that says FROM"
                  + " and the file.")
              .formatted(asked.get().label(), source.base()));
    }
  }

  /** Before anything is written: what a target could not hold would be found out at its end. */
  private void requireRoom(PeftConfig config) {
    Optional<ExportTarget> without =
        targets.stream().filter(ExportTarget::holdsGgufAdapter).findFirst();
    if (config.dora() && without.isPresent()) {
      throw new UserException(
          "--to %s: the adapter is DoRA, and a GGUF adapter has no place for its magnitudes. Merged, it"
                  .formatted(without.get().label())
              + " is exact: --to merged,gguf-merged (llama.cpp and Ollama serve the latter).");
    }
  }

  private void run(Checkpoint base, Optional<PeftAdapter> adapter, Optional<Tokenizer> tokenizer)
      throws IOException {
    Optional<PeftAdapter> universal =
        adapter.map(
            it -> UniversalPeft.of(it, base.config(), ArtifactWriter.baseForServers(source, base)));
    Optional<String> template = ChatLayout.of(source, base.folder(), tokenizer);
    ArtifactWriter writer = new ArtifactWriter(source, base, universal, tokenizer, template, out);
    Path parent = out.toAbsolutePath().getParent();
    Files.createDirectories(parent == null ? Path.of("/") : parent);
    List<Artifact> written = new ArrayList<>();
    AsideFolder.write(
        out,
        false,
        aside -> {
          written.addAll(writer.write(aside, targets, types(base)));
          Certificate certificate = certify(aside, base, adapter, tokenizer, written);
          byte[] json = certificate.json().getBytes(StandardCharsets.UTF_8);
          AsideFile.write(
              aside.resolve(Certificate.FILE), channel -> channel.write(ByteBuffer.wrap(json)));
        });
    written.forEach(artifact -> {
      artifact.notes().forEach(note -> console.say("note     " + artifact.path() + ": " + note));
    });
    console.result("export   " + out + ", certified in " + out.resolve(Certificate.FILE));
    written.forEach(artifact -> console.say("serve    " + writer.line(artifact)));
  }

  private Certificate certify(
      Path folder,
      Checkpoint base,
      Optional<PeftAdapter> adapter,
      Optional<Tokenizer> tokenizer,
      List<Artifact> artifacts)
      throws IOException {
    Certification certification = new Certification(source, base, adapter, folder);
    GoldenPrompts prompts =
        GoldenPrompts.of(source, base.folder(), base.config(), tokenizer, certification.room());
    console.say(
        "prompts  %d, %d tokens: %s; %d greedy tokens each"
            .formatted(
                prompts.prompts().size(),
                prompts.tokens(),
                prompts.why(),
                certification.greedyTokens()));
    Certificate certificate =
        certification.certify(folder, artifacts, prompts, line -> console.say(words(line)));
    if (!certificate.passed()) {
      throw failed(certificate);
    }
    return certificate;
  }

  /** A line of the report. */
  static String words(Certificate.Line line) {
    Divergence found = line.found();
    String rounding =
        line.artifact()
            .rounding()
            .map(r ->
                String.format(
                    Locale.ROOT,
                    "; rounding costs at most %.2g a weight (%.2g of it)",
                    r.maxAbsolute(),
                    r.maxRelative()))
            .orElse("");
    return String.format(
        Locale.ROOT,
        "%-8s %s: logits differ by at most %.2g (mean %.2g), KL %.2g, %d of %d greedy tokens"
            + " equal%s",
        line.passed() ? "parity" : "FAILED",
        line.artifact().path(),
        found.maxLogit(),
        found.meanLogit(),
        found.meanKl(),
        found.equalGreedy(),
        found.greedyTokens(),
        rounding);
  }

  private UserException failed(Certificate certificate) {
    StringBuilder why = new StringBuilder();
    certificate.lines().stream()
        .filter(line -> !line.passed())
        .forEach(line ->
            why.append(
                "%s (%s): %s. "
                    .formatted(
                        line.artifact().path(),
                        line.tolerance().reason(),
                        String.join("; ", line.violations()))));
    return new UserException(
        "the export does not say what the trainer says, so nothing was kept. %sExport %s."
            .formatted(
                why,
                source.adapter().isPresent()
                    ? "the adapter unmerged (--to peft,gguf), or with more bits (--gguf-type f32)"
                    : "with more bits (--gguf-type f32)"));
  }

  private List<GgmlType> types(Checkpoint base) {
    return types.isEmpty() ? List.of(GgmlType.parse(Certification.label(base.dtype()))) : types;
  }

  private Optional<Tokenizer> tokenizer(Path folder) {
    if (Files.isRegularFile(folder.resolve("tokenizer.json"))) {
      return Optional.of(HuggingFaceTokens.load(folder));
    }
    Optional<ExportTarget> needing =
        targets.stream().filter(ExportTarget::needsTokenizer).findFirst();
    needing.ifPresent(target -> {
      throw new UserException(
          "%s: there is no tokenizer.json, and --to %s needs it. Copy it from the model's source."
              .formatted(folder, target.label()));
    });
    return Optional.empty();
  }
}
