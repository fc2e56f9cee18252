package dev.graft.trainer.cli;

import dev.graft.modelio.AsideFile;
import dev.graft.tokenizer.ConversationReader;
import dev.graft.tokenizer.DataException;
import dev.graft.tokenizer.DataFormat;
import dev.graft.tokenizer.DataRow;
import dev.graft.tokenizer.split.RowWriter;
import dev.graft.trainer.config.UserException;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.Writer;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code graft convert}. */
@Command(
    name = "convert",
    description = {"Writes data in another format, losing nothing, or refuses.", ""},
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    footer = {
      "",
      "Example:",
      "  ./graft convert configs/quickstart/train.jsonl --to messages runs/messages.jsonl"
    })
final class ConvertCommand implements Callable<Integer> {

  @Spec private CommandSpec spec = CommandSpec.create();

  @Parameters(index = "0", paramLabel = "IN", description = "The data, of any format.")
  private Path in = Path.of("");

  @Parameters(index = "1", paramLabel = "OUT", description = "The JSON lines to write.")
  private Path out = Path.of("");

  @Option(
      names = "--to",
      required = true,
      paramLabel = "FORMAT",
      description = "conversations or messages (OpenAI).")
  private String to = "";

  @Option(
      names = "--allow-loss",
      description =
          "Convert also what cannot be converted back: joined parts, inputs, tool blocks.")
  private boolean allowLoss;

  @Option(names = "--overwrite", description = "Replace OUT if it is there already.")
  private boolean overwrite;

  @Option(
      names = "--format",
      paramLabel = "FORMAT",
      defaultValue = "auto",
      description = "What IN is; default: what its first row looks like.")
  private String format = "auto";

  @Option(
      names = "--column",
      paramLabel = "NAME=COLUMN",
      description = "What a key is called in IN: --column prompt=Question. May be repeated.")
  private Map<String, String> columns = new LinkedHashMap<>();

  @Override
  public Integer call() throws IOException {
    DataFormat target = DataFormat.parse(to);
    if (target != DataFormat.CONVERSATIONS && target != DataFormat.MESSAGES) {
      throw new UserException("--to: is '" + to + "', conversations or messages is needed");
    }
    if (Files.exists(out) && !overwrite) {
      throw new UserException(out + " is there already. Name another file, or --overwrite.");
    }
    Files.createDirectories(SplitCommand.parent(out));
    long[] rows = {0};
    AsideFile.write(out.toAbsolutePath(), channel -> rows[0] = write(target, channel));
    PrintWriter console = spec.commandLine().getOut();
    console.println("%,d rows: %s".formatted(rows[0], out));
    console.flush();
    return 0;
  }

  /** Row by row, so that a file may be larger than memory. */
  private long write(DataFormat target, FileChannel channel) throws IOException {
    long rows = 0;
    Writer lines = new BufferedWriter(Channels.newWriter(channel, StandardCharsets.UTF_8));
    try (ConversationReader reader =
        ConversationReader.openUnread(in, DataFormat.parse(format), columns)) {
      for (DataRow row = reader.read(); row != null; row = reader.read()) {
        lines.write(allowLoss ? RowWriter.lossy(row, target) : RowWriter.lossless(row, target));
        lines.write('\n');
        rows++;
      }
    }
    lines.flush();
    if (rows == 0) {
      throw new DataException(in + " holds no rows, so there is nothing to convert.");
    }
    return rows;
  }
}
