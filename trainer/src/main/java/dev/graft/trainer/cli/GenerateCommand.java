package dev.graft.trainer.cli;

import dev.graft.trainer.config.ConfigReader;
import dev.graft.trainer.config.HardwareConfig;
import dev.graft.trainer.config.UserException;
import dev.graft.trainer.console.Console;
import dev.graft.trainer.generate.Generator;
import dev.graft.trainer.generate.Sampling;
import dev.graft.trainer.generate.TextGeneration;
import dev.graft.trainer.runs.StopSignal;
import dev.graft.trainer.runtime.BaseModel;
import dev.graft.trainer.runtime.Hardware;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code graft generate}: standard output holds the text and nothing else. */
@Command(
    name = "generate",
    description = {
      "Continues a text, or a file of prompts, with a base model, with or without an adapter.",
      ""
    },
    mixinStandardHelpOptions = true,
    versionProvider = Version.class,
    footer = {
      "",
      "The prompt is continued as it stands, after the model's BOS token where it has one. With",
      "--chat it is what a person says, and the text is the assistant's answer.",
      "",
      "A row of --input is {\"prompt\": \"...\"}, or a conversation: {\"messages\": [...]} or any",
      "other row that can be trained on, of which everything up to the last human message is the",
      "prompt and --chat is understood. A line of --output is the row with one more key,",
      "  \"generation\": {\"text\", \"finish_reason\", \"prompt_tokens\", \"completion_tokens\","
          + " \"seconds\"}",
      "Answers gather in OUTPUT.part. If the command is broken off, the same one goes on with it.",
      "An answer does not depend on --batch, nor on what else is in the file before or behind it.",
      "",
      "Examples:",
      "  ./graft generate --base configs/quickstart/model --prompt \"\" --max-tokens 20",
      "  ./graft generate --base configs/quickstart/model --adapter runs/quickstart/adapter \\",
      "    --chat --prompt \"62-year-old man with a sore throat\" --temperature 0.7 --top-p 0.9",
      "  ./graft generate --base configs/quickstart/model --adapter runs/quickstart/adapter \\",
      "    --input configs/quickstart/validation.jsonl --output answers.jsonl"
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
      description = "What to continue; empty (the default) starts from BOS.")
  private @Nullable String prompt;

  @Option(
      names = "--input",
      paramLabel = "FILE",
      description = "A file of prompts or conversations to answer instead, several at once.")
  private @Nullable Path input;

  @Option(names = "--output", paramLabel = "FILE", description = "Where --input is answered.")
  private @Nullable Path output;

  @Option(names = "--overwrite", description = "Replace an --output that is there already.")
  private boolean overwrite;

  @Option(
      names = "--batch",
      paramLabel = "N",
      defaultValue = "16",
      description =
          "With --input: so many are answered at once, fewer where memory asks for it (default:"
              + " ${DEFAULT-VALUE}).")
  private int batch;

  @Option(names = "--chat", description = "The prompt is a person's message to be answered.")
  private boolean chat;

  @Option(
      names = "--template",
      paramLabel = "TEMPLATE",
      defaultValue = "auto",
      description =
          "For chat: auto (what the adapter was trained with, or the base's own), llama3, llama2,"
              + " mistral, chatml, zephyr, plain, or a Jinja file (default: ${DEFAULT-VALUE}).")
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
      description =
          "The same seed draws the same text; row i of a file draws with S + i (default:"
              + " ${DEFAULT-VALUE}).")
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
    Console console = Console.ofProcess(false);
    try (BaseModel model =
        BaseModel.open(
            base, Hardware.open(hardware.precision(), hardware.device(), hardware.kernels()))) {
      Generator generator = new Generator(model, Optional.ofNullable(adapter));
      if (input == null) {
        generate(generator);
        return 0;
      }
      return file(generator, input, console);
    }
  }

  private void check() {
    require(maxTokens >= 1, "--max-tokens %s: has to be at least 1", maxTokens);
    require(
        temperature >= 0 && Double.isFinite(temperature),
        "--temperature %s: has to be at least 0",
        temperature);
    require(topP > 0 && topP <= 1, "--top-p %s: has to be above 0 and at most 1", topP);
    require(
        batch >= 1 && batch <= Generator.MOST_AT_ONCE,
        "--batch %d: has to be 1 to %d",
        batch,
        Generator.MOST_AT_ONCE);
    require((input == null) == (output == null), "--input and --output: give both or none");
    require(input == null || prompt == null, "--prompt or --input: give one of them");
    require(
        !chat || input != null || (prompt != null && !prompt.isEmpty()),
        "--chat: needs a --prompt");
  }

  @SuppressWarnings("AnnotateFormatMethod")
  private static void require(boolean holds, String problem, @Nullable Object... arguments) {
    if (!holds) {
      throw new UserException(problem.formatted(arguments));
    }
  }

  private int file(Generator generator, Path prompts, Console console) {
    StopSignal stop = new StopSignal();
    StopOnInterrupt.install(stop, console);
    var settings =
        new PromptFile.Settings(
            base,
            Optional.ofNullable(adapter),
            chat,
            template,
            maxTokens,
            new Sampling(temperature, topP),
            seed,
            overrides);
    return PromptFile.answer(
        generator,
        prompts,
        Objects.requireNonNull(output),
        overwrite,
        settings,
        batch,
        console,
        stop);
  }

  private void generate(Generator generator) {
    String text = prompt == null ? "" : prompt;
    int[] tokens =
        chat
            ? generator.question(text, generator.chatFormat(template))
            : generator.continuation(text);
    int longest = generator.longest();
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
            new Sampling(temperature, topP).sampler(seed),
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
