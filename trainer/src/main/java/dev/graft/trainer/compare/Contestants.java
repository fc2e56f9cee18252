package dev.graft.trainer.compare;

import dev.graft.modelio.StrictJson;
import dev.graft.trainer.compare.config.CompareConfig;
import dev.graft.trainer.compare.config.ContestantConfig;
import dev.graft.trainer.compare.config.ScorerConfig;
import dev.graft.trainer.compare.contestant.AnswerCache;
import dev.graft.trainer.compare.contestant.ClaudeEndpoint;
import dev.graft.trainer.compare.contestant.Contestant;
import dev.graft.trainer.compare.contestant.LocalModel;
import dev.graft.trainer.compare.contestant.OpenAiEndpoint;
import dev.graft.trainer.compare.contestant.Prompting;
import dev.graft.trainer.compare.contestant.RecordedAnswers;
import dev.graft.trainer.compare.contestant.RemoteModel;
import dev.graft.trainer.config.ConfigReader;
import dev.graft.trainer.config.UserException;
import dev.graft.trainer.generate.Sampling;
import dev.graft.trainer.runtime.BaseModel;
import dev.graft.trainer.runtime.Hardware;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Opens contestants. */
final class Contestants {

  private final CompareConfig config;
  private final Map<String, String> environment;

  Contestants(CompareConfig config, Map<String, String> environment) {
    this.config = config;
    this.environment = environment;
  }

  /** Opens one; a local model is loaded by this. */
  Contestant open(String name) {
    ContestantConfig contestant = Objects.requireNonNull(config.contestants().get(name), name);
    return switch (contestant) {
      case ContestantConfig.Base it ->
          local(
              it.model(),
              Optional.empty(),
              Prompting.of(it.system(), it.systemFile(), it.fewShot()),
              it.template(),
              it.maxTokens(),
              new Sampling(it.temperature(), 1),
              it.seed(),
              it.concurrency());
      case ContestantConfig.Adapter it -> {
        Path folder = adapterFolder(name, it.adapter());
        yield local(
            it.model().orElseGet(() -> baseOf(name, it.adapter(), folder)),
            Optional.of(folder),
            Prompting.of(it.system(), it.systemFile(), it.fewShot()),
            it.template(),
            it.maxTokens(),
            new Sampling(it.temperature(), 1),
            it.seed(),
            it.concurrency());
      }
      case ContestantConfig.Recorded it -> new RecordedAnswers(it);
      case ContestantConfig.Claude it -> remote(name, it);
      case ContestantConfig.OpenaiCompatible it -> remote(name, it);
    };
  }

  /** Opens the model that judges for a scorer. */
  RemoteModel openJudge(String scorer, ScorerConfig.Judge judge) {
    return switch (judgeOf(judge)) {
      case ContestantConfig.Claude it -> remote(judge.by(), it);
      case ContestantConfig.OpenaiCompatible it -> remote(judge.by(), it);
      case null, default ->
          throw new UserException(
              "scorers.%s.by: '%s' is neither one of judges nor a contestant of kind claude or"
                      .formatted(scorer, judge.by())
                  + " openai-compatible");
    };
  }

  private @Nullable ContestantConfig judgeOf(ScorerConfig.Judge judge) {
    ContestantConfig own = config.judges().get(judge.by());
    return own != null ? own : config.contestants().get(judge.by());
  }

  private RemoteModel remote(String name, ContestantConfig.Claude it) {
    String key = environment.getOrDefault(it.keyVariable(), "");
    if (key.isBlank()) {
      throw new UserException(
          "%s: no key: the environment variable %s is not set".formatted(name, it.keyVariable()));
    }
    return new RemoteModel(
        new ClaudeEndpoint(it, key),
        Prompting.of(it.system(), it.systemFile(), it.fewShot()),
        cache(it.cache()),
        it.concurrency());
  }

  private RemoteModel remote(String name, ContestantConfig.OpenaiCompatible it) {
    String key = environment.getOrDefault(it.keyVariable(), "");
    var endpoint = new OpenAiEndpoint(it, key.isBlank() ? "none" : key);
    if (key.isBlank() && endpoint.isPaid()) {
      endpoint.close();
      throw new UserException(
          "%s: no key: the environment variable %s is not set; %s is not this machine"
              .formatted(name, it.keyVariable(), it.baseUrl()));
    }
    return new RemoteModel(
        endpoint,
        Prompting.of(it.system(), it.systemFile(), it.fewShot()),
        cache(it.cache()),
        it.concurrency());
  }

