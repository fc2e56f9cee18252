package dev.graft.modelio;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import dev.graft.modelio.checkpoint.Checkpoint;
import dev.graft.modelio.checkpoint.RandomCheckpoint;
import dev.graft.modelio.gguf.GgmlType;
import dev.graft.modelio.gguf.GgufFile;
import dev.graft.modelio.gguf.GgufLora;
import dev.graft.modelio.gguf.GgufModel;
import dev.graft.modelio.gguf.GgufModelWriter;
import dev.graft.modelio.gguf.GgufTensor;
import dev.graft.modelio.gguf.GgufTokenizer;
import dev.graft.modelio.merge.MergedWeights;
import dev.graft.modelio.peft.LoraWeights;
import dev.graft.modelio.peft.PeftAdapter;
import dev.graft.modelio.peft.PeftConfig;
import dev.graft.modelio.peft.TargetModules;
import dev.graft.modelio.safetensors.SafetensorsFile;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Every reader against seeded damage: each file is read, or refused with our own exception, within
 * bounded memory and time. A reader that read it must also be able to hand out what it promised.
 */
class FuzzTest {
  private static final int NORMAL = 500;
  private static final int NIGHTLY = 20_000;

  /** A file of some 10 KB shall never cost more than this to read or refuse. */
  private static final long MAX_BYTES_PER_FILE = 64 << 20;

  /** Processor time, which does not grow where others use the machine; usual is a millisecond. */
  private static final long MAX_NANOS_PER_FILE = 2_000_000_000;

  private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

  @TempDir Path temp;
  private Path model;
  private ModelConfig config;

  @BeforeEach
  void writeModel() {
    RandomCheckpoint random = RandomCheckpoint.llama().hiddenSize(8).headDim(2).layers(2);
    model = random.intermediateSize(6).vocabSize(9).maxShardBytes(2500).write(temp.resolve("m"));
    config = random.config();
  }

  private interface Reader {
    void read(Path file);
  }

  private static void fuzz(Path file, int versions, Reader reader) throws IOException {
    byte[] original = Files.readAllBytes(file);
    reader.read(file);
    int refused = 0;
    for (int i = 0; i < versions; i++) {
      Files.write(file, Mutations.mutate(original, i));
      long bytes = allocated();
      long nanos = THREADS.getCurrentThreadCpuTime();
      try {
        reader.read(file);
      } catch (ModelIoException e) {
        refused++;
        assertThat(e.getMessage()).as("version %d", i).isNotBlank();
      } catch (RuntimeException | Error e) {
        throw new AssertionError("version " + i + " of " + file.getFileName(), e);
      }
      assertThat(THREADS.getCurrentThreadCpuTime() - nanos)
          .as("nanoseconds for version %d", i)
          .isLessThan(MAX_NANOS_PER_FILE);
      assertThat(allocated() - bytes).as("bytes for version %d", i).isLessThan(MAX_BYTES_PER_FILE);
    }
    // Fewer would mean that the damage is not where the reader looks.
    assertThat(refused).isGreaterThan(versions / 4);
    Files.write(file, original);
  }

  private static long allocated() {
    return THREADS.getCurrentThreadAllocatedBytes();
  }

  /** For readers that open a file through another reader's code, all of them at night only. */
  private static int others(int versions) {
    return versions == NIGHTLY ? versions : versions / 5;
  }

  private void fuzzSafetensors(int versions) throws IOException {
    Path shard;
    try (var files = Files.list(model)) {
      shard =
          files
              .filter(file -> file.toString().endsWith(".safetensors"))
              .sorted()
              .findFirst()
              .orElseThrow();
    }
    fuzz(
        shard,
        versions,
        path -> {
          try (SafetensorsFile file = SafetensorsFile.open(path)) {
            for (String name : file.names()) {
              assertThat(file.data(name).byteSize()).isEqualTo(file.info(name).bytes());
            }
          }
        });
    fuzz(shard, others(versions), path -> Checkpoint.open(model).close());
  }

  private void fuzzConfigAndIndex(int versions) throws IOException {
    fuzz(model.resolve("config.json"), versions, ModelConfig::read);
    Reader open = path -> Checkpoint.open(model).close();
    fuzz(model.resolve("model.safetensors.index.json"), others(versions), open);
  }

