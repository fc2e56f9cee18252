package dev.graft.modelio.checkpoint;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.graft.modelio.Conformance;
import dev.graft.modelio.DType;
import dev.graft.modelio.ModelConfig;
import dev.graft.modelio.ModelIoException;
import dev.graft.modelio.StrictJson;
import dev.graft.modelio.TensorNames;
import dev.graft.modelio.safetensors.SafetensorsFile;
import dev.graft.modelio.safetensors.SafetensorsWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.node.ObjectNode;

class CheckpointTest {
  @TempDir Path temp;

  private Path whole() {
    return RandomCheckpoint.llama().write(temp.resolve("whole"));
  }

  private Path sharded() {
    return RandomCheckpoint.llama().maxShardBytes(40_000).write(temp.resolve("sharded"));
  }

  private static Path shard(Path folder, int index) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files
          .filter(file -> file.toString().endsWith(".safetensors"))
          .sorted()
          .skip(index)
          .findFirst()
          .orElseThrow();
    }
  }

  /** Rewrites a file without one tensor and with another. */
  private void rewrite(Path file, String without, String with, List<Long> shape) {
    SafetensorsWriter writer = new SafetensorsWriter();
    try (SafetensorsFile old = SafetensorsFile.open(file)) {
      for (String name : old.names()) {
        if (!name.equals(without)) {
          writer.add(name, old.info(name).dtype(), old.info(name).shape(), old.data(name));
        }
      }
      if (!with.isEmpty()) {
        long elements = shape.stream().reduce(1L, (a, b) -> a * b);
        writer.add(with, shape, new float[(int) elements]);
      }
      writer.write(file);
    }
  }

  private void editIndex(Path folder, UnaryOperator<ObjectNode> edit) throws IOException {
    Path index = folder.resolve("model.safetensors.index.json");
    ObjectNode json = edit.apply(StrictJson.readObject(index, 1 << 20));
    Files.writeString(index, StrictJson.print(json));
  }

  private static void assertRefused(Path folder, String... messages) {
    var refusal =
        assertThatThrownBy(() -> Checkpoint.open(folder)).isInstanceOf(ModelIoException.class);
    for (String message : messages) {
      refusal.hasMessageContaining(message);
    }
  }

  @Test
  void opensARealModel() {
    try (Checkpoint checkpoint = Checkpoint.open(Conformance.path("models/stories260K-hf"))) {
      ModelConfig config = checkpoint.config();
      assertThat(config.layers()).isEqualTo(5);
      assertThat(config.kvHeads()).isEqualTo(4);
      assertThat(config.headDim()).isEqualTo(8);
      assertThat(config.tieWordEmbeddings()).isTrue();
      assertThat(checkpoint.parameters()).isEqualTo(260_032);
      assertThat(checkpoint.lmHead().name()).isEqualTo(TensorNames.EMBED_TOKENS);
      assertThat(checkpoint.dtype()).isEqualTo(DType.F32);
      assertThat(checkpoint.notes()).isEmpty();
    }
  }

  @Test
  void nothingIsCopied() {
    try (Checkpoint checkpoint = Checkpoint.open(whole())) {
      var data = checkpoint.tensor(TensorNames.EMBED_TOKENS).data();
      assertThat(data.isMapped()).isTrue();
      assertThat(data.isReadOnly()).isTrue();
      assertThat(data.address())
          .isEqualTo(checkpoint.tensor(TensorNames.EMBED_TOKENS).data().address());
    }
  }

  @Test
  void aMissingShardIsNamed() throws IOException {
    Path folder = sharded();
    Path shard = shard(folder, 1);
    Files.delete(shard);
    assertRefused(folder, shard + " is missing", "model.safetensors.index.json says");
  }

  @Test
  void aTruncatedShardIsNamed() throws IOException {
    Path folder = sharded();
    Path shard = shard(folder, 2);
    byte[] bytes = Files.readAllBytes(shard);
    Files.write(shard, java.util.Arrays.copyOf(bytes, bytes.length - 1));
    assertRefused(folder, shard.toString(), "Copy or download it again");
  }

  @Test
  void indexAndShardsMustAgree() throws IOException {
    Path folder = sharded();
    Path first = shard(folder, 0);
    rewrite(first, TensorNames.EMBED_TOKENS, "", List.of());
    assertRefused(folder, "holds tensor model.embed_tokens.weight, but it does not");
    rewrite(first, "", TensorNames.EMBED_TOKENS, List.of(97L, 32L));
    rewrite(first, "", "model.stray.weight", List.of(1L));
    assertRefused(folder, first.toString(), "model.stray.weight", "does not place there");
  }

  @Test
  void anIndexCannotLeadOutOfTheFolder() throws IOException {
    Path folder = sharded();
    for (String name : List.of("../model.safetensors", "/etc/passwd", ".hidden", "")) {
      editIndex(
          folder,
          json -> {
            ((ObjectNode) json.get("weight_map")).put("lm_head.weight", name);
            return json;
          });
      assertRefused(folder, "puts tensor lm_head.weight into", "not the name of a file beside it");
    }
  }

  @Test
  void aWrongTotalSizeIsNoted() throws IOException {
    Path folder = sharded();
    editIndex(
        folder,
        json -> {
          ((ObjectNode) json.get("metadata")).put("total_size", 5);
          return json;
        });
    try (Checkpoint checkpoint = Checkpoint.open(folder)) {
      assertThat(checkpoint.notes()).singleElement().asString().contains("total_size of 5");
    }
  }

  @Test
  void everyTensorIsCheckedAgainstTheConfig() {
    Path folder = whole();
    Path file = folder.resolve("model.safetensors");
    String up = TensorNames.layer(1).upProj();
    rewrite(file, up, "", List.of());
    assertRefused(folder, "lacks tensor " + up + " [88, 32]");
    rewrite(file, "", up, List.of(32L, 88L));
    assertRefused(folder, up + " has the shape [32, 88]", "asks for [88, 32]");
  }

  @Test
  void extraTensorsAreRefusedByName() {
    Path folder = whole();
    Path file = folder.resolve("model.safetensors");
    rewrite(file, "", "model.layers.0.self_attn.rotary_emb.inv_freq", List.of(4L));
    Checkpoint.open(folder).close();
    rewrite(file, "", "model.layers.0.self_attn.q_proj.bias", List.of(4L));
    assertRefused(folder, "q_proj.bias is a bias");
    rewrite(file, "model.layers.0.self_attn.q_proj.bias", "model.extra.weight", List.of(4L));
    assertRefused(folder, "model.extra.weight is not part of a LlamaForCausalLM");
    rewrite(file, "model.extra.weight", "model.layers.0.mlp.up_proj.qweight", List.of(4L));
    assertRefused(folder, "quantized weights");
  }

  @Test
  void aTiedHeadMayBeStoredTwiceIfItSaysTheSame() throws IOException {
    Path folder = RandomCheckpoint.llama().tied(true).write(temp.resolve("tied"));
    Path file = folder.resolve("model.safetensors");
    SafetensorsWriter writer = new SafetensorsWriter();
    try (SafetensorsFile old = SafetensorsFile.open(file)) {
      for (String name : old.names()) {
        writer.add(name, DType.F32, old.info(name).shape(), old.data(name));
      }
      writer.add(
          TensorNames.LM_HEAD, DType.F32, List.of(97L, 32L), old.data(TensorNames.EMBED_TOKENS));
      writer.write(file);
    }
    Checkpoint.open(folder).close();
    rewrite(file, TensorNames.LM_HEAD, TensorNames.LM_HEAD, List.of(97L, 32L));
    assertRefused(folder, "lm_head.weight differs from the embedding");
  }

  @Test
  void dtypesThatCannotComputeAreRefused() {
    Path folder = whole();
    SafetensorsWriter writer = new SafetensorsWriter();
    Path file = folder.resolve("model.safetensors");
    try (SafetensorsFile old = SafetensorsFile.open(file)) {
      for (String name : old.names()) {
        if (name.equals(TensorNames.NORM)) {
          writer.add(name, DType.F64, List.of(32L), (firstByte, piece) -> piece.fill((byte) 0));
        } else {
          writer.add(name, DType.F32, old.info(name).shape(), old.data(name));
        }
      }
      writer.write(file);
    }
    assertRefused(folder, "model.norm.weight is stored as F64");
  }

  @Test
  void foldersThatAreSomethingElseAreNamed() throws IOException {
    assertRefused(temp.resolve("none"), "does not exist");
    Path file = Files.writeString(temp.resolve("file"), "x");
    assertRefused(file, "is a file");
    Path folder = Files.createDirectory(temp.resolve("folder"));
    assertRefused(folder, "has no config.json");
    Files.writeString(folder.resolve("adapter_config.json"), "{}");
    assertRefused(folder, "is a LoRA adapter");
    Files.writeString(folder.resolve("config.json"), RandomCheckpoint.llama().config().toJson());
    assertRefused(folder, "has no weights");
    Files.writeString(folder.resolve("model.Q4_0.gguf"), "");
    assertRefused(folder, "GGUF");
    Files.writeString(folder.resolve("weights.safetensors"), "");
    assertRefused(folder, "weights.safetensors but neither");
    Files.writeString(folder.resolve("pytorch_model-00001-of-00002.bin"), "");
    assertRefused(folder, "pytorch_model.bin", "save_pretrained");
  }
}
