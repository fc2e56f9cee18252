package dev.graft.trainer.train;

import dev.graft.modelio.AsideFolder;
import dev.graft.tokenizer.ChatFormats;
import dev.graft.trainer.config.Method;
import dev.graft.trainer.config.RunConfig;
import dev.graft.trainer.config.RunOutcome;
import dev.graft.trainer.config.UserException;
import dev.graft.trainer.console.Console;
import dev.graft.trainer.runs.Manifest;
import dev.graft.trainer.runs.RunFolder;
import dev.graft.trainer.runs.SamplesWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalInt;

/** Writes a run's checkpoints and its result, and takes up from one. */
final class RunSaver {

  private final RunConfig config;
  private final Console console;
  private final RunFolder folder;
  private final RunLogs logs;
  private final Inputs inputs;
  private final RunPlan plan;
  private final Trainer trainer;
  private final Optional<String> chatTemplate;
  private int savedStep = -1;

  RunSaver(
      RunSetup setup,
      RunFolder folder,
      RunLogs logs,
      Inputs inputs,
      RunPlan plan,
      Trainer trainer) {
    this.config = setup.config();
    this.console = setup.console();
    this.folder = folder;
    this.logs = logs;
    this.inputs = inputs;
    this.plan = plan;
    this.trainer = trainer;
    this.chatTemplate = setup.chatTemplate();
  }

  /** Puts adapter and optimizer where the run stood, or leaves them at their beginning. */
  RunState restore(Optional<Resumption> resumption) {
    if (resumption.isEmpty()) {
      return RunState.START;
    }
    SavedState saved = resumption.get().saved();
    SavedState.restore(resumption.get().checkpoint(), trainer.trained(), trainer.updates());
    savedStep = saved.state().step();
    if (saved.totalSteps() != plan.totalSteps()) {
      console.warn(
          "the run has %d steps now, it had %d; from here on the learning rate is that of a run of %d"
              .formatted(plan.totalSteps(), saved.totalSteps(), plan.totalSteps()));
    }
    return saved.state();
  }

  /** Writes a checkpoint, unless there is one of this step, and deletes old ones. */
  void save(RunState state) throws IOException {
    if (state.step() == savedStep) {
      return;
    }
    SavedState saved =
        new SavedState(
            SavedState.VERSION,
            state.step() / plan.stepsPerEpoch(),
            state.step() % plan.stepsPerEpoch(),
            config.training().seed(),
            plan.totalSteps(),
            state,
            inputs,
            logs.metrics().flush(),
            logs.samples().map(SamplesWriter::flush).orElse(0L));
    folder
        .checkpoints()
        .save(
            state.step(),
            aside -> saved.writeInto(aside, trainer.trained(), trainer.updates(), config.toYaml()));
    savedStep = state.step();
    OptionalInt best =
        state.best().map(score -> OptionalInt.of(score.step())).orElse(OptionalInt.empty());
    folder.checkpoints().prune(config.checkpoint().keep(), best);
  }

  /**
   * Writes the run's result and says after which step it was so. What is trained is then as it was
   * after that step.
   */
  int writeResult(RunState state) {
    Optional<RunState.Score> best = state.best();
    if (config.checkpoint().result() == RunOutcome.BEST
        && best.isPresent()
        && best.get().step() != state.step()) {
      Path checkpoint = folder.checkpoints().of(best.get().step());
      Optional<String> damage = Manifest.damageOf(checkpoint);
      if (damage.isEmpty()) {
        SavedState.restoreParameters(checkpoint, trainer.trained());
        writeResult();
        return best.get().step();
      }
      console.warn(
          "%s, the best, is damaged: %s. What was trained last is taken instead."
              .formatted(checkpoint, damage.get()));
    }
    writeResult();
    return state.step();
  }

  /** The result, with the chat template that it was trained with, for whoever serves it. */
  private void writeResult() {
    AsideFolder.write(
        result(),
        true,
        aside -> {
          trainer.trained().writeResult(aside);
          if (config.method() == Method.FULL) {
            RunFolder.markModel(aside);
          }
          if (chatTemplate.isPresent()) {
            Files.writeString(aside.resolve(ChatFormats.TEMPLATE_FILE), chatTemplate.get());
          }
        });
  }

  /** Where the result is. */
  Path result() {
    return switch (config.method()) {
      case LORA -> folder.adapter();
      case FULL -> folder.model();
    };
  }

  /** What to say where the disk is full, or gone. */
  UserException unwritable(RuntimeException e) {
    return new UserException(
        savedStep < 0
            ? e.getMessage() + " Nothing had been saved before."
            : "%s The checkpoint of step %d is intact: once there is room, go on by ./graft train %s --resume"
                .formatted(e.getMessage(), savedStep, folder.root()),
        e);
  }
}
