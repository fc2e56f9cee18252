package dev.graft.trainer.generate;

import dev.graft.tokenizer.PromptRow;
import dev.graft.trainer.config.UserException;
import java.io.BufferedWriter;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Answers as JSONL, a line for each prompt in the prompts' order: the prompt's row, and under
 * {@code generation} what came of it.
 *
 * <p>Lines gather in {@code FILE.part}, which gets its name when the last one is there. Its first
 * line says with which settings it was begun, so that only the same command goes on with it.
 */
public final class AnswerFile implements AutoCloseable {

  /** Under which an answer stands beside the row's own keys. */
  static final String KEY = "generation";

  private final Path target;
  private final Path part;
  private final List<PromptRow> rows;
  private final BufferedWriter out;
  private final Map<Integer, Answer> waiting = new TreeMap<>();
  private int written;

  private AnswerFile(
      Path target, Path part, List<PromptRow> rows, int written, BufferedWriter out) {
    this.target = target;
    this.part = part;
    this.rows = rows;
    this.written = written;
    this.out = out;
  }

  /**
   * Begins a file, or goes on with one that was broken off.
   *
   * @param settings what has to be the same for that, in words
   * @throws UserException if the file exists and is not to be replaced, or was begun otherwise
   */
  public static AnswerFile open(
      Path target, boolean overwrite, List<PromptRow> rows, Map<String, String> settings) {
    if (Files.exists(target) && !overwrite) {
      throw new UserException(
          target + " exists already. Choose another --output, or say --overwrite.");
    }
    for (PromptRow row : rows) {
      if (row.fields().containsKey(KEY)) {
        throw new UserException(
            "%s: the row has a key \"%s\", under which its answer would go. Rename it."
                .formatted(row.origin(), KEY));
      }
    }
    Path part = target.resolveSibling(target.getFileName() + ".part");
    try {
      int written = Files.exists(part) ? complete(part, rows, settings) : 0;
      if (!Files.exists(part)) {
        Files.writeString(part, header(settings) + "\n");
      }
      BufferedWriter out = Files.newBufferedWriter(part, StandardOpenOption.APPEND);
      return new AnswerFile(target, part, rows, written, out);
    } catch (IOException e) {
      throw new UserException(part + " cannot be written: " + e.getMessage(), e);
    }
  }

  private static String header(Map<String, String> settings) {
    return JsonMapper.shared().writeValueAsString(Map.of("settings", settings));
  }

  /** How many answers a broken-off file holds; half a line at its end is cut off. */
  private static int complete(Path part, List<PromptRow> rows, Map<String, String> settings)
      throws IOException {
    String text = Files.readString(part);
    int end = text.lastIndexOf('\n') + 1;
    List<String> lines = text.substring(0, end).lines().toList();
    if (lines.isEmpty()) {
      Files.delete(part);
      return 0;
    }
    checkHeader(part, lines.getFirst(), settings);
    if (lines.size() - 1 > rows.size()) {
      throw otherwise(part, "has more answers than there are prompts");
    }
    for (int i = 1; i < lines.size(); i++) {
      JsonNode line = parse(part, lines.get(i));
      JsonNode row = JsonMapper.shared().valueToTree(rows.get(i - 1).fields());
      for (String key : row.propertyNames()) {
        if (!row.get(key).toString().equals(line.path(key).toString())) {
          throw otherwise(part, "answers another row than " + rows.get(i - 1).origin());
        }
      }
    }
    try (FileChannel channel = FileChannel.open(part, StandardOpenOption.WRITE)) {
      channel.truncate(text.substring(0, end).getBytes(StandardCharsets.UTF_8).length);
    }
    return lines.size() - 1;
  }

  private static void checkHeader(Path part, String line, Map<String, String> settings) {
    JsonNode begun = parse(part, line).path("settings");
    for (Map.Entry<String, String> setting : settings.entrySet()) {
      String before = begun.path(setting.getKey()).asString("");
      if (!before.equals(setting.getValue())) {
        throw otherwise(
            part,
            "was begun with %s %s, not %s"
                .formatted(
                    setting.getKey(), before.isEmpty() ? "unset" : before, setting.getValue()));
      }
    }
  }

  private static JsonNode parse(Path part, String line) {
    try {
      return JsonMapper.shared().readTree(line);
    } catch (JacksonException e) {
      throw new UserException(part + " is damaged. Delete it to begin anew.", e);
    }
  }

  private static UserException otherwise(Path part, String what) {
    return new UserException(
        "%s %s. Give the same command as before to go on with it, or delete it to begin anew."
            .formatted(part, what));
  }

  /** How many prompts are answered already, from the first on. */
  public int written() {
    return written;
  }

  /**
   * Takes an answer; it is written as soon as those before it are there.
   *
   * @param index of the prompt among all rows
   */
  public void add(int index, Answer answer) {
    waiting.put(index, answer);
    try {
      for (Answer next = waiting.remove(written); next != null; next = waiting.remove(written)) {
        out.write(line(rows.get(written), next));
        out.newLine();
        written++;
      }
      out.flush();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static String line(PromptRow row, Answer answer) {
    Map<String, @Nullable Object> fields = new LinkedHashMap<>(row.fields());
    Map<String, Object> generation = new LinkedHashMap<>();
    generation.put("text", answer.text());
    generation.put("finish_reason", finishReason(answer.end()));
    generation.put("prompt_tokens", answer.promptTokens());
    generation.put("completion_tokens", answer.ids().length);
    generation.put("seconds", Math.round(answer.seconds() * 1e3) / 1e3);
    fields.put(KEY, generation);
    return JsonMapper.shared().writeValueAsString(fields);
  }

  /** As OpenAI's API says it. */
  private static String finishReason(TextGeneration.End end) {
    return switch (end) {
      case END_TOKEN -> "stop";
      case MAX_TOKENS, CAPACITY -> "length";
      case STOPPED -> "stopped";
    };
  }

  /** Gives the file its name, if every prompt is answered; says whether. */
  public boolean finish() {
    if (written < rows.size()) {
      return false;
    }
    try {
      out.close();
      Path whole = target.resolveSibling(target.getFileName() + ".part.done");
      try (var lines = Files.newBufferedReader(part);
          var answers = Files.newBufferedWriter(whole)) {
        lines.readLine();
        lines.transferTo(answers);
      }
      try (FileChannel channel = FileChannel.open(whole, StandardOpenOption.WRITE)) {
        channel.force(true);
      }
      Files.move(whole, target, StandardCopyOption.ATOMIC_MOVE);
      Files.delete(part);
      return true;
    } catch (IOException e) {
      throw new UserException(target + " cannot be written: " + e.getMessage(), e);
    }
  }

  /** Where unfinished answers lie. */
  public Path part() {
    return part;
  }

  @Override
  public void close() {
    try {
      out.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
