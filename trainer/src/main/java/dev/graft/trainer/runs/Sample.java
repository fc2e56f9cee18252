package dev.graft.trainer.runs;

/**
 * A line of {@code samples.jsonl}: how a validation example is answered while the run goes on.
 *
 * @param step how many optimizer steps came before
 * @param epoch how often the data had been gone through
 * @param example its place in the validation data, from 0
 * @param row where it came from, e.g. {@code validation.jsonl line 3}
 * @param prompt the text before the answer, control tokens included
 * @param expected the answer in the data
 * @param base the base model's answer
 * @param adapter the answer with the adapter as it is at this step
 */
public record Sample(
    int step,
    double epoch,
    int example,
    String row,
    String prompt,
    String expected,
    String base,
    String adapter) {}
