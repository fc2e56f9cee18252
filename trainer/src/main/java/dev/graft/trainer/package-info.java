/**
 * Training: everything between a frozen checkpoint and a finished adapter.
 *
 * <p>The packages import only to the left: {@code tensor → kernels → model → lora → {optim, data} →
 * train → {generate, compare, report} → cli}.
 */
@org.jspecify.annotations.NullMarked
package dev.graft.trainer;
