package dev.graft.trainer.cli;

import dev.graft.modelio.gguf.GgmlType;
import dev.graft.trainer.console.Console;
import dev.graft.trainer.export.Export;
import dev.graft.trainer.export.ExportSource;
import dev.graft.trainer.export.ExportTarget;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code graft export}. */
@Command(
    name = "export",
    description = {
      "Writes an adapter or a model for servers, and proves that the files say what the trainer"
          + " says.",
      ""
    },
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    footer = {
      "",
      "  peft         a PEFT folder with tokenizer, chat template, model card: vLLM, TGI, LMI",
      "  gguf         a GGUF LoRA adapter: llama.cpp",
      "  merged       a Hugging Face checkpoint with the adapter merged in, in the base's type",
      "  gguf-merged  a whole GGUF model: llama.cpp runs it alone",
      "  ollama       a Modelfile, the base as GGUF, and the adapter as GGUF",
      "",
      "A whole model (method: full, or any checkpoint) has no adapter: merged and gguf-merged.",
      "",
      "The files are read back and run on prompts of the run's validation data; parity.json holds",
      "what was measured. If they do not say the same, nothing is left, and the exit code is 2.",
      "",
      "Examples:",
      "  ./graft export runs/quickstart --to peft,gguf --out exports/quickstart",
      "  ./graft export runs/quickstart --to gguf-merged --gguf-type bf16,q8_0 \\",
      "    --out exports/quickstart-gguf",
      "  ./graft export runs/quickstart/adapter --base configs/quickstart/model --to ollama \\",
      "    --out exports/quickstart-ollama"
    })
final class ExportCommand implements Callable<Integer> {

  @Parameters(
      paramLabel = "RUN_OR_ADAPTER",
      description = "A run's folder, or the folder of a PEFT adapter or of a model.")
  private Path source = Path.of("");

  @Option(
      names = "--to",
      required = true,
      split = ",",
      paramLabel = "TARGET",
      description = "peft, gguf, merged, gguf-merged, ollama; several with commas.")
  private List<String> targets = new ArrayList<>();

  @Option(
      names = "--base",
      paramLabel = "DIR",
      description = "The base model; default: the one that the run or the adapter names.")
  private @Nullable String base;

  @Option(
      names = "--out",
      required = true,
      paramLabel = "DIR",
      description = "A new folder; a folder for each target goes into it.")
  private Path out = Path.of("");

  @Option(
      names = "--gguf-type",
      split = ",",
      paramLabel = "TYPE",
      description =
          "f32, f16, bf16 or q8_0, for whole GGUF models; several with commas; default: the"
              + " base's own type.")
  private List<String> types = new ArrayList<>();

  @Option(names = "--quiet", description = "Only warnings and where the export is.")
  private boolean quiet;

  @Override
  public Integer call() {
    Export.run(
        ExportSource.of(source, Optional.ofNullable(base)),
        ExportTarget.parse(targets),
        types.stream().map(GgmlType::parse).distinct().toList(),
        out,
        Console.ofProcess(quiet));
    return 0;
  }
}
