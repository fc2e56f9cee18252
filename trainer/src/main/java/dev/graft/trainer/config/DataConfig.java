package dev.graft.trainer.config;

import static dev.graft.trainer.config.InvalidSetting.unless;

import java.nio.file.Path;
import java.util.List;
import java.util.OptionalDouble;
import java.util.OptionalInt;

/**
 * What is learned from.
 *
 * @param train at least one file
 * @param validation empty where there is none
 * @param template {@code auto}, {@code plain} or the path of a Jinja file
 * @param maxLength absent means the base model's own limit
 */
public record DataConfig(
    @Key(
            value = "JSONL file of training examples, or a list of files",
            required = true,
            input = true)
        List<Path> train,
    @Key(value = "JSONL file of validation examples, or a list of files", input = true)
        List<Path> validation,
    @Key("instead of validation: the share of the training examples to hold out, e.g. 0.05")
        OptionalDouble validationSplit,
    @Key(
            value = "conversations, tokens (input_ids and labels), or auto to tell from the file",
            byDefault = "auto")
        DataFormat format,
    @Key(
            value =
                "auto (the base model's chat template, plain where it has none), plain, or the"
                    + " path of a Jinja file",
            byDefault = "auto",
            input = true,
            words = {"auto", "plain"})
        String template,
    @Key("longest example in tokens; default: what the base model allows") OptionalInt maxLength,
    @Key(
            value = "fill micro-batches with several examples each; exact, examples do not mix",
            byDefault = "true")
        boolean packing) {

  public DataConfig {
    train = List.copyOf(train);
    validation = List.copyOf(validation);
    unless(!train.isEmpty(), "train", "names no file");
    unless(
        validationSplit.isEmpty()
            || (validationSplit.getAsDouble() > 0 && validationSplit.getAsDouble() < 1),
        "validation-split",
        "%s is not between 0 and 1",
        validationSplit.orElse(0));
    unless(
        validation.isEmpty() || validationSplit.isEmpty(),
        "validation-split",
        "cannot go together with data.validation: remove one of them");
    unless(
        maxLength.isEmpty() || maxLength.getAsInt() >= 2,
        "max-length",
        "is %d, has to be at least 2: one token to read and one to predict",
        maxLength.orElse(0));
  }

  /** Whether the run has something to evaluate on. */
  public boolean hasValidation() {
    return !validation.isEmpty() || validationSplit.isPresent();
  }
}
