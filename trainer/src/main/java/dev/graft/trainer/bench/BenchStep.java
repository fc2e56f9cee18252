package dev.graft.trainer.bench;

import dev.graft.modelio.Projection;
import dev.graft.modelio.peft.PeftConfig;
import dev.graft.trainer.config.OptimizerKind;
import dev.graft.trainer.config.OptimizerSettings;
import dev.graft.trainer.config.Recompute;
import dev.graft.trainer.config.Schedule;
import dev.graft.trainer.data.StepBatch;
import dev.graft.trainer.kernels.Kernels;
import dev.graft.trainer.lora.LoraAdapter;
import dev.graft.trainer.model.TokenBatch;
import dev.graft.trainer.optim.DeviceAdamW;
import dev.graft.trainer.optim.HostUpdates;
import dev.graft.trainer.optim.LearningRateSchedule;
import dev.graft.trainer.optim.Optimizer;
import dev.graft.trainer.optim.ParameterUpdates;
import dev.graft.trainer.runs.AtomicFiles;
import dev.graft.trainer.train.Trainer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** Optimizer steps on one micro-batch of random tokens: a run's steps, {@link Trainer#step}. */
final class BenchStep {

  private static final double LEARNING_RATE = 1e-4;
  private static final double MAX_GRAD_NORM = 1;
  private static final long SEED = 1;
  private static final OptimizerSettings OPTIMIZER = OptimizerSettings.of(OptimizerKind.ADAMW, 0);

  private final List<int[]> sequences;
  private final LoraAdapter adapter;
  private final Trainer trainer;
  private final StepBatch batch;
  private final List<Double> losses = new ArrayList<>();

  BenchStep(BenchModel bench, BenchShape shape, Recompute recompute) {
    PeftConfig config =
        PeftConfig.of(
            shape.rank(), 2 * shape.rank(), 0, List.of(Projection.values()), false, "bench");
    this.sequences = sequences(shape);
    this.adapter = LoraAdapter.initialized(config, bench.model(), SEED);
    this.trainer =
        new Trainer(
            bench.model().trainingPass(shape.tokens(), adapter.ranks(), false, recompute),
            adapter,
            updates(bench.kernels(), adapter),
            new LearningRateSchedule(Schedule.CONSTANT, LEARNING_RATE, 0, Integer.MAX_VALUE),
            0,
            0,
            SEED,
            MAX_GRAD_NORM);
    this.batch = new StepBatch(0, List.of(0), List.of(batch(sequences)));
  }

  private static List<int[]> sequences(BenchShape shape) {
    Random random = new Random(SEED);
    List<int[]> sequences = new ArrayList<>();
    for (int from = 0; from < shape.tokens(); from += shape.sequence()) {
      int length = Math.min(shape.sequence(), shape.tokens() - from);
      sequences.add(random.ints(length, 0, shape.vocabulary()).toArray());
    }
    return sequences;
  }

  /** The one a run would use. */
  private static ParameterUpdates updates(Kernels kernels, LoraAdapter adapter) {
    return DeviceAdamW.serves(kernels, adapter, OPTIMIZER)
        ? new DeviceAdamW(kernels, adapter, OPTIMIZER, 1)
        : new HostUpdates(adapter, Optimizer.of(OPTIMIZER, adapter.groups(), 1));
  }

  /** All tokens are targets, but for the first of each sequence, which nothing precedes. */
  private static TokenBatch batch(List<int[]> sequences) {
    List<TokenBatch.Sequence> all = new ArrayList<>();
    for (int[] ids : sequences) {
      boolean[] target = new boolean[ids.length];
      Arrays.fill(target, true);
      all.add(new TokenBatch.Sequence(ids, target));
    }
    return TokenBatch.of(all);
  }

  /**
   * Writes what somebody else needs to take the same steps: the adapter as it is now, in {@code
   * adapter}, and everything but the weights, in {@code step.json}.
   */
  void keep(Path folder) {
    adapter.toPeft().write(folder.resolve("adapter"), true);
    ObjectNode json = JsonMapper.shared().createObjectNode();
    json.put("learning_rate", LEARNING_RATE);
    json.put("beta1", OPTIMIZER.beta1());
    json.put("beta2", OPTIMIZER.beta2());
    json.put("epsilon", OPTIMIZER.epsilon());
    json.put("weight_decay", OPTIMIZER.weightDecay());
    json.put("max_grad_norm", MAX_GRAD_NORM);
    ArrayNode lists = json.putArray("sequences");
    for (int[] ids : sequences) {
      ArrayNode list = lists.addArray();
      Arrays.stream(ids).forEach(list::add);
    }
    try {
      AtomicFiles.writeText(folder.resolve("step.json"), json + "\n");
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  void run() {
    losses.add(trainer.step(losses.size(), batch).loss());
  }

  /** The mean loss over the targets of each step so far, before its update. */
  List<Double> losses() {
    return List.copyOf(losses);
  }
}
