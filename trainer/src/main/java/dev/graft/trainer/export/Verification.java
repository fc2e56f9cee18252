package dev.graft.trainer.export;

import dev.graft.modelio.AsideFile;
import dev.graft.modelio.StrictJson;
import dev.graft.modelio.checkpoint.Checkpoint;
import dev.graft.modelio.hub.HubCache;
import dev.graft.modelio.peft.PeftAdapter;
import dev.graft.tokenizer.HuggingFaceTokens;
import dev.graft.tokenizer.Tokenizer;
import dev.graft.trainer.config.UserException;
import dev.graft.trainer.console.Console;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/** Repeats the certificate of an export: its hashes, and its numbers. */
public final class Verification {
  private static final long MAX_BYTES = 64 << 20;

  private final Path folder;
  private final ObjectNode json;
  private final Console console;

  private Verification(Path folder, Console console) {
    this.folder = folder;
    this.console = console;
    Path file = folder.resolve(Certificate.FILE);
    if (!Files.isRegularFile(file)) {
      throw new UserException(
          folder + " holds no " + Certificate.FILE + "; the folder of an export is needed");
    }
    this.json = StrictJson.readObject(file, MAX_BYTES);
    if (json.path("version").asInt(0) != Certificate.VERSION) {
      throw new UserException(
          "%s has the version %s; this graft knows %d"
              .formatted(file, json.get("version"), Certificate.VERSION));
    }
  }

  /**
   * What to do.
   *
   * @param base where the base model is now; absent for where it was
   * @param adapter where the adapter is now; absent for where it was
   * @param filesOnly compare hashes and nothing else
   * @param reference a file to write what the trainer says to
   */
  public record Options(
      Optional<String> base, Optional<Path> adapter, boolean filesOnly, Optional<Path> reference) {}

  /**
   * Verifies.
   *
   * @param folder of the export
   * @throws UserException if a file is missing or another, or the numbers are beyond the tolerances
   */
  public static void run(Path folder, Options options, Console console) {
    Verification verification = new Verification(folder, console);
    try {
      verification.compareFiles();
      if (!options.filesOnly()) {
        verification.compareNumbers(options);
      }
    } catch (IOException e) {
      throw new UserException("%s: %s".formatted(folder, AsideFile.describe(e)), e);
    }
  }

  private void compareFiles() throws IOException {
    Map<String, String> expected = new TreeMap<>();
    for (Map.Entry<String, JsonNode> entry : json.path("files").properties()) {
      expected.put(entry.getKey(), entry.getValue().asString(""));
    }
    Map<String, String> found = Hashes.ofTree(folder, Certificate.FILE);
    List<String> wrong = new ArrayList<>();
    expected.forEach((file, hash) -> {
      if (!found.containsKey(file)) {
        wrong.add(file + " is missing");
      } else if (!hash.equals(found.get(file))) {
        wrong.add(file + " has changed");
      }
    });
    if (!wrong.isEmpty()) {
      throw new UserException(
          "%s is not what was certified: %s. Export again, or copy it again."
              .formatted(folder, String.join(", ", wrong)));
    }
    found.keySet().stream()
        .filter(file -> !expected.containsKey(file))
        .forEach(file -> console.say("note     " + file + " was added later; it is not certified"));
    console.result("files    %d unchanged since the certificate".formatted(expected.size()));
  }

  private void compareNumbers(Options options) throws IOException {
    String base = options.base().orElseGet(this::baseThen);
    ExportSource source = source(options, base);
    try (Checkpoint checkpoint = Checkpoint.open(HubCache.ofEnvironment().resolve(base))) {
      requireSame(checkpoint, source);
      Optional<Tokenizer> tokenizer =
          Files.isRegularFile(checkpoint.folder().resolve("tokenizer.json"))
              ? Optional.of(HuggingFaceTokens.load(checkpoint.folder()))
              : Optional.empty();
      Path temporary = Files.createTempDirectory("graft-verify");
      try {
        Optional<PeftAdapter> adapter =
            source.adapter().map(it -> PeftAdapter.read(it, checkpoint.config()));
        Certification certification = new Certification(source, checkpoint, adapter, temporary);
        GoldenPrompts prompts = prompts(certification, checkpoint, tokenizer);
        writeReference(certification, prompts, tokenizer, options.reference());
        measure(certification, prompts);
      } finally {
        tokenizer.ifPresent(Tokenizer::close);
        deleteTree(temporary);
      }
    }
  }

