package dev.graft.modelio.merge;

import static org.assertj.core.api.Assertions.assertThat;

import dev.graft.modelio.DType;
import dev.graft.modelio.checkpoint.Checkpoint;
import dev.graft.modelio.checkpoint.RandomCheckpoint;
import dev.graft.modelio.rows.RowSource;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RewrittenCheckpointTest {

  @TempDir Path temp;

  @Test
  void everyWeightIsTheNewOneInTheOldShardAndType() throws IOException {
    Path old =
        RandomCheckpoint.llama()
            .layers(2)
            .vocabSize(17)
            .maxShardBytes(6000)
            .tied(false)
            .dtype(DType.BF16)
            .write(temp.resolve("old"));
    Files.writeString(old.resolve("tokenizer.json"), "{}");
    Files.writeString(old.resolve("pytorch_model.bin"), "old weights");
    Files.setPosixFilePermissions(
        old.resolve("tokenizer.json"), PosixFilePermissions.fromString("r--r--r--"));
    Path folder = Files.createDirectory(temp.resolve("new"));
    try (Checkpoint checkpoint = Checkpoint.open(old)) {
      List<String> leftOut =
          RewrittenCheckpoint.writeInto(
              folder,
              checkpoint,
              name -> doubled(RowSource.of(checkpoint.tensor(name)))); // exact in bfloat16

      assertThat(leftOut).containsExactly("pytorch_model.bin");
      assertThat(folder.resolve("tokenizer.json")).hasContent("{}");
      assertThat(Files.getPosixFilePermissions(folder.resolve("tokenizer.json")))
          .contains(PosixFilePermission.OWNER_WRITE);
      try (Checkpoint written = Checkpoint.open(folder)) {
        assertThat(written.files())
            .hasSizeGreaterThan(1)
            .extracting(Path::getFileName)
            .isEqualTo(checkpoint.files().stream().map(Path::getFileName).toList());
        for (String name : checkpoint.names()) {
          float[] before = checkpoint.tensor(name).toFloats();
          float[] after = written.tensor(name).toFloats();
          for (int i = 0; i < before.length; i++) {
            assertThat(after[i]).isEqualTo(2 * before[i]);
          }
        }
      }
    }
  }

  private static RowSource doubled(RowSource rows) {
    return new RowSource() {
      @Override
      public int rows() {
        return rows.rows();
      }

      @Override
      public int columns() {
        return rows.columns();
      }

      @Override
      public void row(int index, float[] target) {
        rows.row(index, target);
        for (int i = 0; i < target.length; i++) {
          target[i] *= 2;
        }
      }
    };
  }
}
