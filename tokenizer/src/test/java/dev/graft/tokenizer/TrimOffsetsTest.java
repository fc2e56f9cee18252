package dev.graft.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.node.ObjectNode;

/**
 * Byte-level tokenizers whose tokenizer.json says {@code trim_offsets}, as Llama 3's does: the core
 * then takes the spaces at a token's edges for nobody's. What is learned must not depend on it.
 */
class TrimOffsetsTest {
  private static final List<String> ANSWERS =
      List.of(
          " two ",
          "  x  \n\n",
          "\n y",
          "e\u0301  ",
          "a  \u0301b   ",
          "\t the patient \u00a0",
          "z\n ");

  @TempDir Path folder;

  private HuggingFaceTokens tokenizer(boolean trims, String normalizer) throws IOException {
    Checkpoints.tiny(folder);
    Path file = folder.resolve("tokenizer.json");
    ObjectNode root = (ObjectNode) JsonFiles.MAPPER.readTree(Files.readAllBytes(file));
    for (String part : List.of("pre_tokenizer", "post_processor", "decoder")) {
      ObjectNode copy = root.get(part).deepCopy().asObject();
      root.set(part, copy.put("trim_offsets", trims));
    }
    if (!normalizer.isEmpty()) {
      root.putObject("normalizer").put("type", normalizer);
    }
    Files.write(file, JsonFiles.MAPPER.writeValueAsBytes(root));
    return HuggingFaceTokens.load(folder);
  }

  @ParameterizedTest
  @CsvSource({"true, ''", "false, ''", "true, NFC", "false, NFC", "true, NFKC", "false, NFKC"})
  void spacesAtTheEdgesOfAnAnswerAreLearned(boolean trims, String normalizer) throws IOException {
    try (HuggingFaceTokens tokenizer = tokenizer(trims, normalizer)) {
      var encoder =
          new ConversationEncoder(tokenizer, ChatFormats.forBase(folder, "chatml").format());
      for (String answer : ANSWERS) {
        TokenSequence sequence =
            encoder.encode(
                new Conversation(List.of(Message.human(" q "), Message.assistant(answer))));

        // The template writes a line feed before an answer, which may share a token with it.
        String learned = String.join("|", Targets.texts(tokenizer, sequence));
        String whole =
            normalizer.isEmpty()
                ? answer
                : java.text.Normalizer.normalize(
                    answer, java.text.Normalizer.Form.valueOf(normalizer));
        assertThat(learned.startsWith("\n") ? learned.substring(1) : learned)
            .isIn(whole + "<|im_end|>", whole.replaceFirst("^\n", "") + "<|im_end|>");
      }
    }
  }
}
