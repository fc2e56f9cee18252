package dev.graft.trainer.train;

import dev.graft.trainer.config.ConfigDifferences;
import dev.graft.trainer.config.ConfigDifferences.Difference;
import dev.graft.trainer.config.RunConfig;
import dev.graft.trainer.config.UserException;
import dev.graft.trainer.console.Console;
import dev.graft.trainer.runs.RunFolder;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A checkpoint that a run goes on from.
 *
 * @param checkpoint its folder
 * @param saved what it says
 */
record Resumption(Path checkpoint, SavedState saved) {

  /**
   * The newest intact checkpoint of a folder, after making sure that it is of this run.
   *
   * @return empty where nothing was saved yet
   * @throws UserException if configuration, base or data are not those of the run, or if all its
   *     checkpoints are damaged
   */
  static Optional<Resumption> find(
      RunFolder folder, RunConfig config, Inputs inputs, Console console) throws IOException {
    Optional<Path> newest = folder.checkpoints().newestIntact(console::warn);
    if (newest.isEmpty()) {
      if (folder.checkpoints().hasDamaged()) {
        throw new UserException(
            folder.root()
                + ": no checkpoint is intact, so there is nothing to go on from. They are in"
                + " checkpoints/ as *.damaged; --overwrite starts again.");
      }
      if (Files.exists(folder.config())) {
        List<Difference> differences = differences(folder.config(), config);
        refuse(folder.root(), folder.config(), reasons(differences, List.of()));
      }
      console.say("resume   nothing was saved yet: from the beginning");
      return Optional.empty();
    }
    Path checkpoint = newest.get();
    SavedState saved = SavedState.read(checkpoint);
    List<Difference> differences = differences(checkpoint.resolve(SavedState.CONFIG_FILE), config);
    refuse(folder.root(), checkpoint, reasons(differences, inputs.differencesFrom(saved.inputs())));
    console.say("resume   after step %d, from %s".formatted(saved.state().step(), checkpoint));
    differences.stream()
        .filter(difference -> !difference.key().equals("output"))
        .forEach(difference -> console.say("resume   changed: " + difference));
    if (saved.stepInEpoch() > 0
        && differences.stream().anyMatch(it -> it.key().equals("training.micro-batch-tokens"))) {
      console.warn(
          "the steps of a packed epoch are composed by training.micro-batch-tokens: in the rest of"
              + " this one some conversations may come twice, and some not");
    }
    if (!saved.inputs().compute().equals(inputs.compute())) {
      console.warn(
          "the run was computed by %s before, now by %s: it goes on, but not bit for bit as it"
                  .formatted(saved.inputs().compute(), inputs.compute())
              + " would have there");
    }
    return Optional.of(new Resumption(checkpoint, saved));
  }

  private static List<Difference> differences(Path before, RunConfig config) throws IOException {
    return ConfigDifferences.between(Files.readString(before), before.toString(), config);
  }

  private static List<String> reasons(List<Difference> differences, List<String> inputs) {
    List<String> reasons = new ArrayList<>();
    differences.stream()
        .filter(difference -> !difference.mayChange())
        .map(Difference::toString)
        .forEach(reasons::add);
    reasons.addAll(inputs);
    return reasons;
  }

  private static void refuse(Path root, Path from, List<String> reasons) {
    if (!reasons.isEmpty()) {
      throw new UserException(
          "%s: cannot go on, since this is another run than the one in %s: %s. Put that back, or start"
                  .formatted(root, from, String.join("; ", reasons))
              + " a new run with another output"
              + (Files.exists(from.resolve("adapter_config.json"))
                  ? "; lora.init-from=%s begins it with this run's adapter.".formatted(from)
                  : "."));
    }
  }
}
