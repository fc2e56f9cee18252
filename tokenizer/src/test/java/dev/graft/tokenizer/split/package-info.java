/** Tests of dividing and converting data. */
@NullMarked
package dev.graft.tokenizer.split;

import org.jspecify.annotations.NullMarked;
