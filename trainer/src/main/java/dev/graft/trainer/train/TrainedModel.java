package dev.graft.trainer.train;

import dev.graft.trainer.model.Llama;
import dev.graft.trainer.model.StackedRanks;
import dev.graft.trainer.model.Trainable;

/**
 * A model, and what of it is trained.
 *
 * @param model computes with the trained parameters as they are
 * @param trained what the optimizer changes
 * @param ranks of the adapters that are attached to the model
 */
record TrainedModel(Llama model, Trainable trained, StackedRanks ranks) {}
