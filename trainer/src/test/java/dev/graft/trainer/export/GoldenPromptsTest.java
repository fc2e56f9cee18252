package dev.graft.trainer.export;

import static org.assertj.core.api.Assertions.assertThat;

import dev.graft.modelio.ModelConfig;
import dev.graft.tokenizer.ChatFormats;
import dev.graft.tokenizer.Conversation;
import dev.graft.tokenizer.ConversationEncoder;
import dev.graft.tokenizer.ConversationReader;
import dev.graft.tokenizer.DataFormat;
import dev.graft.tokenizer.HuggingFaceTokens;
import dev.graft.tokenizer.Row;
import dev.graft.tokenizer.split.BillOfMaterials;
import dev.graft.tokenizer.split.BillOfMaterials.RowLine;
import dev.graft.trainer.config.ConfigReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class GoldenPromptsTest {
  private static final Path ROOT = Path.of(System.getProperty("graft.root", "..")).toAbsolutePath();
  private static final Path BASE = ROOT.resolve("configs/quickstart/model");
  private static final Path DATA = ROOT.resolve("configs/quickstart/train.jsonl").normalize();
  private static final int ROOM = 1000;

  @TempDir Path run;

  private GoldenPrompts prompts(HuggingFaceTokens tokenizer, String data) {
    String yaml = "base: %s\ndata:\n  train: %s\n%s".formatted(BASE, DATA, data);
    var source =
        new ExportSource(
            Optional.of(run.resolve("adapter")),
            Optional.of(run),
            Optional.of(ConfigReader.fromText(yaml, "run", List.of())),
            BASE.toString());
    ModelConfig model = ModelConfig.read(BASE.resolve("config.json"));
    return GoldenPrompts.of(source, BASE, model, Optional.of(tokenizer), ROOM);
  }

  /** As a run writes it that has held out the rows of these numbers. */
  private void writeBill(List<Row> rows, List<Integer> heldOut) throws IOException {
    var bill = new BillOfMaterials();
    var train = new ArrayList<RowLine>();
    var validation = new ArrayList<RowLine>();
    for (int i = 0; i < rows.size(); i++) {
      (heldOut.contains(i) ? validation : train).add(RowLine.of(rows.get(i)));
    }
    bill.add("train", DATA, "0".repeat(64), "conversations", train, Map.of("ward", 3L));
    bill.add("validation", DATA, "0".repeat(64), "conversations", validation, Map.of());
    Files.writeString(run.resolve(BillOfMaterials.FILE_NAME), bill.json());
  }

  @Test
  void rowsThatWereHeldOutArePrompts() throws IOException {
    List<Row> rows = new ArrayList<>();
    try (ConversationReader reader = ConversationReader.open(DATA, DataFormat.AUTO)) {
      reader.forEach(rows::add);
    }
    List<Integer> heldOut = List.of(3, 8, 20, 21, 22, 50, 77, 90, 101, 130);
    Files.createDirectory(run.resolve("adapter"));
    try (HuggingFaceTokens tokenizer = HuggingFaceTokens.load(BASE)) {
      assertThat(prompts(tokenizer, "  validation-split: 0.1\n").why())
          .contains("no data.json says which rows were held out");

      writeBill(rows, heldOut);
      GoldenPrompts golden = prompts(tokenizer, "  validation-split: 0.1\n");

      assertThat(golden.source()).isEqualTo("validation");
      assertThat(golden.why()).isEqualTo("the first held out of " + DATA);
      var encoder = new ConversationEncoder(tokenizer, ChatFormats.forBase(BASE, "auto").format());
      List<int[]> expected = new ArrayList<>();
      for (int number : heldOut.subList(0, GoldenPrompts.MOST)) {
        var messages = ((Conversation) rows.get(number)).messages();
        expected.add(encoder.prompt(messages.subList(0, messages.size() - 1)));
      }
      assertThat(golden.prompts()).containsExactlyElementsOf(expected);

      Files.writeString(run.resolve(BillOfMaterials.FILE_NAME), "{\"validation\": [{\"rows\":");
      assertThat(prompts(tokenizer, "  validation-split: 0.1\n").why()).contains("is damaged");
      assertThat(prompts(tokenizer, "").why()).contains("the run has no validation data");
    }
  }
}
