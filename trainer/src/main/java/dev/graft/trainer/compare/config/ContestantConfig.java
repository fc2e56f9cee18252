package dev.graft.trainer.compare.config;

import static dev.graft.trainer.config.InvalidSetting.unless;

import dev.graft.trainer.config.Key;
import dev.graft.trainer.generate.Generator;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Set;

/** Who answers. */
public sealed interface ContestantConfig {

  /** A base model as it is. */
  record Base(
      @Key(
              value = "folder of a Hugging Face checkpoint, or hf://org/name",
              required = true,
              input = true,
              words = "hf://")
          String model,
      @Key("a system prompt, in place of the data's own") Optional<String> system,
      @Key(value = "a text file with the system prompt", input = true) Optional<Path> systemFile,
      @Key(value = "conversations that are put before every example", input = true)
          Optional<Path> fewShot,
      @Key(
              value = "auto, plain or a Jinja file",
              byDefault = "auto",
              input = true,
              words = {"auto", "plain"})
          String template,
      @Key(value = "at most so many tokens for an answer", byDefault = "512") int maxTokens,
      @Key(value = "0 always takes the likeliest token", byDefault = "0") double temperature,
      @Key(value = "of the draws where the temperature is above 0", byDefault = "42") long seed,
      @Key(
              value =
                  "examples answered at once, 1 to 64: the answers are the same, sooner; the latency"
                      + " is that of a machine with so many requests",
              byDefault = "16")
          int concurrency)
      implements ContestantConfig {
    public Base {
      checkPrompt(system, systemFile);
      checkSampling(maxTokens, temperature);
      unless(
          concurrency >= 1 && concurrency <= Generator.MOST_AT_ONCE,
          "concurrency",
          "is %d, has to be from 1 to %d",
          concurrency,
          Generator.MOST_AT_ONCE);
    }
  }

  /** A base model with an adapter. */
  record Adapter(
      @Key(value = "a run's folder, or a PEFT folder", required = true, input = true) Path adapter,
      @Key(
              value =
                  "base model; default: the one that the run's config.yaml or the adapter names",
              input = true,
              words = "hf://")
          Optional<String> model,
      @Key("a system prompt, in place of the data's own") Optional<String> system,
      @Key(value = "a text file with the system prompt", input = true) Optional<Path> systemFile,
      @Key(value = "conversations that are put before every example", input = true)
          Optional<Path> fewShot,
      @Key(
              value = "auto, plain or a Jinja file",
              byDefault = "auto",
              input = true,
              words = {"auto", "plain"})
          String template,
      @Key(value = "at most so many tokens for an answer", byDefault = "512") int maxTokens,
      @Key(value = "0 always takes the likeliest token", byDefault = "0") double temperature,
      @Key(value = "of the draws where the temperature is above 0", byDefault = "42") long seed,
      @Key(
              value =
                  "examples answered at once, 1 to 64: the answers are the same, sooner; the latency"
                      + " is that of a machine with so many requests",
              byDefault = "16")
          int concurrency)
      implements ContestantConfig {
    public Adapter {
      checkPrompt(system, systemFile);
      checkSampling(maxTokens, temperature);
      unless(
          concurrency >= 1 && concurrency <= Generator.MOST_AT_ONCE,
          "concurrency",
          "is %d, has to be from 1 to %d",
          concurrency,
          Generator.MOST_AT_ONCE);
    }
  }

  /**
   * Answers made elsewhere.
   *
   * @param fields what {@link #FIELDS} are called in the file; those not named are called so
   */
  record Recorded(
      @Key(value = "JSONL, an answer a line", required = true, input = true) Path file,
      @Key(
              "what id, answer, input-tokens, output-tokens, latency-ms, model and error are called"
                  + " in the file, e.g. {answer: completion.text}")
          Map<String, String> fields)
      implements ContestantConfig {

    /** The names that {@code fields} may map. */
    public static final Set<String> FIELDS =
        Set.of("id", "answer", "input-tokens", "output-tokens", "latency-ms", "model", "error");

    public Recorded {
      fields = new LinkedHashMap<>(fields);
      for (String name : fields.keySet()) {
        unless(
            FIELDS.contains(name),
            "fields",
            "'%s' is none of %s",
            name,
            FIELDS.stream().sorted().toList());
      }
    }
  }

