package dev.graft.trainer.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.graft.modelio.DType;
import dev.graft.modelio.StrictJson;
import dev.graft.modelio.checkpoint.Checkpoint;
import dev.graft.modelio.peft.PeftAdapter;
import dev.graft.trainer.config.Recompute;
import dev.graft.trainer.config.UserException;
import dev.graft.trainer.kernels.cpu.CpuKernels;
import dev.graft.trainer.kernels.cuda.CudaKernels;
import dev.graft.trainer.kernels.cuda.TestCuda;
import dev.graft.trainer.lora.LoraAdapter;
import dev.graft.trainer.model.Llama;
import dev.graft.trainer.model.TokenBatch;
import dev.graft.trainer.tensor.ElementType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The benchmarks measure what they say; how fast anything is, no test asks. */
class BenchmarkTest {

  private static final BenchShape SMALL = new BenchShape(2, 32, 48, 4, 2, 61, 33, 4);

  @Test
  void flopsAreThoseOfTheDefinition() {
    // 4 layers of TinyLlama's shape: q, o 2048², k, v 256 · 2048, three of 5632 · 2048; lm_head.
    BenchShape tinyLlama = new BenchShape(4, 2048, 5632, 32, 4, 32_000, 512, 16);
    long layer = 2L * 2048 * 2048 + 2L * 256 * 2048 + 3L * 5632 * 2048;
    long weights = 4 * layer + 32_000L * 2048;
    assertThat(tinyLlama.linearWeights()).isEqualTo(weights).isEqualTo(241_696_768L);
    assertThat(tinyLlama.stepFlops()).isEqualTo(4 * weights * 512 + 4 * 6L * 32 * 64 * 512 * 513);
  }

  @Test
  void aStepIsMeasuredAndLeavesNoFiles() throws IOException {
    List<Path> before = temporaryFolders();
    BenchResult result =
        TrainingBenchmark.run(
            SMALL, new CpuKernels(ElementType.F32, 2), TrainingBenchmark.Options.of(DType.BF16, 3));
    assertThat(temporaryFolders()).isEqualTo(before);
    assertThat(result.rawGflops()).isPositive();
    assertThat(result.ratio()).isBetween(0.0, 2.0);
    // ln 61 = 4.1 for a model that knows nothing.
    assertThat(result.losses())
        .hasSize(2 + 3)
        .allSatisfy(loss -> assertThat(loss).isBetween(3.0, 5.5));
    double share = result.kernels().stream().mapToDouble(BenchResult.Line::share).sum();
    assertThat(share).isCloseTo(1, within(1e-6));
    assertThat(calls(result, "base_forward")).isEqualTo(2 * 7 + 1);
    // Nothing is below the first layer's q, k and v.
    assertThat(calls(result, "base_backward")).isEqualTo(7 + 4 + 1);
    assertThat(calls(result, "attention")).isEqualTo(2);
  }

  private static double calls(BenchResult result, String key) {
    return result.kernels().stream()
        .filter(line -> line.key().equals(key))
        .findFirst()
        .orElseThrow()
        .calls();
  }

  private static List<Path> temporaryFolders() throws IOException {
    try (Stream<Path> files = Files.list(Path.of(System.getProperty("java.io.tmpdir")))) {
      return files
          .filter(file -> file.getFileName().toString().startsWith("graft-bench-"))
          .sorted()
          .toList();
    }
  }

  @Test
  void sequencesSeeOnlyThemselves() {
    BenchShape shape = new BenchShape(2, 32, 48, 4, 2, 61, 70, 32, 4);
    long attention = 2 * 6L * 32 * (2 * 32 * 33 + 6 * 7);
    assertThat(shape.stepFlops()).isEqualTo(4 * shape.linearWeights() * 70 + attention);
    assertThat(new BenchShape(2, 32, 48, 4, 2, 61, 70, 4))
        .isEqualTo(new BenchShape(2, 32, 48, 4, 2, 61, 70, 70, 4));
  }

  @Test
  void whatIsKeptIsEnoughForTheSameStep(@TempDir Path folder) throws IOException {
    BenchShape shape = new BenchShape(2, 32, 48, 4, 2, 61, 33, 16, 4);
    BenchResult result = run(shape, Optional.of(folder), Recompute.NONE);

    List<TokenBatch.Sequence> sequences = new ArrayList<>();
    for (JsonNode ids :
        StrictJson.readObject(folder.resolve("step.json"), 1 << 20).get("sequences")) {
      int[] numbers = ids.valueStream().mapToInt(JsonNode::intValue).toArray();
      boolean[] targets = new boolean[numbers.length];
      Arrays.fill(targets, true);
      sequences.add(new TokenBatch.Sequence(numbers, targets));
    }
    assertThat(sequences).extracting(sequence -> sequence.ids().length).containsExactly(16, 16, 1);
    TokenBatch batch = TokenBatch.of(sequences);
    try (CpuKernels kernels = new CpuKernels(ElementType.F32, 2);
        Checkpoint checkpoint = Checkpoint.open(folder.resolve("model"))) {
      Llama model = Llama.load(kernels, checkpoint);
      LoraAdapter adapter =
          LoraAdapter.of(PeftAdapter.read(folder.resolve("adapter"), checkpoint.config()), model);
      double loss = model.trainingPass(33, adapter.ranks(), false).loss(batch);
      assertThat(loss / batch.targetTokens()).isEqualTo(result.losses().getFirst());
    }
  }

