package dev.graft.trainer.cli;

import dev.graft.trainer.config.ConfigSchema;
import dev.graft.trainer.config.ConfigWriter;
import java.util.concurrent.Callable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code graft config}. */
@Command(
    name = "config",
    description = {"Prints what a configuration may hold.", ""},
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    footer = {
      "",
      "Examples:",
      "  ./graft config --defaults > my-run.yaml",
      "  ./graft config --schema > configs/graft.schema.json"
    })
final class ConfigCommand implements Callable<Integer> {

  @Spec private CommandSpec spec = CommandSpec.create();

  @ArgGroup(exclusive = true, multiplicity = "1")
  private What what = new What();

  /** One of them. */
  static final class What {
    @Option(
        names = "--defaults",
        required = true,
        description = "All keys with their defaults, as commented YAML.")
    private boolean defaults;

    @Option(
        names = "--schema",
        required = true,
        description = "The JSON schema, for editors that complete and check YAML.")
    private boolean schema;
  }

  @Override
  public Integer call() {
    var out = spec.commandLine().getOut();
    if (what.schema) {
      out.print(ConfigSchema.json());
    } else if (what.defaults) {
      out.print(ConfigWriter.defaults());
    }
    out.flush();
    return 0;
  }
}
