package dev.graft.trainer.config;

/** What is written of a run beside its metrics and its report. */
public record LoggingConfig(
    @Key(
            value = "also write event files for TensorBoard, in the run's folder tensorboard/",
            byDefault = "false",
            mayChange = true)
        boolean tensorboard) {}
