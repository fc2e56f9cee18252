@org.jspecify.annotations.NullMarked
package dev.graft.trainer.selftest;
