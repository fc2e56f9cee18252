@org.jspecify.annotations.NullMarked
package dev.graft.modelio.gguf;
