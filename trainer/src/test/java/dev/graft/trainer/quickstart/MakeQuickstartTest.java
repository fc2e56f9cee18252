package dev.graft.trainer.quickstart;

import static org.assertj.core.api.Assertions.assertThat;

import dev.graft.modelio.checkpoint.Checkpoint;
import dev.graft.tokenizer.HuggingFaceTokens;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class MakeQuickstartTest {

  private static final Path COMMITTED =
      Path.of(System.getProperty("graft.root", ".."), "configs/quickstart");

  @Test
  void theCommittedFilesAreMadeAgainBitForBit(@TempDir Path folder) throws IOException {
    MakeQuickstart.make(folder);

    var made = files(folder);
    var committed = files(COMMITTED);
    assertThat(made.keySet()).isEqualTo(committed.keySet());
    for (String name : made.keySet()) {
      assertThat(made.get(name)).as(name).isEqualTo(committed.get(name));
    }
    assertThat(committed.values().stream().mapToInt(bytes -> bytes.length).sum())
        .isLessThan(1_000_000);
  }

  @Test
  void theModelIsOneThatLoads() {
    try (Checkpoint checkpoint = Checkpoint.open(COMMITTED.resolve("model"))) {
      assertThat(checkpoint.config().vocabSize()).isEqualTo(512);
      assertThat(checkpoint.notes()).isEmpty();
    }
  }

  @Test
  void anyTextCanBeEncodedAndDecoded() throws IOException {
    List<String> texts = new ArrayList<>(Files.readAllLines(COMMITTED.resolve("train.jsonl")));
    texts.addAll(List.of("", " ", "naïve café 漢字 🙂\t\r\n", "\u0000\u007f", "it's  two  spaces "));
    try (HuggingFaceTokens tokens = HuggingFaceTokens.load(COMMITTED.resolve("model"))) {
      assertThat(tokens.vocabularySize()).isEqualTo(512);
      assertThat(tokens.bosId()).isEqualTo(1);
      assertThat(tokens.eosId()).isEqualTo(2);
      for (String text : texts) {
        assertThat(tokens.decode(tokens.encodePlain(text), false)).isEqualTo(text);
      }
      String line = texts.getFirst();
      assertThat(tokens.encodePlain(line).length)
          .as("the merges are of use")
          .isLessThan(line.length() / 2);
    }
  }

  private static Map<String, byte[]> files(Path folder) throws IOException {
    var files = new TreeMap<String, byte[]>();
    try (var paths = Files.walk(folder)) {
      for (Path path : paths.filter(Files::isRegularFile).toList()) {
        files.put(folder.relativize(path).toString().replace('\\', '/'), Files.readAllBytes(path));
      }
    }
    return files;
  }
}
