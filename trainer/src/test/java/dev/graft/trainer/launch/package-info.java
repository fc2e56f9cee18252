@org.jspecify.annotations.NullMarked
package dev.graft.trainer.launch;
