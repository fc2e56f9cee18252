@org.jspecify.annotations.NullMarked
package dev.graft.modelio.inspect;
