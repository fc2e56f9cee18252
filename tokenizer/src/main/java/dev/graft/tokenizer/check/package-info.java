/**
 * Looks through data before anything is trained on it and says what will hurt: wrong rows,
 * duplicates, leaks between training and validation data, contradictions, answers that are cut off
 * or of another form than the rest, secrets and personal data. {@link
 * dev.graft.tokenizer.check.DataCheck} tells the whole story.
 */
@NullMarked
package dev.graft.tokenizer.check;

import org.jspecify.annotations.NullMarked;