  /** Claude, live. */
  record Claude(
      @Key(value = "the model's name at Anthropic", required = true) String model,
      @Key("a system prompt, in place of the data's own") Optional<String> system,
      @Key(value = "a text file with the system prompt", input = true) Optional<Path> systemFile,
      @Key(value = "conversations that are put before every example", input = true)
          Optional<Path> fewShot,
      @Key(value = "at most so many tokens for an answer", byDefault = "1024") int maxTokens,
      @Key("default: the provider's") OptionalDouble temperature,
      @Key(value = "environment variable that holds the key", byDefault = "ANTHROPIC_API_KEY")
          String keyVariable,
      @Key("another address than Anthropic's, e.g. http://127.0.0.1:8080") Optional<String> baseUrl,
      @Key(value = "requests at a time", byDefault = "4") int concurrency,
      @Key(value = "further tries after 408, 409, 429, 5xx and lost connections", byDefault = "4")
          int retries,
      @Key(value = "seconds until a try is given up", byDefault = "120") int timeout,
      @Key(
              "folder of answers by request, shared by all comparisons; default:"
                  + " ~/.cache/graft/answers")
          Optional<Path> cache)
      implements ContestantConfig {
    public Claude {
      checkPrompt(system, systemFile);
      checkCalls(maxTokens, concurrency, retries, timeout);
    }
  }

  /** Any endpoint that speaks OpenAI's chat completions: vLLM, llama-server, Ollama. */
  record OpenaiCompatible(
      @Key(value = "e.g. http://127.0.0.1:8000/v1", required = true) String baseUrl,
      @Key(value = "the model's name there", required = true) String model,
      @Key("a system prompt, in place of the data's own") Optional<String> system,
      @Key(value = "a text file with the system prompt", input = true) Optional<Path> systemFile,
      @Key(value = "conversations that are put before every example", input = true)
          Optional<Path> fewShot,
      @Key(value = "at most so many tokens for an answer", byDefault = "1024") int maxTokens,
      @Key("default: the server's") OptionalDouble temperature,
      @Key(
              value = "environment variable that holds the key; local servers need none",
              byDefault = "OPENAI_API_KEY")
          String keyVariable,
      @Key(value = "requests at a time", byDefault = "4") int concurrency,
      @Key(value = "further tries after 408, 409, 429, 5xx and lost connections", byDefault = "4")
          int retries,
      @Key(value = "seconds until a try is given up", byDefault = "120") int timeout,
      @Key(
              "folder of answers by request, shared by all comparisons; default:"
                  + " ~/.cache/graft/answers")
          Optional<Path> cache)
      implements ContestantConfig {
    public OpenaiCompatible {
      unless(baseUrl.matches("https?://.+"), "base-url", "'%s' is no http address", baseUrl);
      checkPrompt(system, systemFile);
      checkCalls(maxTokens, concurrency, retries, timeout);
    }
  }

  private static void checkPrompt(Optional<String> system, Optional<Path> file) {
    unless(system.isEmpty() || file.isEmpty(), "system-file", "cannot go together with system");
  }

  private static void checkSampling(int maxTokens, double temperature) {
    unless(maxTokens >= 1, "max-tokens", "has to be at least 1");
    unless(temperature >= 0, "temperature", "has to be at least 0");
  }

  private static void checkCalls(int maxTokens, int concurrency, int retries, int timeout) {
    unless(maxTokens >= 1, "max-tokens", "has to be at least 1");
    unless(concurrency >= 1 && concurrency <= 100, "concurrency", "has to be from 1 to 100");
    unless(retries >= 0 && retries <= 20, "retries", "has to be from 0 to 20");
    unless(timeout >= 1, "timeout", "has to be at least 1");
  }
}
