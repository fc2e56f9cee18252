package dev.graft.trainer.kernels;

/**
 * The numbers of one update by AdamW (Loshchilov and Hutter 2019, algorithm 2):
 *
 * <pre>
 *   g = gradientFactor · gradient        m = β₁ m + (1 - β₁) g        v = β₂ v + (1 - β₂) g²
 *   p = p - factor · lr · ((m / correction1) / (√(v / correction2) + ε) + λ p)
 * </pre>
 *
 * @param gradientFactor below 1 where gradients are clipped
 * @param learningRate where it is 0, only m and v change
 * @param weightDecay λ
 * @param correction1 1 - β₁ᵗ
 * @param correction2 1 - β₂ᵗ
 * @param factor 1 but for parameters that learn at another rate than the rest
 */
public record AdamWUpdate(
    float gradientFactor,
    float beta1,
    float beta2,
    float learningRate,
    float epsilon,
    float weightDecay,
    float correction1,
    float correction2,
    float factor) {}
