package dev.graft.trainer.export;

import dev.graft.modelio.AsideFile;
import dev.graft.modelio.checkpoint.Checkpoint;
import dev.graft.modelio.gguf.GgmlType;
import dev.graft.modelio.gguf.GgufLora;
import dev.graft.modelio.gguf.GgufModelWriter;
import dev.graft.modelio.gguf.GgufTokenizer;
import dev.graft.modelio.merge.MergedCheckpoint;
import dev.graft.modelio.merge.MergedWeights;
import dev.graft.modelio.merge.Rounding;
import dev.graft.modelio.peft.PeftAdapter;
import dev.graft.modelio.peft.PeftConfig;
import dev.graft.tokenizer.ChatFormat;
import dev.graft.tokenizer.ChatFormats;
import dev.graft.tokenizer.Tokenizer;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** Writes the artifacts of one export. */
final class ArtifactWriter {
  private static final Pattern TOKENIZER_FILES =
      Pattern.compile(
          "tokenizer[A-Za-z0-9._-]*|special_tokens_map\\.json|added_tokens\\.json|vocab\\.json"
              + "|merges\\.txt|chat_template\\.json");
  private static final String TEMPLATE_FILE = "chat_template.jinja";
  private static final String CARD = "README.md";

  private final ExportSource source;
  private final Checkpoint base;
  private final Optional<PeftAdapter> adapter;
  private final Optional<Tokenizer> tokenizer;
  private final Optional<String> template;
  private final Path out;

  /**
   * A writer.
   *
   * @param adapter in the form that every server reads; absent for a whole model
   * @param template the chat template to take along, as Jinja
   * @param out the folder's name in the end, for the lines that serve it
   */
  ArtifactWriter(
      ExportSource source,
      Checkpoint base,
      Optional<PeftAdapter> adapter,
      Optional<Tokenizer> tokenizer,
      Optional<String> template,
      Path out) {
    this.source = source;
    this.base = base;
    this.adapter = adapter;
    this.tokenizer = tokenizer;
    this.template = template;
    this.out = out;
  }

  /**
   * Writes what was asked for.
   *
   * @param folder is there and empty
   * @param types what whole GGUF models are stored as
   */
  List<Artifact> write(Path folder, Set<ExportTarget> targets, List<GgmlType> types)
      throws IOException {
    List<Artifact> artifacts = new ArrayList<>();
    for (ExportTarget target : targets) {
      Path place = Files.createDirectory(folder.resolve(target.label()));
      switch (target) {
        case PEFT -> artifacts.add(peft(place));
        case GGUF -> artifacts.add(gguf(place));
        case MERGED -> artifacts.add(merged(place));
        case GGUF_MERGED -> {
          for (GgmlType type : types) {
            artifacts.add(ggufMerged(place, type));
          }
        }
        case OLLAMA -> artifacts.add(ollama(place, types.getFirst()));
      }
    }
    return artifacts;
  }

  private Artifact peft(Path place) throws IOException {
    PeftAdapter adapter = this.adapter.orElseThrow();
    adapter.writeInto(place);
    List<String> notes = new ArrayList<>(copyTokenizer(place));
    notes.addAll(Serving.limits(adapter.config()));
    writeTemplate(place);
    text(
        place.resolve("serving.properties"),
        Serving.servingProperties(baseForServers(), adapter.config()));
    Artifact artifact =
        new Artifact(ExportTarget.PEFT, ExportTarget.PEFT.label(), "f32", Optional.empty(), notes);
    card(place, artifact, "peft");
    return artifact;
  }

  private Artifact gguf(Path place) {
    GgufLora.write(
        place.resolve(Modelfile.ADAPTER), adapter.orElseThrow(), base.config(), source.name());
    return new Artifact(
        ExportTarget.GGUF,
        ExportTarget.GGUF.label() + "/" + Modelfile.ADAPTER,
        "f32",
        Optional.empty(),
        List.of());
  }

  private Artifact merged(Path place) throws IOException {
    MergedCheckpoint.Written written = MergedCheckpoint.writeInto(place, base, adapter);
    List<String> notes = new ArrayList<>();
    if (!written.leftOut().isEmpty()) {
      notes.add("Not carried over from the base: " + String.join(", ", written.leftOut()) + ".");
    }
    Path card = place.resolve(CARD);
    if (Files.exists(card)) {
      Files.move(card, place.resolve("README.base.md"));
    }
    writeTemplate(place);
    Artifact artifact =
        new Artifact(
            ExportTarget.MERGED,
            ExportTarget.MERGED.label(),
            Certification.label(base.dtype()),
            Optional.of(written.rounding()),
            notes);
    card(place, artifact, "transformers");
    return artifact;
  }

