// Softmax cross-entropy of rows of logits, and its gradient. What is computed is in Kernels.java.
//
// A block for each row, any number of blocks, up to 1024 threads. A row is read twice: of a large
// vocabulary the more comes out of the cache the second time, the fewer rows are under way at once,
// so one block of 1024 threads on each multiprocessor is best.
#include "prelude.cuh"

// Pieces of a row whose loads a thread has in flight together.
constexpr int BATCH = 4;

// Like -∞, but its difference to -∞ is a number.
constexpr float LOWEST = -3.4028234663852886e38f;

struct Statistics {
  float max;
  float sum;  // of exp(logit - max)
};

// One pass over the row: a sum is scaled down whenever its thread meets a higher maximum (Milakov
// and Gimelshein 2018, algorithm 3).
template <int N>
__device__ __forceinline__ Statistics statistics(const float* row, int columns) {
  __shared__ float perWarp[WARP];
  float max = LOWEST;
  float sum = 0;
  int64 step = int64(blockDim.x) * N;
  for (int64 first = threadIdx.x * N; first < columns; first += BATCH * step) {
    float values[BATCH][N];
    loadBatch(values, row, first, columns, -infinity());
    float higher = max;
#pragma unroll
    for (int j = 0; j < BATCH; j++) {
#pragma unroll
      for (int i = 0; i < N; i++) {
        higher = fmaxf(higher, values[j][i]);
      }
    }
    sum *= expf(max - higher);
#pragma unroll
    for (int j = 0; j < BATCH; j++) {
#pragma unroll
      for (int i = 0; i < N; i++) {
        sum += expf(values[j][i] - higher);
      }
    }
    max = higher;
  }
  float highest = blockMax(max, perWarp);
  return {highest, blockSum(sum * expf(max - highest), perWarp)};
}

__device__ __forceinline__ float lossOf(Statistics row, float targetLogit) {
  return logf(row.sum) + (row.max - targetLogit);
}

// dlogits = scale · (softmax(logits) - onehot(target)), from the row's end to its beginning: what
// was read last is still in the cache. dlogits may be the logits.
template <int N>
__device__ __forceinline__ void writeGradient(
    const float* logits, Statistics row, int target, float scale, act* dlogits, int columns) {
  float factor = scale / row.sum;
  int64 step = int64(blockDim.x) * N;
  int batches = int((columns - 1) / (BATCH * step)) + 1;
  for (int batch = batches - 1; batch >= 0; batch--) {
    int64 first = batch * BATCH * step + threadIdx.x * N;
    float values[BATCH][N];
    loadBatch(values, logits, first, columns, -infinity());
#pragma unroll
    for (int j = 0; j < BATCH; j++) {
      int64 column = first + j * step;
      if (column < columns) {
#pragma unroll
        for (int i = 0; i < N; i++) {
          float p = factor * expf(values[j][i] - row.max);
          values[j][i] = column + i == target ? p - scale : p;
        }
        storePiece(dlogits + column, values[j]);
      }
    }
  }
}

template <int N>
__device__ __forceinline__ void lossAndGradientRows(
    const float* logits,
    int logitsStride,
    const int* targets,
    float scale,
    float* loss,
    act* dlogits,
    int dlogitsStride,
    int rows,
    int columns) {
  for (int64 i = blockIdx.x; i < rows; i += gridDim.x) {
    const float* row = logits + i * logitsStride;
    int target = targets[i];
    // Before the gradient may have taken its place.
    float targetLogit = row[target];
    Statistics found = statistics<N>(row, columns);
    if (threadIdx.x == 0) {
      loss[i] = lossOf(found, targetLogit);
    }
    writeGradient<N>(row, found, target, scale, dlogits + i * dlogitsStride, columns);
  }
}

extern "C" __global__ void __launch_bounds__(1024) cross_entropy(
    const float* logits,
    int logitsStride,
    const int* targets,
    float scale,
    float* loss,
    act* dlogits,
    int dlogitsStride,
    int rows,
    int columns) {
  constexpr int N = PIECE<float>;
  if (inPieces<N>(logits, logitsStride, columns) && inPieces<N>(dlogits, dlogitsStride, columns)) {
    lossAndGradientRows<N>(
        logits, logitsStride, targets, scale, loss, dlogits, dlogitsStride, rows, columns);
  } else {
    lossAndGradientRows<1>(
        logits, logitsStride, targets, scale, loss, dlogits, dlogitsStride, rows, columns);
  }
}

template <int N>
__device__ __forceinline__ void lossRows(
    const float* logits,
    int logitsStride,
    const int* targets,
    float* loss,
    int rows,
    int columns) {
  for (int64 i = blockIdx.x; i < rows; i += gridDim.x) {
    const float* row = logits + i * logitsStride;
    Statistics found = statistics<N>(row, columns);
    if (threadIdx.x == 0) {
      loss[i] = lossOf(found, row[targets[i]]);
    }
  }
}

extern "C" __global__ void __launch_bounds__(1024) cross_entropy_loss(
    const float* logits, int logitsStride, const int* targets, float* loss, int rows, int columns) {
  constexpr int N = PIECE<float>;
  if (inPieces<N>(logits, logitsStride, columns)) {
    lossRows<N>(logits, logitsStride, targets, loss, rows, columns);
  } else {
    lossRows<1>(logits, logitsStride, targets, loss, rows, columns);
  }
}