  private static AnswerCache cache(Optional<Path> folder) {
    return new AnswerCache(folder.orElseGet(AnswerCache::defaultFolder));
  }

  private LocalModel local(
      String model,
      Optional<Path> adapter,
      Prompting prompting,
      String template,
      int maxTokens,
      Sampling sampling,
      long seed,
      int concurrency) {
    BaseModel base =
        BaseModel.open(model, Hardware.open(config.precision(), config.device(), config.kernels()));
    try {
      String called = adapter.map(Path::toString).orElse(model);
      return new LocalModel(
          called, base, adapter, prompting, template, maxTokens, sampling, seed, concurrency);
    } catch (RuntimeException e) {
      base.close();
      throw e;
    }
  }

  /** A PEFT folder, or the one within a run's folder. */
  private static Path adapterFolder(String name, Path folder) {
    for (Path each : List.of(folder, folder.resolve("adapter"))) {
      if (Files.exists(each.resolve("adapter_config.json"))) {
        return each;
      }
    }
    throw new UserException(
        "contestants.%s.adapter: %s holds no adapter_config.json, nor does its adapter/"
            .formatted(name, folder));
  }

  private static String baseOf(String name, Path given, Path adapter) {
    for (Path each : List.of(given, adapter.resolveSibling("."))) {
      Path run = each.resolve("config.yaml").normalize();
      if (Files.exists(run)) {
        return ConfigReader.parse(run, List.of()).base();
      }
    }
    String named =
        StrictJson.readObject(adapter.resolve("adapter_config.json"), 1 << 20)
            .path("base_model_name_or_path")
            .asString("");
    if (named.isBlank()) {
      throw new UserException(
          "contestants.%s.model: is missing, and neither a run nor the adapter names the base model"
              .formatted(name));
    }
    return Files.exists(Path.of(named)) || named.startsWith("hf://") ? named : "hf://" + named;
  }

  /** Everything that a contestant's answers depend on, as text. */
  String settings(String name) {
    ContestantConfig contestant = Objects.requireNonNull(config.contestants().get(name), name);
    return switch (contestant) {
      // How many are answered at once changes no answer.
      case ContestantConfig.Base it ->
          "base %s %s %d %s %d %s %s"
              .formatted(
                  it.model(),
                  it.template(),
                  it.maxTokens(),
                  it.temperature(),
                  it.seed(),
                  config.precision(),
                  Prompting.of(it.system(), it.systemFile(), it.fewShot()));
      case ContestantConfig.Adapter it ->
          "adapter %s %s %s %d %s %d %s %s"
              .formatted(
                  fingerprint(adapterFolder(name, it.adapter())),
                  it.model().orElse(""),
                  it.template(),
                  it.maxTokens(),
                  it.temperature(),
                  it.seed(),
                  config.precision(),
                  Prompting.of(it.system(), it.systemFile(), it.fewShot()));
      case ContestantConfig.Claude it ->
          "claude %s %s %d %s %s"
              .formatted(
                  it.baseUrl().orElse(""),
                  it.model(),
                  it.maxTokens(),
                  it.temperature(),
                  Prompting.of(it.system(), it.systemFile(), it.fewShot()));
      case ContestantConfig.OpenaiCompatible it ->
          "openai-compatible %s %s %d %s %s"
              .formatted(
                  it.baseUrl(),
                  it.model(),
                  it.maxTokens(),
                  it.temperature(),
                  Prompting.of(it.system(), it.systemFile(), it.fewShot()));
      case ContestantConfig.Recorded it -> it.toString();
    };
  }

  /** An adapter that was trained anew in the same place is another one. */
  private static String fingerprint(Path adapter) {
    Path weights = adapter.resolve("adapter_model.safetensors");
    try {
      return adapter
          + " of "
          + Files.size(weights)
          + " bytes, "
          + Files.getLastModifiedTime(weights);
    } catch (java.io.IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }
}
