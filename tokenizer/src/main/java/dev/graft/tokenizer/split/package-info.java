/**
 * Divides data into training and validation rows, converts it between formats without losing
 * anything, and lists what a run was trained on.
 */
@NullMarked
package dev.graft.tokenizer.split;

import org.jspecify.annotations.NullMarked;
