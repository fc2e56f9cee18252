package dev.graft.trainer.cli;

import dev.graft.modelio.DType;
import dev.graft.trainer.bench.BenchResult;
import dev.graft.trainer.bench.BenchShape;
import dev.graft.trainer.bench.DecodeBenchmark;
import dev.graft.trainer.bench.DecodeResult;
import dev.graft.trainer.bench.TrainingBenchmark;
import dev.graft.trainer.config.DeviceChoice;
import dev.graft.trainer.config.KernelsChoice;
import dev.graft.trainer.config.Precision;
import dev.graft.trainer.config.Recompute;
import dev.graft.trainer.config.UserException;
import dev.graft.trainer.generate.Generator;
import dev.graft.trainer.kernels.Kernels;
import dev.graft.trainer.runs.AtomicFiles;
import dev.graft.trainer.runtime.Hardware;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code graft bench}. */
@Command(
    name = "bench",
    description = {
      "Measures training steps, or generation, on random weights, beside what the machine could"
          + " do.",
      ""
    },
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    footer = {
      "",
      "The weights go to a temporary folder (java.io.tmpdir) and are deleted afterwards, but for",
      "those of --keep.",
      "",
      "Examples:",
      "  ./graft bench",
      "  ./graft bench --precision f32 --tokens 128 --json bench.json",
      "  ./graft bench --device cuda --tokens 8192 --sequence 4096 --peak --keep same-steps",
      "  ./graft bench --decode --tokens 64",
      "  ./graft bench --decode --tokens 64 --batch 16"
    })
final class BenchCommand implements Callable<Integer> {

  @Spec private CommandSpec spec = CommandSpec.create();

  @Option(names = "--layers", defaultValue = "4", description = "Decoder layers; ${DEFAULT-VALUE}.")
  private int layers;

  @Option(
      names = "--hidden",
      defaultValue = "2048",
      description = "Hidden size; ${DEFAULT-VALUE}, TinyLlama's.")
  private int hidden;

  @Option(
      names = "--intermediate",
      defaultValue = "5632",
      description = "Intermediate size of the MLP; ${DEFAULT-VALUE}.")
  private int intermediate;

  @Option(names = "--heads", defaultValue = "32", description = "Query heads; ${DEFAULT-VALUE}.")
  private int heads;

  @Option(
      names = "--kv-heads",
      defaultValue = "4",
      description = "Key and value heads; ${DEFAULT-VALUE}.")
  private int keyValueHeads;

  @Option(
      names = "--vocab",
      defaultValue = "32000",
      description = "Tokens in the vocabulary; ${DEFAULT-VALUE}.")
  private int vocabulary;

  @Option(
      names = "--tokens",
      defaultValue = "512",
      description = "Tokens of a micro-batch, or tokens to generate; ${DEFAULT-VALUE}.")
  private int tokens;

  @Option(
      names = "--sequence",
      paramLabel = "N",
      description = "Cut the tokens into sequences of so many; one sequence unless given.")
  private Optional<Integer> sequence = Optional.empty();

  @Option(names = "--rank", defaultValue = "16", description = "LoRA rank; ${DEFAULT-VALUE}.")
  private int rank;

  @Option(
      names = "--recompute",
      defaultValue = "none",
      description = "none, or layers: compute activations again instead of keeping them.")
  private Recompute recompute = Recompute.NONE;

  @Option(
      names = "--device",
      defaultValue = "auto",
      description = "auto, cpu or cuda; ${DEFAULT-VALUE}.")
  private DeviceChoice device = DeviceChoice.AUTO;

  @Option(
      names = "--precision",
      defaultValue = "auto",
      description = "bf16, f32, or auto: what this machine multiplies natively.")
  private Precision precision = Precision.AUTO;

  @Option(
      names = "--weights",
      description = "Type of the base weights: bf16 or f32; f32 with --precision f32, else bf16.")
  private Optional<Precision> weights = Optional.empty();

  @Option(
      names = "--rounds",
      defaultValue = "5",
      description = "How often it is measured; the median counts; ${DEFAULT-VALUE}.")
  private int rounds;

  @Option(
      names = "--peak",
      description =
          "Measure a product of two 8192 x 8192 matrices, too, and hold steps against it.")
  private boolean peak;

  @Option(
      names = "--keep",
      paramLabel = "FOLDER",
      description = {
        "Leave the checkpoint (model), the adapter before its first step (adapter, for PEFT) and",
        "the tokens (step.json) there, so that others can take the same steps. A checkpoint of",
        "the same shape that is there already is used."
      })
  private Optional<Path> keep = Optional.empty();

  @Option(names = "--decode", description = "Generate token by token instead of training.")
  private boolean decode;

  @Option(
      names = "--batch",
      paramLabel = "N",
      defaultValue = "1",
      description = "With --decode: sequences that are generated at once; ${DEFAULT-VALUE}.")
  private int batch;

  @Option(names = "--json", paramLabel = "FILE", description = "Write the result there, too.")
  private Optional<Path> json = Optional.empty();

  @Override
  public Integer call() throws IOException {
    if (rounds < 1) {
      throw new UserException("--rounds is %d, has to be at least 1.".formatted(rounds));
    }
    if (batch < 1 || batch > Generator.MOST_AT_ONCE) {
      throw new UserException(
          "--batch is %d, has to be 1 to %d.".formatted(batch, Generator.MOST_AT_ONCE));
    }
    if (batch > 1 && !decode) {
      throw new UserException("--batch is for --decode.");
    }
    if (decode && (peak || keep.isPresent() || sequence.isPresent())) {
      throw new UserException("--peak, --keep and --sequence are for training steps.");
    }
    if (decode && device == DeviceChoice.CUDA) {
      throw new UserException(
          "--decode is held against the processor's memory; with --device cuda there is none to hold it against yet.");
    }
    BenchShape shape =
        new BenchShape(
            layers,
            hidden,
            intermediate,
            heads,
            keyValueHeads,
            vocabulary,
            tokens,
            sequence.orElse(tokens),
            rank);
    Kernels kernels = Hardware.open(precision, device, KernelsChoice.AUTO);
    PrintWriter out = spec.commandLine().getOut();
    if (decode) {
      DecodeResult result = DecodeBenchmark.run(shape, weightType(), kernels, rounds, batch);
      report(out, result.table(), result.json());
    } else {
      BenchResult result = TrainingBenchmark.run(shape, kernels, options());
      report(out, result.table(), result.json());
    }
    return 0;
  }

  private TrainingBenchmark.Options options() {
    return new TrainingBenchmark.Options(
        weightType(),
        rounds,
        recompute,
        peak ? Optional.of(TrainingBenchmark.PEAK_SIZE) : Optional.empty(),
        keep);
  }

  private DType weightType() {
    return switch (weights.orElse(precision)) {
      case F32 -> DType.F32;
      case BF16, AUTO -> DType.BF16;
    };
  }

  private void report(PrintWriter out, String table, String asJson) throws IOException {
    out.print(table);
    out.flush();
    if (json.isPresent()) {
      AtomicFiles.writeText(json.get(), asJson);
      out.println(String.format(Locale.ROOT, "json      %s", json.get()));
      out.flush();
    }
  }
}