  private static PeftAdapter adapter() {
    PeftConfig peft =
        new PeftConfig(
            2,
            4,
            0.1,
            new TargetModules.Names(List.of("q_proj")),
            false,
            "base",
            Map.of("layers.1.self_attn.q_proj", 2),
            Map.of("q_proj", 8.0),
            null);
    var weights =
        Stream.of(0, 1)
            .map(
                layer -> new LoraWeights(layer, Projection.Q_PROJ, 2, new float[16], new float[16]))
            .toList();
    return new PeftAdapter(peft, weights);
  }

  private void fuzzAdapter(int versions) throws IOException {
    Path adapter = temp.resolve("adapter");
    adapter().write(adapter, false);
    Reader reader = path -> PeftAdapter.read(adapter, config);
    fuzz(adapter.resolve(PeftAdapter.CONFIG_FILE), versions, reader);
    fuzz(adapter.resolve(PeftAdapter.WEIGHTS_FILE), versions, reader);
  }

  /** A whole model with its tokenizer, and an adapter: a reader that opens one reads every row. */
  private void fuzzGguf(int versions) throws IOException {
    Path file = temp.resolve("model.gguf");
    writeTokenizer();
    try (Checkpoint checkpoint = Checkpoint.open(model)) {
      GgufTokenizer tokenizer = GgufTokenizer.read(temp, config, Optional.of("{{ template }}"));
      new GgufModelWriter(new MergedWeights(checkpoint, Optional.empty()), tokenizer, "fuzzed")
          .write(file, GgmlType.F16);
    }
    fuzz(
        file,
        versions,
        path -> {
          try (GgufFile gguf = GgufFile.open(path)) {
            for (GgufTensor tensor : gguf.tensors().values()) {
              assertThat(gguf.data(tensor).byteSize()).isEqualTo(tensor.bytes());
              if (tensor.type().isWeight()) {
                assertThat(gguf.row(tensor, 0)).hasSize((int) tensor.columns());
              }
            }
          }
        });
    fuzz(file, others(versions), path -> GgufModel.open(path, temp).close());
    Path lora = temp.resolve("adapter.gguf");
    GgufLora.write(lora, adapter(), config, "fuzzed");
    fuzz(lora, others(versions), path -> GgufLora.read(path, config));
  }

  private void writeTokenizer() throws IOException {
    Files.writeString(
        temp.resolve("tokenizer.json"),
        """
        {"added_tokens":[{"id":0,"content":"<s>","special":true},
                         {"id":1,"content":"</s>","special":true}],
         "normalizer":null,
         "pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false,"use_regex":true},
         "post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<s>"}}]},
         "model":{"type":"BPE","vocab":{"<s>":0,"</s>":1,"a":2,"b":3,"ab":4,"c":5},
                  "merges":["a b",["ab","c"]],"ignore_merges":false}}
        """);
    Files.writeString(
        temp.resolve("tokenizer_config.json"),
        "{\"bos_token\":\"<s>\",\"eos_token\":{\"content\":\"</s>\"}}");
  }

  private void fuzzTokenizer(int versions) throws IOException {
    writeTokenizer();
    Reader reader = path -> GgufTokenizer.read(temp, config, Optional.empty());
    fuzz(temp.resolve("tokenizer.json"), versions, reader);
    fuzz(temp.resolve("tokenizer_config.json"), versions, reader);
  }

  @Test
  void damagedGgufFiles() throws IOException {
    fuzzGguf(NORMAL);
  }

  @Test
  void damagedTokenizerFiles() throws IOException {
    fuzzTokenizer(NORMAL);
  }

  @Test
  @Tag("nightly")
  void damagedGgufFilesForLong() throws IOException {
    fuzzGguf(NIGHTLY);
  }

  @Test
  @Tag("nightly")
  void damagedTokenizerFilesForLong() throws IOException {
    fuzzTokenizer(NIGHTLY);
  }

  @Test
  void damagedSafetensorsFiles() throws IOException {
    fuzzSafetensors(NORMAL);
  }

  @Test
  void damagedConfigsAndIndexes() throws IOException {
    fuzzConfigAndIndex(NORMAL);
  }

  @Test
  void damagedAdapters() throws IOException {
    fuzzAdapter(NORMAL);
  }

  @Test
  @Tag("nightly")
  void damagedSafetensorsFilesForLong() throws IOException {
    fuzzSafetensors(NIGHTLY);
  }

  @Test
  @Tag("nightly")
  void damagedConfigsAndIndexesForLong() throws IOException {
    fuzzConfigAndIndex(NIGHTLY);
  }

  @Test
  @Tag("nightly")
  void damagedAdaptersForLong() throws IOException {
    fuzzAdapter(NIGHTLY);
  }
}
