@org.jspecify.annotations.NullMarked
package dev.graft.modelio.merge;
