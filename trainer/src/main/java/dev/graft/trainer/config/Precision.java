package dev.graft.trainer.config;

/** What the base model computes in. Adapters are float32 always. */
public enum Precision {
  /** bfloat16 where the machine multiplies it natively, else float32. */
  AUTO,
  /** bfloat16 activations and weights, products accumulated in float32. */
  BF16,
  /** float32 throughout. */
  F32
}
