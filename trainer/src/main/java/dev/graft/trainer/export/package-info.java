/**
 * Hands an adapter over to servers: files in their formats, and a certificate that they say the
 * same as the trainer.
 */
@org.jspecify.annotations.NullMarked
package dev.graft.trainer.export;
