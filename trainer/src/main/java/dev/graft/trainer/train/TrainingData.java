package dev.graft.trainer.train;

import dev.graft.modelio.ModelConfig;
import dev.graft.tokenizer.ConversationEncoder;
import dev.graft.tokenizer.TokenSequence;
import dev.graft.tokenizer.split.BillOfMaterials;
import dev.graft.trainer.config.DataFormat;
import dev.graft.trainer.config.RunConfig;
import dev.graft.trainer.config.UserException;
import dev.graft.trainer.data.Mixture;
import dev.graft.trainer.data.TokenFile;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Consumer;
import java.util.function.Supplier;
import tools.jackson.databind.JsonNode;

/**
 * The examples of a run, read, tokenized and checked. They lie in a file, see {@link TokenFile},
 * and are read from it one by one: raw text is never held beyond some hundred rows.
 *
 * @param train at least one
 * @param validation may be empty
 * @param mixture how often the training examples are drawn
 * @param notes what a person should know about them, a sentence each
 * @param materials which files and rows they are
 */
record TrainingData(
    List<TokenSequence> train,
    List<TokenSequence> validation,
    Mixture mixture,
    List<String> notes,
    Supplier<BillOfMaterials> materials) {

  private static final String TOKENS = dev.graft.tokenizer.DataFormat.TOKENS.configName();

  /** The folder of tokens, beside the folders of the runs. */
  static final String CACHE = ".token-cache";

  /**
   * Reads everything that a configuration names, or what an earlier run has made of the same.
   *
   * @param base the checkpoint's folder
   * @param encoder asked only if there are conversations to tokenize
   * @param layout says how conversations are laid out and why, for people; asked as the encoder is
   *     and where an earlier run has asked it
   * @param keep whether the tokens are kept for the next run, if {@code data.cache} is on
   * @param progress is told how far a long reading is
   * @throws dev.graft.tokenizer.DataException if a file is damaged
   * @throws UserException if an example does not suit the model, or none is left
   */
  static TrainingData load(
      RunConfig config,
      ModelConfig model,
      Path base,
      Supplier<ConversationEncoder> encoder,
      Supplier<String> layout,
      boolean keep,
      Consumer<String> progress) {
    List<DataPart> parts = DataPart.all(config.data());
    DataKey key = DataKey.of(config.data(), parts, base, model);
    Path cache = cache(config);
    Path kept = cache.resolve(key.hash().substring(0, 32) + ".tokens");
    DataLoading loading = new DataLoading(config, model, parts, encoder, progress);
    List<String> notes = new ArrayList<>();
    try {
      if (config.data().cache() && Files.exists(kept)) {
        Optional<TokenFile> file = TokenFile.open(kept, key.hash(), DataPart.files(parts));
        if (file.isPresent()) {
          TokenCache.used(kept);
          notes.add("tokens of an earlier run on the same data: " + kept);
          return of(file.get(), parts, key, config, layout, notes);
        }
        notes.add(kept + ": is damaged or incomplete; the tokens are made again");
      }
      TokenFile file =
          config.data().cache() && keep
              ? TokenCache.make(cache, kept, key.hash(), parts, loading)
              : TokenCache.makeForNow(key.hash(), parts, loading);
      return of(file, parts, key, config, layout, notes);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * Whether the tokenizer will probably be needed: the data are not said to be tokens, and no run
   * beside this one has kept any. A guess, for what is worth beginning early.
   */
  static boolean willTokenize(RunConfig config) {
    return config.data().format() != DataFormat.TOKENS
        && !(config.data().cache() && Files.isDirectory(cache(config)));
  }

  private static Path cache(RunConfig config) {
    return config.output().toAbsolutePath().normalize().resolveSibling(CACHE);
  }

  private static TrainingData of(
      TokenFile file,
      List<DataPart> parts,
      DataKey key,
      RunConfig config,
      Supplier<String> layout,
      List<String> notes) {
    boolean hasConversations =
        file.about().path("formats").valueStream().anyMatch(it -> !it.asString("").equals(TOKENS));
    if (hasConversations) {
      notes.add("chat format: " + layout.get());
    }
    for (JsonNode note : file.about().path("notes")) {
      int of = note.path("file").intValue();
      String text = note.path("text").asString("");
      notes.add(of < 0 ? text : DataPart.files(parts).get(of) + text);
    }
    List<TokenSequence> train = file.examples(part -> part >= 0);
    List<TokenSequence> validation = file.examples(part -> part < 0);
    Mixture mixture = mixture(file, config);
    notes.addAll(mixture.describe());
    return new TrainingData(
        train, validation, mixture, List.copyOf(notes), () -> materials(file, parts, key));
  }

  private static Mixture mixture(TokenFile file, RunConfig config) {
    List<Mixture.Source> sources = new ArrayList<>();
    int from = 0;
    for (int s = 0; s < config.data().train().size(); s++) {
      int source = s;
      int to = from + file.examples(part -> part == source).size();
      String name = config.data().train().get(s).files().getFirst().toString();
      int more = config.data().train().get(s).files().size() - 1;
      double weight = config.data().train().get(s).weight();
      sources.add(
          new Mixture.Source(more == 0 ? name : name + " and " + more + " more", from, to, weight));
      from = to;
    }
    return new Mixture(sources);
  }

  /** Which files and rows this run learns from and is measured on. */
  private static BillOfMaterials materials(TokenFile file, List<DataPart> parts, DataKey key) {
    BillOfMaterials materials = new BillOfMaterials();
    List<Path> files = DataPart.files(parts);
    for (String side : List.of("train", "validation")) {
      List<List<BillOfMaterials.RowLine>> rows = new ArrayList<>();
      files.forEach(_ -> rows.add(new ArrayList<>()));
      for (int i = 0; i < file.size(); i++) {
        TokenFile.Row row = file.row(i);
        if (row.part() >= 0 == side.equals("train")) {
          rows.get(row.file()).add(new BillOfMaterials.RowLine(row.line(), row.sha256()));
        }
      }
      for (int f = 0; f < files.size(); f++) {
        if (!rows.get(f).isEmpty()) {
          String format = file.about().path("formats").path(f).asString("");
          Map<String, Long> sources = new TreeMap<>();
          file.about()
              .path(side)
              .path(f)
              .properties()
              .forEach(source -> sources.put(source.getKey(), source.getValue().longValue()));
          materials.add(side, files.get(f), key.files().get(f), format, rows.get(f), sources);
        }
      }
    }
    return materials;
  }

  /** Tokens of the longest example. */
  int longest() {
    int longest = 0;
    for (List<TokenSequence> part : List.of(train, validation)) {
      for (TokenSequence sequence : part) {
        longest = Math.max(longest, sequence.length());
      }
    }
    return longest;
  }
}
