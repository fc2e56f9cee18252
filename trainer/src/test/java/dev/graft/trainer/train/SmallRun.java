package dev.graft.trainer.train;

import dev.graft.modelio.DType;
import dev.graft.modelio.checkpoint.RandomCheckpoint;
import dev.graft.trainer.config.ConfigReader;
import dev.graft.trainer.config.RunConfig;
import dev.graft.trainer.console.Console;
import dev.graft.trainer.runs.StopSignal;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/**
 * A small random Mistral (bfloat16, in shards, with a window and its own head_dim), data in which
 * each token follows from the one before, and a configuration of a dozen steps.
 */
public final class SmallRun {

  static final int VOCABULARY = 83;

  private final Path folder;

  public SmallRun(Path folder) throws IOException {
    this.folder = folder;
    RandomCheckpoint.mistral()
        .hiddenSize(40)
        .intermediateSize(56)
        .layers(2)
        .heads(4)
        .kvHeads(2)
        .headDim(14)
        .vocabSize(VOCABULARY)
        .slidingWindow(9)
        .dtype(DType.BF16)
        .maxShardBytes(20_000)
        .seed(5)
        .write(base());
    Files.writeString(data(), rows(31));
  }

  Path base() {
    return folder.resolve("base");
  }

  Path data() {
    return folder.resolve("data.jsonl");
  }

  public Path output(String name) {
    return folder.resolve(name);
  }

  /** Sequences in which each token follows from the one before, so that there is much to learn. */
  static String rows(int count) {
    Random random = new Random(41);
    var lines = new StringBuilder();
    for (int row = 0; row < count; row++) {
      int[] ids = new int[5 + random.nextInt(20)];
      int[] labels = new int[ids.length];
      ids[0] = random.nextInt(VOCABULARY);
      labels[0] = -100;
      for (int i = 1; i < ids.length; i++) {
        ids[i] = (ids[i - 1] * 5 + 3) % VOCABULARY;
        labels[i] = i < 3 ? -100 : ids[i];
      }
      lines.append("{\"input_ids\":%s,\"labels\":%s}\n".formatted(list(ids), list(labels)));
    }
    return lines.toString();
  }

  private static String list(int[] values) {
    return Arrays.toString(values).replace(" ", "");
  }

  /** A run's configuration file; every run has the same name, whatever its output. */
  public Path yaml(String output) throws IOException {
    Path yaml = folder.resolve("run.yaml");
    Files.writeString(
        yaml,
        """
        base: %s
        data:
          train: %s
          validation-split: 0.2
        lora:
          rank: 4
        training:
          max-steps: 12
          learning-rate: 0.02
          batch-size: 6
          micro-batch-tokens: 48
        checkpoint:
          every: 5
          keep: 2
        precision: f32
        output: %s
        """
            .formatted(base(), data(), output(output)));
    return yaml;
  }

  RunConfig config(String output, String... overrides) throws IOException {
    return ConfigReader.read(yaml(output), List.of(overrides));
  }

  public static RunResult run(RunConfig config) {
    return LoraFinetuning.run(config, RunStart.NEW, Console.silent(), new StopSignal());
  }
}
