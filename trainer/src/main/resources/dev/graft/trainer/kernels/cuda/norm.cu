// RMSNorm, forward and backward (Zhang and Sennrich 2019). What is computed is in Kernels.java.
//
// A block for each row, any number of blocks; the sums over columns have their own rule.
#include "prelude.cuh"

// y = x · r · weight, r = 1 / sqrt(mean(x²) + epsilon)
template <int N, class W, class Y>
__device__ __forceinline__ void normRows(
    const float* x,
    int xStride,
    const W* weight,
    float epsilon,
    Y* y,
    int yStride,
    float* inverseRms,
    int rows,
    int columns) {
  __shared__ float perWarp[WARP];
  constexpr int BATCH = 4;
  int64 begin = threadIdx.x * N;
  int64 step = int64(blockDim.x) * N;
  for (int64 row = blockIdx.x; row < rows; row += gridDim.x) {
    const float* in = x + row * xStride;
    Y* out = y + row * yStride;
    float squares = 0;
#pragma unroll 1
    for (int64 first = begin; first < columns; first += BATCH * step) {
      float values[BATCH][N];
      loadBatch(values, in, first, columns, 0);
#pragma unroll
      for (int j = 0; j < BATCH; j++) {
#pragma unroll
        for (int i = 0; i < N; i++) {
          squares += values[j][i] * values[j][i];
        }
      }
    }
    float inverse = 1 / sqrtf(blockSum(squares, perWarp) / columns + epsilon);
    // The row is in the nearest cache now.
#pragma unroll 1
    for (int64 column = begin; column < columns; column += step) {
      float values[N];
      float weights[N];
      loadPiece(values, in + column);
      loadPiece(weights, weight + column);
#pragma unroll
      for (int i = 0; i < N; i++) {
        values[i] *= inverse * weights[i];
      }
      storePiece(out + column, values);
    }
    if (threadIdx.x == 0) {
      inverseRms[row] = inverse;
    }
  }
}

#define RMS_NORM(W, Y)                                                                   \
  extern "C" __global__ void rms_norm_##W##_##Y(                                         \
      const float* x,                                                                    \
      int xStride,                                                                       \
      const W* weight,                                                                   \
      float epsilon,                                                                     \
      Y* y,                                                                              \
      int yStride,                                                                       \
      float* inverseRms,                                                                 \
      int rows,                                                                          \
      int columns) {                                                                     \
    constexpr int N = PIECE<float>;                                                      \
    if (inPieces<N>(x, xStride, columns) && inPieces<N>(weight, 0, columns)              \
        && inPieces<N>(y, yStride, columns)) {                                           \
      normRows<N>(x, xStride, weight, epsilon, y, yStride, inverseRms, rows, columns);   \
    } else {                                                                             \
      normRows<1>(x, xStride, weight, epsilon, y, yStride, inverseRms, rows, columns);   \
    }                                                                                    \
  }
RMS_NORM(f32, f32)
RMS_NORM(f32, bf16)
RMS_NORM(bf16, f32)
RMS_NORM(bf16, bf16)
RMS_NORM(f16, f32)
RMS_NORM(f16, bf16)

// dx += r · (dy · weight) - x · r³ / d · Σ(dy · weight · x)
template <int N, class W>
__device__ __forceinline__ void normBackwardRows(
    const float* dy,
    int dyStride,
    const float* x,
    int xStride,
    const W* weight,
    const float* inverseRms,
    float* dx,
    int dxStride,
    int rows,
    int columns) {
  __shared__ float perWarp[WARP];
  constexpr int BATCH = 2;
  int64 begin = threadIdx.x * N;
  int64 step = int64(blockDim.x) * N;
  for (int64 row = blockIdx.x; row < rows; row += gridDim.x) {
    const float* gradient = dy + row * dyStride;
    const float* in = x + row * xStride;
    float* out = dx + row * dxStride;
    float dys[BATCH][N];
    float xs[BATCH][N];
    float weights[BATCH][N];
    float sums[BATCH][N];
    float products = 0;
#pragma unroll 1
    for (int64 first = begin; first < columns; first += BATCH * step) {
      loadBatch(dys, gradient, first, columns, 0);
      loadBatch(xs, in, first, columns, 0);
      loadBatch(weights, weight, first, columns, 0);
#pragma unroll
      for (int j = 0; j < BATCH; j++) {
#pragma unroll
        for (int i = 0; i < N; i++) {
          products += dys[j][i] * weights[j][i] * xs[j][i];
        }
      }
    }
    float r = inverseRms[row];
    float projection = blockSum(products, perWarp) * r * r * r / columns;
#pragma unroll 1
    for (int64 first = begin; first < columns; first += BATCH * step) {
      loadBatch(sums, out, first, columns, 0);
      loadBatch(dys, gradient, first, columns, 0);
      loadBatch(xs, in, first, columns, 0);
      loadBatch(weights, weight, first, columns, 0);
#pragma unroll
      for (int j = 0; j < BATCH; j++) {
#pragma unroll
        for (int i = 0; i < N; i++) {
          sums[j][i] += r * (dys[j][i] * weights[j][i]) - projection * xs[j][i];
        }
        int64 column = first + j * step;
        if (column < columns) {
          storePiece(out + column, sums[j]);
        }
      }
    }
  }
}

#define RMS_NORM_BACKWARD(W)                                                             \
  extern "C" __global__ void rms_norm_backward_##W(                                      \
      const float* dy,                                                                   \
      int dyStride,                                                                      \
      const float* x,                                                                    \
      int xStride,                                                                       \
      const W* weight,                                                                   \
      const float* inverseRms,                                                           \
      float* dx,                                                                         \
      int dxStride,                                                                      \
      int rows,                                                                          \
      int columns) {                                                                     \
    constexpr int N = PIECE<float>;                                                      \
    if (inPieces<N>(dy, dyStride, columns) && inPieces<N>(x, xStride, columns)           \
        && inPieces<N>(weight, 0, columns) && inPieces<N>(dx, dxStride, columns)) {      \
      normBackwardRows<N>(                                                               \
          dy, dyStride, x, xStride, weight, inverseRms, dx, dxStride, rows, columns);    \
    } else {                                                                             \
      normBackwardRows<1>(                                                               \
          dy, dyStride, x, xStride, weight, inverseRms, dx, dxStride, rows, columns);    \
    }                                                                                    \
  }
EACH_TYPE(RMS_NORM_BACKWARD)

// dweight += Σ dy · x · r. Up to 1024 threads, as many as that are best; a block for 32 columns.
extern "C" __global__ void __launch_bounds__(1024) rms_norm_backward_weight(
    const float* __restrict__ dy,
    int dyStride,
    const float* __restrict__ x,
    int xStride,
    const float* __restrict__ inverseRms,
    float* __restrict__ dweight,
    int rows,
    int columns) {
  forColumnSums(
      rows,
      columns,
      [&](int64 row, int column) {
        return dy[row * dyStride + column] * (x[row * xStride + column] * inverseRms[row]);
      },
      [&](int column, float sum) { dweight[column] += sum; });
}
