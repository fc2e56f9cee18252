/** Tests of what is said about data before it is trained on. */
@NullMarked
package dev.graft.tokenizer.check;

import org.jspecify.annotations.NullMarked;
