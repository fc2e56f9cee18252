/**
 * Whether one way of answering is as good as another on a company's own task: contestants answer
 * held-out conversations, scorers mark the answers, statistics say what the marks show.
 */
@org.jspecify.annotations.NullMarked
package dev.graft.trainer.compare;
