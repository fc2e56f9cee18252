package dev.graft.trainer.console;

/**
 * How far a run is.
 *
 * @param step optimizer steps done, from 1
 * @param totalSteps of the whole run
 * @param epoch how often the data has been gone through
 * @param loss of this step
 * @param learningRate of this step
 * @param tokensPerSecond of this step
 */
public record StepProgress(
    int step,
    int totalSteps,
    double epoch,
    double loss,
    double learningRate,
    double tokensPerSecond) {}
