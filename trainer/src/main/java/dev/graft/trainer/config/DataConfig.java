package dev.graft.trainer.config;

import static dev.graft.trainer.config.InvalidSetting.unless;

import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.OptionalInt;

/**
 * What is learned from.
 *
 * @param train at least one file
 * @param validation empty where there is none
 * @param template {@code auto}, the name of a layout, or the path of a Jinja file
 * @param columns {@code name=column} each, what a key is called in the files
 * @param maxLength absent means the base model's own limit
 */
public record DataConfig(
    @Key(
            value =
                "file of training examples (JSONL, JSON, CSV, TSV, Parquet), or a list; globs too;"
                    + " {path: FILE, weight: 0.5} draws half of its examples in an epoch",
            required = true,
            input = true,
            mayChange = true)
        List<DataSource> train,
    @Key(
            value = "file of validation examples, or a list; globs too",
            input = true,
            mayChange = true)
        List<DataSource> validation,
    @Key(
            "instead of validation: the share of the training examples to hold out, e.g. 0.05; near"
                + " duplicates stay on one side")
        OptionalDouble validationSplit,
    @Key(
            value =
                "auto tells from the first row; conversations, sharegpt, messages (OpenAI),"
                    + " anthropic, instruction, prompt-completion, or tokens",
            byDefault = "auto")
        DataFormat format,
    @Key("what a key is called in the files, e.g. [prompt=Question, completion=Answer]")
        List<String> columns,
    @Key(
            value =
                "auto (the base model's chat template, plain where it has none), llama3, llama2,"
                    + " mistral, chatml, zephyr, plain, or the path of a Jinja file",
            byDefault = "auto",
            input = true,
            mayChange = true,
            words = {"auto", "llama3", "llama2", "mistral", "chatml", "zephyr", "plain"})
        String template,
    @Key(
            value = "all-assistant, or last-assistant (earlier answers are context only)",
            byDefault = "all-assistant")
        TrainOn trainOn,
    @Key(
            value = "learn system, human and tool messages as well, not only answers",
            byDefault = "false")
        boolean trainOnPrompt,
    @Key(
            value = "text in messages that looks like a control token (<|im_end|>) is one",
            byDefault = "false")
        boolean allowSpecial,
    @Key("longest example in tokens; default: what the base model allows") OptionalInt maxLength,
    @Key(
            value = "fill micro-batches with several examples each; exact, examples do not mix",
            byDefault = "true")
        boolean packing,
    @Key(
            value =
                "shuffled examples that are packed together, their micro-batches then dealt out"
                    + " to steps: batch-size is then their number on average; 0 packs each step by"
                    + " itself, with exactly batch-size examples",
            byDefault = "256")
        int packingWindow,
    @Key(
            value =
                "keep the tokens in .token-cache beside the run's folder, so that the next run on"
                    + " the same data starts at once",
            byDefault = "true")
        boolean cache) {

  public DataConfig {
    train = List.copyOf(train);
    validation = List.copyOf(validation);
    unless(!train.isEmpty(), "train", "names no file");
    columns = List.copyOf(columns);
    DataSource.checkColumns(columns);
    unless(
        validation.stream().allMatch(source -> source.weight() == 1),
        "validation",
        "has a source with a weight, but every validation example is measured once");
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
    unless(packingWindow >= 0, "packing-window", "is %d, has to be at least 0", packingWindow);
  }

  /** What the rows of a source are. */
  public DataFormat formatOf(DataSource source) {
    return source.format().orElse(format);
  }

  /** What keys are called in a source's files, by the name that they have here. */
  public Map<String, String> columnsOf(DataSource source) {
    return DataSource.names(source.columns().isEmpty() ? columns : source.columns());
  }

  /** Whether the run has something to evaluate on. */
  public boolean hasValidation() {
    return !validation.isEmpty() || validationSplit.isPresent();
  }
}
