package dev.graft.trainer.cli;

import dev.graft.tokenizer.Conversation;
import dev.graft.tokenizer.ConversationReader;
import dev.graft.tokenizer.Row;
import dev.graft.tokenizer.TokenSequence;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;
import tools.jackson.databind.json.JsonMapper;

/** {@code graft tokenize}. */
@Command(
    name = "tokenize",
    description = {"Prints the tokens that training makes of data, and which are learned.", ""},
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    footer = {
      "",
      "With --json, a line each: input_ids, labels (-100 where a token is not learned; the shift",
      "by one happens in the loss) and text. Such lines can be trained on as they are.",
      "",
      "Example:",
      "  ./graft tokenize --base configs/quickstart/model --json \\",
      "    --input configs/quickstart/validation.jsonl"
    })
final class TokenizeCommand implements Callable<Integer> {

  private static final int BATCH_ROWS = 256;
  private static final int NOT_LEARNED = -100;

  @Spec private CommandSpec spec = CommandSpec.create();

  @Mixin private DataOptions data = new DataOptions();

  @Option(
      names = "--base",
      required = true,
      paramLabel = "DIR",
      description = "Folder of a Hugging Face checkpoint, or hf://org/name.")
  private String base = "";

  @Option(names = "--input", required = true, paramLabel = "FILE", description = "The data.")
  private Path input = Path.of("");

  @Option(names = "--json", description = "For programs, a line each.")
  private boolean json;

  @Override
  public Integer call() {
    PrintWriter out = spec.commandLine().getOut();
    try (DataOptions.Encoder encoder = data.encoder(DataOptions.folder(base));
        ConversationReader rows = ConversationReader.open(input, data.format(), data.columns())) {
      List<Row> batch = new ArrayList<>();
      for (Row row : rows) {
        batch.add(row);
        if (batch.size() == BATCH_ROWS) {
          print(batch, encoder, out);
          batch.clear();
        }
      }
      print(batch, encoder, out);
    }
    out.flush();
    return 0;
  }

  private void print(List<Row> batch, DataOptions.Encoder encoder, PrintWriter out) {
    for (TokenSequence sequence : sequences(batch, encoder)) {
      String text = encoder.encoder().tokenizer().decode(sequence.inputIds(), false);
      if (json) {
        var line = new LinkedHashMap<String, Object>();
        line.put("input_ids", sequence.inputIds());
        line.put("labels", labels(sequence));
        line.put("text", text);
        // Standard output is a file often enough: one form of line break everywhere.
        out.print(JsonMapper.shared().writeValueAsString(line) + "\n");
      } else {
        out.print("%s\n%s\n\n".formatted(sequence, text));
      }
    }
  }

  private static List<TokenSequence> sequences(List<Row> batch, DataOptions.Encoder encoder) {
    List<Conversation> conversations = new ArrayList<>();
    List<TokenSequence> sequences = new ArrayList<>();
    for (Row row : batch) {
      switch (row) {
        case Conversation conversation -> conversations.add(conversation);
        case TokenSequence sequence -> sequences.add(sequence);
      }
    }
    // A file holds rows of one kind, so that the order stays.
    sequences.addAll(encoder.encoder().encodeAll(conversations));
    return sequences;
  }

  private static int[] labels(TokenSequence sequence) {
    int[] labels = sequence.inputIds().clone();
    for (int i = 0; i < labels.length; i++) {
      labels[i] = sequence.target()[i] ? labels[i] : NOT_LEARNED;
    }
    return labels;
  }
}
