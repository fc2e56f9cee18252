package dev.graft.trainer.quickstart;

import dev.graft.modelio.DType;
import dev.graft.modelio.checkpoint.RandomCheckpoint;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Makes {@code configs/quickstart}: a stand-in for a base model, and data to train it on.
 *
 * <pre>{@code
 * rm -r configs/quickstart
 * java -cp 'trainer/target/*:trainer/target/lib/*' \
 *     dev.graft.trainer.quickstart.MakeQuickstart configs/quickstart
 * }</pre>
 */
public final class MakeQuickstart {

  private static final long SEED = 20260101;
  private static final int TRAINING = 160;
  private static final int VALIDATION = 40;
  private static final int VOCABULARY = 512;
  private static final int LONGEST_TEXT = 512;

  private MakeQuickstart() {}

  /** Takes one argument: the folder to make, which must not hold a model yet. */
  public static void main(String[] arguments) throws IOException {
    if (arguments.length != 1) {
      System.err.println("usage: MakeQuickstart FOLDER");
      System.exit(2);
    }
    make(Path.of(arguments[0]));
  }

  /** Makes everything, the same bytes every time. */
  static void make(Path folder) throws IOException {
    var notes = new PhysicianNotes(SEED);
    String training = lines(notes, TRAINING);
    String validation = lines(notes, VALIDATION);

    Path model = folder.resolve("model");
    RandomCheckpoint.llama()
        .hiddenSize(64)
        .intermediateSize(172)
        .layers(2)
        .heads(4)
        .kvHeads(2)
        .headDim(16)
        .vocabSize(VOCABULARY)
        .maxPositionEmbeddings(LONGEST_TEXT)
        .dtype(DType.BF16)
        .seed(SEED)
        .write(model);
    // Learned from the file's lines, escapes and all: close enough to the text, and one thing less.
    List<BytePairs.Pair> merges = BytePairs.learn(training, TokenizerFiles.mergesFor(VOCABULARY));
    Files.writeString(model.resolve("tokenizer.json"), TokenizerFiles.tokenizer(merges));
    Files.writeString(model.resolve("tokenizer_config.json"), TokenizerFiles.config(LONGEST_TEXT));
    Files.writeString(model.resolve("README.md"), README);
    Files.writeString(folder.resolve("train.jsonl"), training);
    Files.writeString(folder.resolve("validation.jsonl"), validation);
  }

  private static String lines(PhysicianNotes notes, int count) {
    var lines = new ArrayList<String>();
    for (int i = 0; i < count; i++) {
      lines.add(notes.nextLine());
    }
    return String.join("\n", lines) + "\n";
  }

  private static final String README =
      """
      # A stand-in

      This checkpoint has the form of a Llama model, and weights drawn at random: it has learned
      nothing, and what it writes means nothing. It is here so that the quickstart needs no
      download. `dev.graft.trainer.quickstart.MakeQuickstart` makes it, and the data beside it, from
      a fixed seed.
      """;
}
