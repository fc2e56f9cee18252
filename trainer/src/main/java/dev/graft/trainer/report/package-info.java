/**
 * The pieces that graft's pages are made of: one look for all of them, light and dark, readable on
 * a phone, without anything that has to be fetched. Knows nothing of what the pages are about.
 */
@org.jspecify.annotations.NullMarked
package dev.graft.trainer.report;