  @Test
  void aKeptModelIsUsedAgain(@TempDir Path folder) throws IOException {
    BenchResult first = run(SMALL, Optional.of(folder), Recompute.NONE);
    Path weights = folder.resolve("model/model.safetensors");
    FileTime written = Files.getLastModifiedTime(weights);
    BenchResult again = run(SMALL, Optional.of(folder), Recompute.LAYERS);
    assertThat(Files.getLastModifiedTime(weights)).isEqualTo(written);
    assertThat(again.losses()).isEqualTo(first.losses());
    assertThatThrownBy(() ->
            run(new BenchShape(1, 32, 48, 4, 2, 61, 33, 4), Optional.of(folder), Recompute.NONE))
        .isInstanceOf(UserException.class)
        .hasMessageContaining("another shape");
  }

  private static BenchResult run(BenchShape shape, Optional<Path> keep, Recompute recompute) {
    return TrainingBenchmark.run(
        shape,
        new CpuKernels(ElementType.F32, 2),
        new TrainingBenchmark.Options(DType.F32, 1, recompute, Optional.empty(), keep));
  }

  @Test
  void aCardsStepIsMeasuredWholeAndItsOperationsApart() {
    CudaKernels kernels = TestCuda.open(ElementType.F32);
    BenchResult result =
        TrainingBenchmark.run(
            SMALL,
            kernels,
            new TrainingBenchmark.Options(
                DType.F32, 2, Recompute.NONE, Optional.of(48), Optional.empty()));
    BenchResult onProcessor = run(SMALL, Optional.empty(), Recompute.NONE);
    // Two steps before and two after, whose operations are timed.
    assertThat(result.losses()).hasSize(2 + 2 + 2);
    for (int i = 0; i < onProcessor.losses().size(); i++) {
      assertThat(result.losses().get(i)).isCloseTo(onProcessor.losses().get(i), within(1e-4));
    }
    assertThat(result.deviceBytesTaken()).isPresent();
    assertThat(result.deviceBytesTaken().getAsLong())
        .isGreaterThanOrEqualTo(result.allocatedBytes());
    assertThat(result.peakGflops().orElseThrow()).isPositive();
    assertThat(calls(result, "base_forward")).isEqualTo(2 * 7 + 1);
    assertThat(calls(result, "update")).isEqualTo(1);
    double share = result.kernels().stream().mapToDouble(BenchResult.Line::share).sum();
    assertThat(share).isCloseTo(1, within(1e-6));
    JsonNode json = JsonMapper.shared().readTree(result.json());
    assertThat(json.get("peak_share").doubleValue())
        .isEqualTo(result.stepGflops() / result.peakGflops().orElseThrow());
  }

  @Test
  void jsonHasTheKeysThatOthersRead() {
    BenchResult result =
        TrainingBenchmark.run(
            SMALL, new CpuKernels(ElementType.F32, 2), TrainingBenchmark.Options.of(DType.F32, 1));
    JsonNode json = JsonMapper.shared().readTree(result.json());
    assertThat(json.propertyNames())
        .contains(
            "raw_gflops",
            "step_gflops",
            "ratio",
            "tokens_per_second",
            "peak_bytes",
            "losses",
            "kernels");
    assertThat(json.at("/kernels/base_forward/seconds").doubleValue()).isPositive();
    assertThat(json.at("/shape/kv_heads").intValue()).isEqualTo(2);
  }

  @Test
  void decodingIsHeldAgainstReadingTheWeights() {
    for (int sequences : new int[] {1, 5}) {
      DecodeResult result =
          DecodeBenchmark.run(SMALL, DType.BF16, new CpuKernels(ElementType.F32, 2), 1, sequences);
      assertThat(result.bytesPerStep()).isEqualTo(2 * SMALL.linearWeights());
      assertThat(result.tokensPerSecond()).isEqualTo(sequences * result.stepsPerSecond());
      assertThat(result.ratio()).isPositive();
      JsonNode json = JsonMapper.shared().readTree(result.json());
      assertThat(json.get("sequences").intValue()).isEqualTo(sequences);
      assertThat(json.get("achieved_bytes_per_second").doubleValue())
          .isEqualTo(result.stepsPerSecond() * result.bytesPerStep());
      assertThat(json.get("prefill_ratio").doubleValue()).isPositive();
    }
  }

  @Test
  void aPromptsFlopsAreThoseOfTheDefinition() {
    BenchShape tinyLlama = new BenchShape(4, 2048, 5632, 32, 4, 32_000, 512, 16);
    long head = 32_000L * 2048;
    assertThat(tinyLlama.prefillFlops())
        .isEqualTo(2 * (241_696_768L - head) * 512 + 2 * head + 4 * 2L * 32 * 64 * 512 * 513);
  }

  @Test
  void shapesThatNoModelHasAreRefused() {
    assertThatThrownBy(() -> new BenchShape(2, 30, 48, 4, 2, 61, 33, 4))
        .isInstanceOf(UserException.class)
        .hasMessageContaining("--hidden 30");
    assertThatThrownBy(() -> new BenchShape(2, 32, 48, 4, 3, 61, 33, 4))
        .hasMessageContaining("--kv-heads 3");
    assertThatThrownBy(() -> new BenchShape(2, 32, 48, 4, 2, 61, 1, 4))
        .hasMessageContaining("--tokens");
    assertThatThrownBy(() -> new BenchShape(2, 32, 48, 4, 2, 61, 33, 1, 4))
        .hasMessageContaining("--sequence");
  }

  @Test
  void theMedianIsTheMiddle() {
    assertThat(TrainingBenchmark.median(new double[] {9, 1, 2})).isEqualTo(2);
    assertThat(TrainingBenchmark.median(new double[] {9, 1, 2, 4})).isEqualTo(3);
  }
}
