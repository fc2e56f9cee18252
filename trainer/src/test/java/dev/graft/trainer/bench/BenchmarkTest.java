package dev.graft.trainer.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.graft.modelio.DType;
import dev.graft.trainer.config.UserException;
import dev.graft.trainer.kernels.cpu.CpuKernels;
import dev.graft.trainer.tensor.ElementType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
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
        TrainingBenchmark.run(SMALL, DType.BF16, new CpuKernels(ElementType.F32, 2), 3);
    assertThat(temporaryFolders()).isEqualTo(before);
    assertThat(result.rawGflops()).isPositive();
    assertThat(result.ratio()).isBetween(0.0, 2.0);
    // ln 61 = 4.1 for a model that knows nothing.
    assertThat(result.loss()).isBetween(3.0, 5.5);
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
  void jsonHasTheKeysThatOthersRead() {
    BenchResult result =
        TrainingBenchmark.run(SMALL, DType.F32, new CpuKernels(ElementType.F32, 2), 1);
    JsonNode json = JsonMapper.shared().readTree(result.json());
    assertThat(json.propertyNames())
        .contains(
            "raw_gflops", "step_gflops", "ratio", "tokens_per_second", "peak_bytes", "kernels");
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
  }

  @Test
  void theMedianIsTheMiddle() {
    assertThat(TrainingBenchmark.median(new double[] {9, 1, 2})).isEqualTo(2);
    assertThat(TrainingBenchmark.median(new double[] {9, 1, 2, 4})).isEqualTo(3);
  }
}
