package dev.graft.trainer.export;

import dev.graft.modelio.ModelConfig;
import dev.graft.tokenizer.ChatFormats;
import dev.graft.tokenizer.ConversationEncoder;
import dev.graft.tokenizer.DataException;
import dev.graft.tokenizer.DataFormat;
import dev.graft.tokenizer.MaxLength;
import dev.graft.tokenizer.SequenceReader;
import dev.graft.tokenizer.TokenSequence;
import dev.graft.tokenizer.Tokenizer;
import dev.graft.tokenizer.split.BillOfMaterials;
import dev.graft.tokenizer.split.RowHash;
import dev.graft.trainer.config.DataConfig;
import dev.graft.trainer.config.DataSource;
import dev.graft.trainer.config.RunConfig;
import dev.graft.trainer.config.UserException;
import dev.graft.trainer.runs.DataBill;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.function.Predicate;

/**
 * What the models are compared on: the beginnings of the run's validation rows up to where the
 * answer starts, or, where a run has none, fixed ones. The certificate names them by their hash and
 * not by their content, which may be confidential.
 *
 * @param source {@code validation} or {@code fixed}
 * @param why a sentence for people
 * @param prompts token ids, none empty
 */
record GoldenPrompts(String source, String why, List<int[]> prompts) {
  static final int MOST = 8;
  static final int MOST_TOKENS = 160;

  /** Words, figures, accents, code, and runs of spaces. */
  static final List<String> TEXTS =
      List.of(
          "Once upon a time, there was a little girl who",
          "The patient is a 62-year-old man with a cough and fever since",
          "Dear colleague, thank you for referring",
          "In 2024, 1,234.50 euros were paid for 3 x 0.5 l.",
          "{\"name\": \"Müller\", \"age\": ",
          "def mean(values):\n    return",
          "Q: What is a graft?\nA:",
          "É uma vez");

  /** The prompts of a run's validation data, or fixed ones. */
  static GoldenPrompts of(
      ExportSource source, Path base, ModelConfig model, Optional<Tokenizer> tokenizer, int room) {
    Optional<DataConfig> data =
        source.config().map(RunConfig::data).filter(DataConfig::hasValidation);
    if (data.isEmpty()) {
      return fixed(model, tokenizer, room, "the run has no validation data");
    }
    boolean split = data.get().validation().isEmpty();
    Optional<Path> bill = DataBill.of(source.adapter().orElse(base));
    if (split && bill.isEmpty()) {
      return fixed(model, tokenizer, room, "no data.json says which rows were held out");
    }
    List<DataSource> parts = split ? data.get().train() : data.get().validation();
    for (DataSource part : parts) {
      for (Path file : part.files()) {
        if (!Files.isRegularFile(file)) {
          return fixed(model, tokenizer, room, file + " is not there");
        }
      }
    }
    try {
      Predicate<SequenceReader.Example> wanted = split ? heldOut(bill.orElseThrow()) : _ -> true;
      List<int[]> prompts = validation(data.get(), parts, base, model, tokenizer, room, wanted);
      if (prompts.isEmpty()) {
        return fixed(model, tokenizer, room, "no validation row has a prompt that fits");
      }
      String why =
          (split ? "the first held out of " : "the first of ")
              + parts.getFirst().files().getFirst();
      return new GoldenPrompts("validation", why, prompts);
    } catch (DataException e) {
      return fixed(model, tokenizer, room, String.valueOf(e.getMessage()));
    }
  }

  /** The rows that a run held out of its training data, as its bill of materials says. */
  private static Predicate<SequenceReader.Example> heldOut(Path bill) {
    Set<String> rows = new HashSet<>();
    for (BillOfMaterials.NamedRows file : BillOfMaterials.read(bill, "validation", MOST)) {
      file.rows().forEach(row -> rows.add(row.sha256()));
    }
    return example -> rows.contains(RowHash.of(example.row()));
  }

  private static List<int[]> validation(
      DataConfig data,
      List<DataSource> parts,
      Path base,
      ModelConfig model,
      Optional<Tokenizer> tokenizer,
      int room,
      Predicate<SequenceReader.Example> wanted) {
    List<int[]> prompts = new ArrayList<>();
    for (DataSource part : parts) {
      for (Path file : part.files()) {
        try (SequenceReader rows =
            SequenceReader.open(
                file,
                DataFormat.valueOf(data.formatOf(part).name()),
                data.columnsOf(part),
                () -> encoder(data, base, tokenizer),
                new MaxLength(model.maxPositionEmbeddings()))) {
          Iterator<SequenceReader.Example> examples = rows.examples();
          while (examples.hasNext() && prompts.size() < MOST) {
            SequenceReader.Example example = examples.next();
            if (wanted.test(example)) {
              take(example.sequence(), room, model, prompts);
            }
          }
        }
      }
    }
    return prompts;
  }

  private static ConversationEncoder encoder(
      DataConfig data, Path base, Optional<Tokenizer> tokenizer) {
    return new ConversationEncoder(
        tokenizer.orElseThrow(() -> new DataException(base + " has no tokenizer.json")),
        ChatFormats.forBase(base, data.template()).format());
  }

  private static void take(TokenSequence row, int room, ModelConfig model, List<int[]> prompts) {
    int[] prompt = prompt(row, room);
    if (prompt.length > 0 && row.maxTokenId() < model.vocabSize()) {
      prompts.add(prompt);
    }
  }

  /** What stands before the first target, as far as there is room. */
  private static int[] prompt(TokenSequence row, int room) {
    int length = 0;
    while (length < row.length() && !row.target()[length]) {
      length++;
    }
    // A row that is all target, or none: its beginning will do.
    int taken = length == 0 || length == row.length() ? Math.min(row.length(), 16) : length;
    return Arrays.copyOf(row.inputIds(), Math.min(taken, room));
  }

  private static GoldenPrompts fixed(
      ModelConfig model, Optional<Tokenizer> tokenizer, int room, String why) {
    List<int[]> prompts = new ArrayList<>();
    for (int i = 0; i < MOST; i++) {
      int[] ids =
          tokenizer.isPresent()
              ? encode(tokenizer.get(), TEXTS.get(i))
              : new SplittableRandom(i).ints(12, 0, model.vocabSize()).toArray();
      if (Arrays.stream(ids).allMatch(id -> id < model.vocabSize()) && ids.length > 0) {
        prompts.add(Arrays.copyOf(ids, Math.min(ids.length, room)));
      }
    }
    if (prompts.isEmpty()) {
      throw new UserException("the tokenizer belongs to another model: its ids are too large");
    }
    return new GoldenPrompts("fixed", "fixed texts, because " + why, prompts);
  }

  private static int[] encode(Tokenizer tokenizer, String text) {
    int[] ids = tokenizer.encodePlain(text);
    Integer bos = tokenizer.bosId();
    if (bos == null || !tokenizer.addsBos()) {
      return ids;
    }
    int[] withBos = new int[ids.length + 1];
    withBos[0] = bos;
    System.arraycopy(ids, 0, withBos, 1, ids.length);
    return withBos;
  }

  /** SHA-256 over the ids, each prompt behind its length. */
  String sha256() {
    int size = prompts.stream().mapToInt(prompt -> prompt.length + 1).sum();
    ByteBuffer bytes = ByteBuffer.allocate(4 * size);
    for (int[] prompt : prompts) {
      bytes.putInt(prompt.length);
      Arrays.stream(prompt).forEach(bytes::putInt);
    }
    return Hashes.sha256(bytes.array());
  }

  int tokens() {
    return prompts.stream().mapToInt(prompt -> prompt.length).sum();
  }
}
