/** Who answers: local models, answers made elsewhere, and endpoints, with what they cost. */
@org.jspecify.annotations.NullMarked
package dev.graft.trainer.compare.contestant;
