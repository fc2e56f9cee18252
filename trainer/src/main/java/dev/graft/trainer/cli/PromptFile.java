package dev.graft.trainer.cli;

import dev.graft.tokenizer.ChatFormats;
import dev.graft.tokenizer.PromptReader;
import dev.graft.tokenizer.PromptRow;
import dev.graft.trainer.config.UserException;
import dev.graft.trainer.console.Console;
import dev.graft.trainer.generate.Answer;
import dev.graft.trainer.generate.AnswerFile;
import dev.graft.trainer.generate.Generator;
import dev.graft.trainer.generate.Prompt;
import dev.graft.trainer.generate.Sampling;
import dev.graft.trainer.generate.TextGeneration;
import dev.graft.trainer.runs.StopSignal;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Answers a file of prompts with a file of answers, and goes on where it was broken off. */
final class PromptFile {

  private static final double SECONDS_BETWEEN_LINES = 10;

  private PromptFile() {}

  /**
   * All that an answer depends on.
   *
   * @param chat whether a prompt that is a text is a person's message
   */
  record Settings(
      String base,
      Optional<Path> adapter,
      boolean chat,
      String template,
      int maxTokens,
      Sampling sampling,
      long seed,
      List<String> overrides) {

    Map<String, String> inWords() {
      Map<String, String> words = new LinkedHashMap<>();
      words.put("--base", base);
      words.put("--adapter", adapter.map(Path::toString).orElse("none"));
      words.put("--chat", String.valueOf(chat));
      words.put("--template", template);
      words.put("--max-tokens", String.valueOf(maxTokens));
      words.put("--temperature", String.valueOf(sampling.temperature()));
      words.put("--top-p", String.valueOf(sampling.topP()));
      words.put("--seed", String.valueOf(seed));
      words.put("--set", String.join(" ", overrides));
      return words;
    }
  }

  /** The command's exit code: 0 also where it was asked to stop, as it can go on later. */
  static int answer(
      Generator generator,
      Path input,
      Path output,
      boolean overwrite,
      Settings settings,
      int batch,
      Console console,
      StopSignal stop) {
    List<PromptRow> rows = PromptReader.read(input);
    List<Prompt> prompts = prompts(generator, rows, settings, console);
    try (AnswerFile file = AnswerFile.open(output, overwrite, rows, settings.inWords())) {
      int first = file.written();
      if (first > 0) {
        console.say("answers  %,d of %,d are there already".formatted(first, rows.size()));
      }
      Progress progress = new Progress(console, first, rows.size());
      generator.generateAll(
          prompts.subList(first, prompts.size()),
          settings.sampling,
          batch,
          answer -> {
            if (answer.end() != TextGeneration.End.STOPPED) {
              file.add(first + answer.index(), answer);
              progress.after(answer);
            }
          },
          stop::requested);
      if (file.finish()) {
        console.result("answers  %,d in %s%s".formatted(rows.size(), output, progress.rate()));
      } else {
        console.result(
            "answers  %,d of %,d in %s; the same command goes on with it"
                .formatted(file.written(), rows.size(), file.part()));
      }
      return 0;
    }
  }

  private static List<Prompt> prompts(
      Generator generator, List<PromptRow> rows, Settings settings, Console console) {
    boolean chats =
        settings.chat
            || rows.stream().anyMatch(row -> row.prompt() instanceof PromptRow.Prompt.Messages);
    ChatFormats.@Nullable Choice format = null;
    if (chats) {
      format = generator.chatFormat(settings.template);
      console.say("prompts  chat format: " + format.reason());
    }
    List<Prompt> prompts = new ArrayList<>();
    for (PromptRow row : rows) {
      int[] ids = ids(generator, row, format, settings.chat);
      if (ids.length >= generator.longest()) {
        throw new UserException(
            "%s: the prompt has %d tokens, but the base model reads and writes %d in all. Shorten it."
                .formatted(row.origin(), ids.length, generator.longest()));
      }
      prompts.add(new Prompt(ids, settings.maxTokens, settings.seed + prompts.size()));
    }
    console.say(
        "prompts  %,d, the longest of %,d tokens"
            .formatted(
                prompts.size(), prompts.stream().mapToInt(p -> p.ids().length).max().orElse(0)));
    return prompts;
  }

  private static int[] ids(
      Generator generator, PromptRow row, ChatFormats.@Nullable Choice format, boolean chat) {
    return switch (row.prompt()) {
      case PromptRow.Prompt.Messages messages when format != null ->
          generator.conversation(messages.messages(), format);
      case PromptRow.Prompt.Text text when chat && format != null ->
          generator.question(text.text(), format);
      case PromptRow.Prompt.Text text -> generator.continuation(text.text());
      case PromptRow.Prompt.Messages _ -> throw new IllegalStateException("no chat format");
    };
  }

  /** How far it is, a line now and then. */
  private static final class Progress {
    private final Console console;
    private final int all;
    private final long start = System.nanoTime();
    private double lastLine;
    private int answered;
    private final int before;
    private long tokens;

    Progress(Console console, int before, int all) {
      this.console = console;
      this.before = before;
      this.all = all;
    }

    void after(Answer answer) {
      answered++;
      tokens += answer.ids().length;
      double seconds = seconds();
      if (seconds - lastLine >= SECONDS_BETWEEN_LINES) {
        lastLine = seconds;
        double left = seconds / answered * (all - before - answered);
        console.say(
            String.format(
                Locale.ROOT,
                "answers  %,d of %,d, %.1f tokens/s, about %s left",
                before + answered,
                all,
                tokens / seconds,
                left < 90 ? "%.0f s".formatted(left) : "%.0f min".formatted(left / 60)));
      }
    }

    private double seconds() {
      return (System.nanoTime() - start) / 1e9;
    }

    String rate() {
      return answered == 0
          ? ""
          : String.format(Locale.ROOT, ", %,d tokens at %.1f tokens/s", tokens, tokens / seconds());
    }
  }
}
