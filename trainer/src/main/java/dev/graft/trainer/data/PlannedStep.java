package dev.graft.trainer.data;

import java.util.List;

/**
 * Which examples one optimizer step learns from, and which of them are computed at once.
 *
 * @param microBatches indices of examples in the dataset, a list for each micro-batch
 */
record PlannedStep(List<List<Integer>> microBatches) {}