  private ExportSource source(Options options, String base) {
    if (!json.has("adapter")) {
      return ExportSource.of(HubCache.ofEnvironment().resolve(base), Optional.empty());
    }
    String then = json.path("adapter").path("folder").asString("");
    return ExportSource.of(options.adapter().orElse(Path.of(then)), Optional.of(base));
  }

  /** Where the base was, or, if it is there no more, its name. */
  private String baseThen() {
    JsonNode base = json.path("base");
    String where = base.path("folder").asString("");
    return Files.isDirectory(Path.of(where)) ? where : base.path("name").asString("");
  }

  private void requireSame(Checkpoint base, ExportSource source) throws IOException {
    String fingerprint = json.path("base").path("fingerprint").asString("");
    if (!base.fingerprint().equals(fingerprint)) {
      throw new UserException(
          "%s is another base model than the export's: its fingerprint is %s, the export's %s. Name that one with --base."
              .formatted(base.folder(), base.fingerprint(), fingerprint));
    }
    if (source.adapter().isEmpty()) {
      return;
    }
    Path adapter = source.adapter().get();
    String hash = Hashes.sha256(adapter.resolve(PeftAdapter.WEIGHTS_FILE));
    if (!hash.equals(json.path("adapter").path("sha256").asString(""))) {
      throw new UserException(
          "%s is another adapter than the export's, or was trained further since. Name that one with --adapter, or export again."
              .formatted(adapter));
    }
  }

  private GoldenPrompts prompts(
      Certification certification, Checkpoint base, Optional<Tokenizer> tokenizer) {
    GoldenPrompts prompts =
        GoldenPrompts.of(
            certification.source(), base.folder(), base.config(), tokenizer, certification.room());
    String then = json.path("prompts").path("sha256").asString("");
    console.say("prompts  %d: %s".formatted(prompts.prompts().size(), prompts.why()));
    if (!prompts.sha256().equals(then)) {
      console.warn(
          "these are other prompts than the certificate's: the validation data has changed or"
              + " moved");
    }
    return prompts;
  }

  private void measure(Certification certification, GoldenPrompts prompts) throws IOException {
    List<Artifact> artifacts = new ArrayList<>();
    for (JsonNode artifact : json.path("artifacts")) {
      artifacts.add(
          new Artifact(
              ExportTarget.parse(artifact.path("target").asString("")),
              path(artifact.path("path").asString("")),
              artifact.path("type").asString(""),
              Optional.empty(),
              List.of()));
    }
    Certificate certificate =
        certification.certify(folder, artifacts, prompts, line -> console.say(Export.words(line)));
    if (!certificate.passed()) {
      throw new UserException(
          "%s does not say what the trainer says: %s."
              .formatted(
                  folder,
                  certificate.lines().stream()
                      .filter(line -> !line.passed())
                      .map(line -> line.artifact().path() + ": " + line.violations())
                      .toList()));
    }
    console.result("verified " + folder);
  }

  /** A path inside the folder: the certificate must not lead out of it. */
  private String path(String named) {
    Path inside = folder.resolve(named).normalize();
    if (named.isEmpty() || !inside.startsWith(folder.normalize())) {
      throw new UserException(
          "%s: \"%s\" is not a path in it".formatted(folder.resolve(Certificate.FILE), named));
    }
    return named;
  }

  private static void writeReference(
      Certification certification,
      GoldenPrompts prompts,
      Optional<Tokenizer> tokenizer,
      Optional<Path> file)
      throws IOException {
    if (file.isPresent()) {
      try (ReferenceRun run = certification.reference(prompts)) {
        ReferenceFile.write(file.get(), run, tokenizer);
      }
    }
  }

  private static void deleteTree(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      for (Path file : files.toList()) {
        Files.deleteIfExists(file);
      }
    }
    Files.deleteIfExists(folder);
  }
}
