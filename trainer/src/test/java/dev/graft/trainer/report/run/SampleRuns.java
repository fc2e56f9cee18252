package dev.graft.trainer.report.run;

import dev.graft.trainer.config.ConfigView;
import dev.graft.trainer.runs.EvaluationMetrics;
import dev.graft.trainer.runs.Metrics;
import dev.graft.trainer.runs.RunRecord;
import dev.graft.trainer.runs.RunStatus;
import dev.graft.trainer.runs.Sample;
import dev.graft.trainer.runs.StepMetrics;
import dev.graft.trainer.runs.StoredRun;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Random;
import java.util.stream.IntStream;

/** Runs for pages to be about, whose every text would do harm if it were not escaped. */
final class SampleRuns {

  static final String HOSTILE =
      "</script><img src=x onerror=alert(1)> & \"it's\" <b>" + "w".repeat(90);

  private SampleRuns() {}

  /** A run of so many steps; the loss of every 997th is not finite. */
  static StoredRun run(String name, int steps, RunStatus status) {
    Random random = new Random(7);
    var lines = new ArrayList<StepMetrics>();
    var evaluations = new ArrayList<EvaluationMetrics>();
    for (int step = 0; step <= steps; step++) {
      double loss = 0.4 + 3 * Math.exp(-8.0 * step / steps);
      if (step > 0) {
        double noisy = step % 997 == 0 ? Double.NaN : loss * (1 + 0.2 * random.nextGaussian());
        lines.add(
            new StepMetrics(
                step,
                step / 50.0,
                noisy,
                1 + random.nextDouble(),
                2e-4 * (1 - 0.9 * step / steps),
                900,
                1000,
                400 + random.nextInt(50),
                step % 997 == 0));
      }
      if (step % Math.max(1, steps / 40) == 0) {
        evaluations.add(new EvaluationMetrics(step, step / 50.0, loss + 0.05, 5000, 2.5));
      }
    }
    return new StoredRun(
        Path.of("runs", name),
        ConfigView.of(
            """
            base: /models/llama %s
            data:
              train: [/data/a.jsonl, /data/b.jsonl]
              format: auto
            lora:
              rank: %d
            training:
              learning-rate: 0.0002
            """
                .formatted("x".repeat(120), name.length())),
        Optional.of(record(status, steps)),
        status,
        new Metrics(lines, evaluations));
  }

  private static RunRecord record(RunStatus status, int steps) {
    return new RunRecord(
        RunRecord.VERSION,
        status,
        status == RunStatus.DIVERGED ? HOSTILE : "",
        "2026-05-04T12:00:00Z",
        List.of("2026-05-05T12:00:00Z"),
        "2026-05-06T12:00:00Z",
        steps,
        50,
        OptionalInt.of(steps),
        new RunRecord.Facts(
            Map.of("base", HOSTILE),
            new RunRecord.Data(9000, 1000, 2048, 5_000_000, 1_000_000, List.of(HOSTILE)),
            new RunRecord.Memory(
                Map.of(HOSTILE, 1_000_000_000L),
                1_500_000_000L,
                16_000_000_000L,
                OptionalLong.of(32_000_000_000L)),
            Map.of("graft", HOSTILE)));
  }

  /** Answers of three evaluations to so many examples. */
  static List<Sample> samples(int examples, int lastStep) {
    return IntStream.of(0, lastStep / 2, lastStep)
        .boxed()
        .flatMap(step ->
            IntStream.range(0, examples)
                .mapToObj(i ->
                    new Sample(
                        step,
                        step / 50.0,
                        i,
                        HOSTILE,
                        HOSTILE.repeat(200),
                        HOSTILE,
                        i == 0 ? "" : HOSTILE,
                        "answer " + step)))
        .toList();
  }
}
