/**
 * Training: everything between a frozen checkpoint and a finished adapter.
 *
 * <p>The packages import only to the left: {@code {config, console, tensor} → kernels → {model,
 * selftest} → {lora, full} → {optim, data} → {runtime, runs} → {generate, report} → train →
 * {export, quickstart, bench, sweep} → compare → {cli, launch}}.
 */
@org.jspecify.annotations.NullMarked
package dev.graft.trainer;
