// Rows by length and direction, as DoRA has them (Liu et al. 2024). What each computes is in
// Kernels.java.
#include "prelude.cuh"

// squares[j] = Σ w[j]². A block for each row, any number of blocks.
template <int N, class X>
__device__ __forceinline__ void squareRows(
    const X* w, int stride, float* squares, int rows, int columns) {
  __shared__ float perWarp[WARP];
  for (int64 row = blockIdx.x; row < rows; row += gridDim.x) {
    float mine = 0;
    for (int column = threadIdx.x * N; column < columns; column += blockDim.x * N) {
      float values[N];
      loadPiece(values, w + row * stride + column);
#pragma unroll
      for (int i = 0; i < N; i++) {
        mine += values[i] * values[i];
      }
    }
    float sum = blockSum(mine, perWarp);
    if (threadIdx.x == 0) {
      squares[row] = sum;
    }
  }
}

#define ROW_SQUARES(X)                                                                   \
  extern "C" __global__ void row_squares_##X(                                            \
      const X* w, int stride, float* squares, int rows, int columns) {                   \
    constexpr int N = PIECE<X>;                                                          \
    if (inPieces<N>(w, stride, columns)) {                                               \
      squareRows<N>(w, stride, squares, rows, columns);                                  \
    } else {                                                                             \
      squareRows<1>(w, stride, squares, rows, columns);                                  \
    }                                                                                    \
  }
EACH_TYPE(ROW_SQUARES)

// c² = squares + 2s · b cross + s² · b gram bᵀ, 1 / c and magnitude / c. A warp for each row, any
// number of blocks; the terms nearly cancel where the update turns a row back, so they are summed
// in double.
extern "C" __global__ void magnitude_gains(
    const float* __restrict__ squares,
    const float* __restrict__ cross,
    int crossStride,
    const float* __restrict__ gram,
    int gramStride,
    const act* __restrict__ b,
    int bStride,
    float scale,
    const float* __restrict__ magnitude,
    float* __restrict__ inverseLengths,
    float* __restrict__ gains,
    int rows,
    int rank) {
  int lane = threadIdx.x % WARP;
  int warps = blockDim.x / WARP;
  int64 step = int64(gridDim.x) * warps;
  for (int64 row = int64(blockIdx.x) * warps + threadIdx.x / WARP; row < rows; row += step) {
    const act* own = b + row * bStride;
    double mine = 0;
    for (int k = lane; k < rank; k += WARP) {
      // (b gram)[k]; neighbouring lanes read neighbouring columns.
      float update = 0;
      for (int i = 0; i < rank; i++) {
        update += toFloat(own[i]) * gram[int64(i) * gramStride + k];
      }
      double crossed = cross[int64(k) * crossStride + row];
      mine += double(toFloat(own[k])) * scale * (2 * crossed + double(scale) * update);
    }
    double sum = squares[row] + warpSum(mine);
    if (lane == 0) {
      double inverse = sum > 0 ? 1 / sqrt(sum) : 0;
      inverseLengths[row] = float(inverse);
      gains[row] = float(magnitude[row] * inverse);
    }
  }
}

// y = x · factors, or added to y. Any number of blocks and threads.
template <int N, class Y>
__device__ __forceinline__ void scaleColumns(
    const act* x,
    int xStride,
    const float* factors,
    Y* y,
    int yStride,
    bool accumulate,
    int rows,
    int columns) {
  forPieces<N>(rows, columns, [&](int64 row, int column) {
    float values[N];
    float scales[N];
    float before[N] = {};
    Y* to = y + row * yStride + column;
    loadPiece(values, x + row * xStride + column);
    loadPiece(scales, factors + column);
    if (accumulate) {
      loadPiece(before, to);
    }
#pragma unroll
    for (int i = 0; i < N; i++) {
      values[i] = accumulate ? fmaf(values[i], scales[i], before[i]) : values[i] * scales[i];
    }
    storePiece(to, values);
  });
}

#define SCALE_COLUMNS(Y)                                                                 \
  extern "C" __global__ void scale_columns_##Y(                                          \
      const act* x,                                                                      \
      int xStride,                                                                       \
      const float* factors,                                                              \
      Y* y,                                                                              \
      int yStride,                                                                       \
      int accumulate,                                                                    \
      int rows,                                                                          \
      int columns) {                                                                     \
    constexpr int N = PIECE<act, Y>;                                                     \
    if (inPieces<N>(x, xStride, columns) && inPieces<N>(factors, 0, columns)             \
        && inPieces<N>(y, yStride, columns)) {                                           \
      scaleColumns<N>(x, xStride, factors, y, yStride, accumulate != 0, rows, columns);  \
    } else {                                                                             \
      scaleColumns<1>(x, xStride, factors, y, yStride, accumulate != 0, rows, columns);  \
    }                                                                                    \
  }
SCALE_COLUMNS(f32)
SCALE_COLUMNS(bf16)

// dfactors += constants · Σ dy · x. Up to 1024 threads, as many as that are best; a block for 32
// columns.
extern "C" __global__ void __launch_bounds__(1024) scale_columns_backward_factors(
    const act* __restrict__ dy,
    int dyStride,
    const act* __restrict__ x,
    int xStride,
    const float* __restrict__ constants,
    float* __restrict__ dfactors,
    int rows,
    int columns) {
  forColumnSums(
      rows,
      columns,
      [&](int64 row, int column) {
        return toFloat(dy[row * dyStride + column]) * toFloat(x[row * xStride + column]);
      },
      [&](int column, float sum) {
        dfactors[column] = fmaf(constants[column], sum, dfactors[column]);
      });
}
