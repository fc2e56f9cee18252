package dev.graft.trainer.cli;

import dev.graft.modelio.inspect.Inspection;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;
import tools.jackson.databind.json.JsonMapper;

/** {@code graft inspect}. */
@Command(
    name = "inspect",
    description = {"Shows what checkpoints, adapters and GGUF files hold.", ""},
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    footer = {
      "",
      "Examples:",
      "  ./graft inspect configs/quickstart/model runs/quickstart/adapter",
      "  ./graft inspect exports/quickstart/gguf/adapter.gguf --json"
    })
final class InspectCommand implements Callable<Integer> {

  @Spec private CommandSpec spec = CommandSpec.create();

  @Parameters(
      arity = "1..*",
      paramLabel = "FILE_OR_DIR",
      description =
          "A .safetensors or .gguf file, or the folder of a checkpoint or an adapter; several, one"
              + " after the other.")
  private List<Path> paths = List.of();

  @Option(names = "--json", description = "For programs: an object, or a list of several.")
  private boolean json;

  @Override
  public Integer call() {
    // All are read before anything is printed, so that a wrong path is not found half-way.
    List<Inspection> inspections = paths.stream().map(Inspection::of).toList();
    PrintWriter out = spec.commandLine().getOut();
    if (json) {
      List<Map<String, Object>> all = inspections.stream().map(InspectCommand::asJson).toList();
      Object root = all.size() == 1 ? all.getFirst() : all;
      out.print(JsonMapper.shared().writeValueAsString(root) + "\n");
    } else {
      for (int i = 0; i < inspections.size(); i++) {
        out.print(i > 0 ? "\n" : "");
        print(inspections.get(i), out);
      }
    }
    out.flush();
    return 0;
  }

  private static Map<String, Object> asJson(Inspection inspection) {
    var root = new LinkedHashMap<String, Object>();
    root.put("path", inspection.path().toString());
    root.put("kind", inspection.kind());
    root.put("files", inspection.files().stream().map(Path::toString).toList());
    root.put("parameters", inspection.parameters());
    root.put("parameters_by_type", inspection.parametersByType());
    root.put("bytes", inspection.bytes());
    root.put("metadata", inspection.metadata());
    root.put("tensors", inspection.tensors());
    return root;
  }

  private static void print(Inspection inspection, PrintWriter out) {
    out.println("path        " + inspection.path());
    out.println("kind        " + inspection.kind());
    out.println(
        "parameters  %,d in %,d tensors, %,d bytes in %d files"
            .formatted(
                inspection.parameters(),
                inspection.tensors().size(),
                inspection.bytes(),
                inspection.files().size()));
    out.println(
        "types       "
            + inspection.parametersByType().entrySet().stream()
                .map(type -> "%s %,d".formatted(type.getKey(), type.getValue()))
                .collect(Collectors.joining(", ")));
    out.println();
    int widest = longest(inspection.metadata().keySet().stream().mapToInt(String::length));
    inspection
        .metadata()
        .forEach((key, value) -> out.println(("%-" + widest + "s  %s").formatted(key, value)));
    out.println();
    int name = longest(inspection.tensors().stream().mapToInt(t -> t.name().length()));
    for (Inspection.Tensor tensor : inspection.tensors()) {
      out.println(
          ("%-" + name + "s  %-6s  %-16s  %,14d bytes")
              .formatted(tensor.name(), tensor.type(), tensor.shape(), tensor.bytes()));
    }
  }

  private static int longest(java.util.stream.IntStream lengths) {
    return Math.max(1, lengths.max().orElse(1));
  }
}
