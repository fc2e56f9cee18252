// AdamW on a flat vector of parameters.
//
// Any number of blocks and threads.
#include "prelude.cuh"

struct AdamW {
  float gradientFactor;
  float beta1;
  float beta2;
  float learningRate;
  float epsilon;
  float weightDecay;
  float correction1;  // 1 - β₁ᵗ
  float correction2;  // 1 - β₂ᵗ
  float factor;       // of the learning rate of these parameters
};

// g = gradientFactor · gradient
// m = β₁ m + (1 - β₁) g      v = β₂ v + (1 - β₂) g²
// p = p - factor · (lr · (m / correction1) / (√(v / correction2) + ε) + lr λ p)
template <int N>
__device__ __forceinline__ void update(
    float* parameters,
    const float* gradients,
    float* ms,
    float* vs,
    int64 from,
    int64 to,
    AdamW a) {
  int64 step = int64(gridDim.x) * blockDim.x * N;
  for (int64 i = from + (int64(blockIdx.x) * blockDim.x + threadIdx.x) * N; i < to; i += step) {
    float p[N];
    float g[N];
    float m[N];
    float v[N];
    loadPiece(p, parameters + i);
    loadPiece(g, gradients + i);
    loadPiece(m, ms + i);
    loadPiece(v, vs + i);
#pragma unroll
    for (int j = 0; j < N; j++) {
      g[j] *= a.gradientFactor;
      m[j] = a.beta1 * m[j] + (1 - a.beta1) * g[j];
      v[j] = a.beta2 * v[j] + (1 - a.beta2) * (g[j] * g[j]);
      float direction = (m[j] / a.correction1) / (sqrtf(v[j] / a.correction2) + a.epsilon);
      p[j] -= a.factor * (a.learningRate * direction + a.learningRate * a.weightDecay * p[j]);
    }
    storePiece(ms + i, m);
    storePiece(vs + i, v);
    storePiece(parameters + i, p);
  }
}

extern "C" __global__ void adamw(
    float* parameters,
    const float* gradients,
    float* m,
    float* v,
    int64 n,
    float gradientFactor,
    float beta1,
    float beta2,
    float learningRate,
    float epsilon,
    float weightDecay,
    float correction1,
    float correction2,
    float factor) {
  AdamW a = {gradientFactor, beta1,       beta2,       learningRate, epsilon,
             weightDecay,    correction1, correction2, factor};
  constexpr int N = PIECE<float>;
  bool pieces = inPieces<N>(parameters, 0, N) && inPieces<N>(gradients, 0, N)
      && inPieces<N>(m, 0, N) && inPieces<N>(v, 0, N);
  int64 whole = pieces ? n - n % N : 0;
  update<N>(parameters, gradients, m, v, 0, whole, a);
  update<1>(parameters, gradients, m, v, whole, n, a);
}
