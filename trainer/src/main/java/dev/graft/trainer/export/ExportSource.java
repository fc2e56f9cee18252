package dev.graft.trainer.export;

import dev.graft.modelio.StrictJson;
import dev.graft.modelio.peft.PeftAdapter;
import dev.graft.modelio.peft.PeftConfig;
import dev.graft.trainer.config.ConfigReader;
import dev.graft.trainer.config.Method;
import dev.graft.trainer.config.RunConfig;
import dev.graft.trainer.config.UserException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * What is exported: an adapter, or a whole model, and the run that made it where that is known.
 *
 * @param adapter a PEFT folder; absent for a whole model
 * @param run the run's folder
 * @param config what the run's config.yaml says; its inputs may be gone
 * @param base the base model as a user names it; the model itself where there is no adapter
 */
public record ExportSource(
    Optional<Path> adapter, Optional<Path> run, Optional<RunConfig> config, String base) {
  private static final String RUN_CONFIG = "config.yaml";
  private static final String MODEL_CONFIG = "config.json";
  private static final long MAX_STATE_BYTES = 1 << 20;

  /**
   * Finds out what a user has named.
   *
   * @param named a run's folder, an adapter's, or a Hugging Face checkpoint's
   * @param base overrides what run and adapter say
   * @throws UserException if it is neither, or nothing names a base
   */
  public static ExportSource of(Path named, Optional<String> base) {
    Optional<Path> model = modelIn(named);
    if (model.isPresent()) {
      if (base.isPresent()) {
        throw new UserException(
            "--base: %s is a whole model, not an adapter: leave it away".formatted(model.get()));
      }
      Optional<Path> run = runOf(model.get(), "model");
      return new ExportSource(
          Optional.empty(), run, run.map(ExportSource::configOf), model.get().toString());
    }
    Path adapter = adapterIn(named);
    Optional<Path> run = runOf(adapter, "adapter");
    Optional<RunConfig> config = run.map(ExportSource::configOf);
    String name =
        base.or(() -> config.map(RunConfig::base))
            .orElseGet(() -> PeftConfig.read(adapter.resolve(PeftAdapter.CONFIG_FILE)).baseModel());
    if (name.isBlank()) {
      throw new UserException(
          adapter + ": its adapter_config.json names no base model; give one with --base");
    }
    return new ExportSource(Optional.of(adapter), run, config, name);
  }

  private static RunConfig configOf(Path run) {
    return ConfigReader.parse(run.resolve(RUN_CONFIG), java.util.List.of());
  }

  /** The whole model that a user has named, if it is one: a checkpoint's folder, or a run's. */
  private static Optional<Path> modelIn(Path named) {
    return Stream.of(named, named.resolve("model"))
        .filter(folder -> Files.exists(folder.resolve(MODEL_CONFIG)))
        .filter(folder -> !Files.exists(folder.resolve(PeftAdapter.CONFIG_FILE)))
        .filter(folder -> folder.equals(named) || isFull(named))
        .findFirst();
  }

  /** Whether a run's folder is one of a full fine-tuning: beside others a base might lie. */
  private static boolean isFull(Path run) {
    return Files.isRegularFile(run.resolve(RUN_CONFIG)) && configOf(run).method() == Method.FULL;
  }

  private static Path adapterIn(Path named) {
    if (Files.exists(named.resolve(PeftAdapter.CONFIG_FILE))) {
      return named;
    }
    Path inside = named.resolve("adapter");
    if (Files.exists(inside.resolve(PeftAdapter.CONFIG_FILE))) {
      return inside;
    }
    String why =
        !Files.exists(named)
            ? "there is no such folder"
            : Files.exists(named.resolve(RUN_CONFIG))
                ? "the run has no result yet; it has not ended"
                : "holds neither a run (adapter/, model/), nor a PEFT adapter"
                    + " (adapter_config.json), nor a model (config.json)";
    throw new UserException(named + ": " + why);
  }

  private static Optional<Path> runOf(Path result, String name) {
    Path whole = result.toAbsolutePath().normalize();
    return Optional.ofNullable(whole.getParent())
        .filter(parent -> whole.endsWith(name) && Files.isRegularFile(parent.resolve(RUN_CONFIG)));
  }

  /** A name for people: the run's, else that of the adapter's or the model's folder. */
  public String name() {
    Path folder = run.or(() -> adapter).orElseGet(() -> Path.of(base)).toAbsolutePath().normalize();
    return String.valueOf(folder.getFileName());
  }

  /** The base's name without the folders before it. */
  public String baseName() {
    String name = base.replaceFirst("^hf://", "").replaceFirst("/+$", "");
    return name.substring(name.lastIndexOf('/') + 1);
  }

  /**
   * Refuses a base that is not the one which the run was trained on: its checkpoints say which.
   *
   * @param fingerprint of the base that is about to be used
   */
  void requireTrainedOn(String fingerprint) {
    if (adapter.isEmpty()) {
      return;
    }
    run.flatMap(ExportSource::trainedOn)
        .filter(trained -> !trained.equals(fingerprint))
        .ifPresent(trained -> {
          throw new UserException(
              ("%s is not the base model that %s was trained on: its fingerprint is %s, the run's"
                      + " is %s. Name that one with --base.")
                  .formatted(base, run.get(), fingerprint, trained));
        });
  }

  private static Optional<String> trainedOn(Path run) {
    Path checkpoints = run.resolve("checkpoints");
    if (!Files.isDirectory(checkpoints)) {
      return Optional.empty();
    }
    try (Stream<Path> steps = Files.list(checkpoints)) {
      return steps
          .map(step -> step.resolve("state.json"))
          .filter(Files::isRegularFile)
          .max(java.util.Comparator.naturalOrder())
          .map(state -> StrictJson.readObject(state, MAX_STATE_BYTES).path("base").asString(""))
          .filter(found -> !found.isEmpty());
    } catch (IOException e) {
      throw new UserException(checkpoints + ": cannot be read: " + e.getMessage(), e);
    }
  }
}
