/** Tests of everything between a data file and token sequences with loss masks. */
@NullMarked
package dev.graft.tokenizer;

import org.jspecify.annotations.NullMarked;
