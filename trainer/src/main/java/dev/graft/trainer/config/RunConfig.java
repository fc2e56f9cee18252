package dev.graft.trainer.config;

import static dev.graft.trainer.config.InvalidSetting.unless;

import java.nio.file.Path;

/**
 * A run, fully resolved: every key has its value, and paths of inputs are absolute. {@link
 * ConfigReader} makes it.
 *
 * @param base folder of a Hugging Face checkpoint, or {@code hf://org/name}
 * @param output relative to the current directory
 */
public record RunConfig(
    @Key(
            value = "base model: folder of a Hugging Face checkpoint, or hf://org/name",
            required = true,
            input = true,
            mayChange = true,
            words = "hf://")
        String base,
    @Key(
            value =
                "lora: an adapter beside the frozen base; full: every weight, float32 masters and"
                    + " optimizer state included, for small models; section lora has no part in it",
            byDefault = "lora")
        Method method,
    @Key("What is learned from.") DataConfig data,
    @Key("The adapter.") LoraConfig lora,
    @Key("How it is learned.") TrainingConfig training,
    @Key("When it is measured.") EvaluationConfig evaluation,
    @Key("When it ends before its last step.") EarlyStoppingConfig earlyStopping,
    @Key("When it is saved, and what its result is.") CheckpointConfig checkpoint,
    @Key("What else is written of it.") LoggingConfig logging,
    @Key(
            value = "auto (bf16 where the machine multiplies it natively), bf16 or f32",
            byDefault = "auto")
        Precision precision,
    @Key(value = "auto, cpu or cuda", byDefault = "auto", mayChange = true) DeviceChoice device,
    @Key(
            value = "auto (the fastest), or reference (plain ND4J, slow, for checking)",
            byDefault = "auto")
        KernelsChoice kernels,
    @Key(
            value = "folder of the run; default: runs/ and the name of the configuration file",
            mayChange = true)
        Path output) {

  public RunConfig {
    unless(!base.isBlank(), "base", "is empty");
    unless(!output.toString().isBlank(), "output", "is empty");
    unless(
        earlyStopping.patience().isEmpty() || data.hasValidation(),
        "early-stopping.patience",
        "needs a validation loss to watch: give data.validation or data.validation-split");
    unless(
        evaluation.samples() == 0 || data.hasValidation(),
        "evaluation.samples",
        "needs validation examples to answer: give data.validation or data.validation-split");
  }

  /** This configuration as YAML, every key with its value; reading it gives an equal record. */
  public String toYaml() {
    return ConfigWriter.resolved(this);
  }
}
