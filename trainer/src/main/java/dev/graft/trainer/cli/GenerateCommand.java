package dev.graft.trainer.cli;

import dev.graft.trainer.config.ConfigReader;
import dev.graft.trainer.config.HardwareConfig;
import dev.graft.trainer.config.UserException;
import dev.graft.trainer.console.Console;
import dev.graft.trainer.generate.Generator;
import dev.graft.trainer.generate.Sampler;
import dev.graft.trainer.generate.TextGeneration;
import dev.graft.trainer.runtime.BaseModel;
import dev.graft.trainer.runtime.Hardware;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code graft generate}: standard output holds the text and nothing else. */
@Command(
    name = "generate",
    description = {"Continues a text with a base model, with or without an adapter.", ""},
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    footer = {
      "",
      "The prompt is continued as it stands, after the model's BOS token where it has one. With",
      "--chat it is what a person says, and the text is the assistant's answer.",
      "",
      "Examples:",
      "  ./graft generate --base configs/quickstart/model --prompt \"\" --max-tokens 20",
      "  ./graft generate --base configs/quickstart/model --adapter runs/quickstart/adapter \\",
      "    --chat --prompt \"62-year-old man with a sore throat\" --temperature 0.7 --top-p 0.9"
    })
final class GenerateCommand implements Callable<Integer> {

  @Option(
      names = "--base",
      required = true,
      paramLabel = "DIR",
      description = "Folder of a Hugging Face checkpoint, or hf://org/name.")
  private String base = "";

  @Option(names = "--adapter", paramLabel = "DIR", description = "Folder of a PEFT adapter.")
  private @Nullable Path adapter;

  @Option(
      names = "--prompt",
      paramLabel = "TEXT",
      defaultValue = "",
      description = "What to continue; empty (the default) starts from BOS.")
  private String prompt = "";

  @Option(names = "--chat", description = "The prompt is a person's message to be answered.")
  private boolean chat;

  @Option(
      names = "--template",
      paramLabel = "TEMPLATE",
      defaultValue = "auto",
      description =
          "For --chat, as data.template: auto, llama3, llama2, mistral, chatml, zephyr, plain, or a"
              + " Jinja file (default: ${DEFAULT-VALUE}).")
  private String template = "auto";

  @Option(
      names = "--max-tokens",
      paramLabel = "N",
      defaultValue = "256",
      description = "At most so many new tokens (default: ${DEFAULT-VALUE}).")
  private int maxTokens;

  @Option(
      names = "--temperature",
      paramLabel = "T",
      defaultValue = "0",
      description = "0 always takes the likeliest token (default: ${DEFAULT-VALUE}).")
  private double temperature;

  @Option(
      names = "--top-p",
      paramLabel = "P",
      defaultValue = "1",
      description =
          "Draw from the likeliest tokens that together have this probability (default:"
              + " ${DEFAULT-VALUE}).")
  private double topP;

  @Option(
      names = "--seed",
      paramLabel = "S",
      defaultValue = "42",
      description = "The same seed draws the same text (default: ${DEFAULT-VALUE}).")
  private long seed;

  @Option(
      names = "--set",
      paramLabel = "KEY=VALUE",
      description = "precision, device or kernels as in a configuration: --set precision=f32.")
  private List<String> overrides = new ArrayList<>();

  @Override
  public Integer call() {
    HardwareConfig hardware = ConfigReader.hardware(overrides);
    check();
    // Whatever a library prints goes elsewhere.
    System.setOut(System.err);
    try (BaseModel model =
        BaseModel.open(
            base, Hardware.open(hardware.precision(), hardware.device(), hardware.kernels()))) {
      generate(model);
    }
    return 0;
  }

  private void check() {
    require(maxTokens >= 1, "--max-tokens %s: has to be at least 1", maxTokens);
    require(
        temperature >= 0 && Double.isFinite(temperature),
        "--temperature %s: has to be at least 0",
        temperature);
    require(topP > 0 && topP <= 1, "--top-p %s: has to be above 0 and at most 1", topP);
    require(!chat || !prompt.isEmpty(), "--chat: needs a --prompt");
  }

  @SuppressWarnings("AnnotateFormatMethod")
  private static void require(boolean holds, String problem, Object... arguments) {
    if (!holds) {
      throw new UserException(problem.formatted(arguments));
    }
  }

  private void generate(BaseModel model) {
    var generator = new Generator(model, Optional.ofNullable(adapter));
    int[] tokens = chat ? generator.question(prompt, template) : generator.continuation(prompt);
    int longest = model.config().maxPositionEmbeddings();
    int room = longest - tokens.length;
    require(
        room > 0,
        "--prompt: has %d tokens, but the base model reads and writes %d in all",
        tokens.length,
        longest);
    // Not closed: the process's standard output is not ours to close.
    var out =
        new PrintStream(new FileOutputStream(FileDescriptor.out), false, StandardCharsets.UTF_8);
    TextGeneration.Result result =
        generator.generate(
            tokens,
            new Sampler(temperature, topP, seed),
            Math.min(maxTokens, room),
            piece -> {
              out.print(piece);
              out.flush();
            },
            out::checkError);
    if (Console.isTerminal()) {
      out.println();
      out.flush();
    }
    if (result.generatedTokens() == room && room < maxTokens) {
      System.err.println(
          "note: ended at %d tokens, the longest text that the base model is made for"
              .formatted(longest));
    }
  }
}
