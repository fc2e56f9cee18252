/** Matrices that are computed row by row while a file is written, so that none is held whole. */
@org.jspecify.annotations.NullMarked
package dev.graft.modelio.rows;