  private Artifact ggufMerged(Path place, GgmlType type) {
    String file = "model-" + type.label() + ".gguf";
    GgufModelWriter writer =
        new GgufModelWriter(new MergedWeights(base, adapter), ggufTokenizer(), source.name());
    Rounding rounding = writer.write(place.resolve(file), type);
    return new Artifact(
        ExportTarget.GGUF_MERGED,
        ExportTarget.GGUF_MERGED.label() + "/" + file,
        type.label(),
        Optional.of(rounding),
        writer.notes());
  }

  private Artifact ollama(Path place, GgmlType type) throws IOException {
    GgufModelWriter writer =
        new GgufModelWriter(
            new MergedWeights(base, Optional.empty()), ggufTokenizer(), source.baseName());
    writer.write(place.resolve(Modelfile.BASE), type);
    List<String> notes = new ArrayList<>(writer.notes());
    GgufLora.write(
        place.resolve(Modelfile.ADAPTER), adapter.orElseThrow(), base.config(), source.name());
    Modelfile modelfile = modelfile(place);
    if (modelfile.template().isEmpty()) {
      notes.add(
          template.isPresent()
              ? "The Modelfile has no TEMPLATE: the chat template does more than Ollama's form can"
                  + " say. Ollama goes by the one in the GGUF file where it knows it; compare a"
                  + " prompt before relying on it."
              : "The Modelfile has no TEMPLATE: no chat template is known. Prompts are continued as"
                  + " they stand.");
    }
    text(place.resolve(Modelfile.FILE), modelfile.text());
    return new Artifact(
        ExportTarget.OLLAMA, ExportTarget.OLLAMA.label(), type.label(), Optional.empty(), notes);
  }

  private Modelfile modelfile(Path place) throws IOException {
    Tokenizer tokens = tokenizer.orElseThrow();
    Optional<ChatFormat> format = Optional.empty();
    if (template.isPresent()) {
      Path jinja = place.resolve(TEMPLATE_FILE);
      text(jinja, template.get());
      format = Optional.of(ChatFormats.forBase(base.folder(), jinja.toString()).format());
      Files.delete(jinja);
    }
    Integer bos = tokens.bosId();
    String begin = bos == null || !tokens.addsBos() ? "" : tokens.decode(new int[] {bos}, false);
    List<String> stops =
        tokens.endIds().stream()
            .sorted()
            .map(id -> tokens.decode(new int[] {id}, false))
            .filter(text -> !text.isEmpty())
            .toList();
    return Modelfile.of(format, begin, stops);
  }

  private GgufTokenizer ggufTokenizer() {
    return GgufTokenizer.read(base.folder(), base.config(), template);
  }

  /** The files that a server turns text into tokens with. */
  private List<String> copyTokenizer(Path place) throws IOException {
    int copied = 0;
    List<Path> files;
    try (Stream<Path> all = Files.list(base.folder())) {
      files = all.filter(Files::isRegularFile).sorted().toList();
    }
    for (Path file : files) {
      String name = String.valueOf(file.getFileName());
      if (TOKENIZER_FILES.matcher(name).matches()) {
        Files.copy(file, place.resolve(name));
        copied++;
      }
    }
    return copied > 0
        ? List.of()
        : List.of("The base has no tokenizer files; servers will look for them at the base.");
  }

  private void writeTemplate(Path place) throws IOException {
    if (template.isPresent()) {
      text(place.resolve(TEMPLATE_FILE), template.get());
    }
  }

  private void card(Path place, Artifact artifact, String library) throws IOException {
    ModelCard card = new ModelCard(source, base.folder(), baseForServers(), peft(), library);
    boolean asAdapter = library.equals("peft");
    text(
        place.resolve(CARD),
        card.text(
            List.of(line(artifact)), asAdapter ? Serving.limits(peft().orElseThrow()) : List.of()));
  }

  private Optional<PeftConfig> peft() {
    return adapter.map(PeftAdapter::config);
  }

  /** The line that serves an artifact. */
  String line(Artifact artifact) {
    return Serving.line(
        artifact, out.toString(), baseForServers(), source.name(), peft(), base.config());
  }

  /** What servers call the base: {@code org/name}, or its folder. */
  private String baseForServers() {
    return baseForServers(source, base);
  }

  static String baseForServers(ExportSource source, Checkpoint base) {
    return source.base().startsWith("hf://")
        ? source.base().substring("hf://".length()).replaceFirst("@.*$", "")
        : base.folder().toAbsolutePath().normalize().toString();
  }

  private static void text(Path file, String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    AsideFile.write(file, channel -> channel.write(ByteBuffer.wrap(bytes)));
  }
}
