/**
 * What scores show and what they do not: intervals, tests, the number of examples needed. Pure
 * functions over numbers; knows nothing of texts and models.
 */
@org.jspecify.annotations.NullMarked
package dev.graft.trainer.compare.statistics;
