// A plain product of matrices of any strides, sizes and alignment, for what the library refuses.
//
// 256 threads; any number of blocks, each of which computes 64 x 64 elements of c at a time.
#include "prelude.cuh"

constexpr int THREADS = 256;
constexpr int TILE = 64;   // rows and columns of c
constexpr int DEPTH = 16;  // of k
constexpr int SIDE = 16;   // threads along a side of the tile
constexpr int PER_THREAD = TILE / SIDE;

// tile[k][i] = x(i, k) of TILE of the rows and DEPTH of the columns, zero beyond their ends.
// Threads that follow each other read along the side on which elements do, as far as strides tell.
template <class T>
__device__ __forceinline__ void loadTile(
    float (&tile)[DEPTH][TILE + 1],
    const T* x,
    int64 stride,
    int64 depthStride,
    int64 first,
    int64 end,
    int64 firstDepth,
    int64 endDepth) {
  bool alongDepth = depthStride == 1;
  for (int e = threadIdx.x; e < TILE * DEPTH; e += THREADS) {
    int i = alongDepth ? e / DEPTH : e % TILE;
    int k = alongDepth ? e % DEPTH : e / TILE;
    bool there = first + i < end && firstDepth + k < endDepth;
    tile[k][i] =
        there ? toFloat(x[(first + i) * stride + (firstDepth + k) * depthStride]) : 0.0f;
  }
}

// c(m, n) = Σ a(m, k) b(k, n), or added to c; in the order of k.
template <class T, class O>
__device__ __forceinline__ void multiply(
    const T* __restrict__ a,
    int64 aRowStride,
    int64 aColumnStride,
    const T* __restrict__ b,
    int64 bRowStride,
    int64 bColumnStride,
    O* __restrict__ c,
    int64 cStride,
    int m,
    int n,
    int k,
    bool accumulate) {
  // A column more than a tile has, so that threads write along k to different banks.
  __shared__ float as[DEPTH][TILE + 1];
  __shared__ float bs[DEPTH][TILE + 1];
  int acrossTiles = (n - 1) / TILE + 1;
  int64 tiles = int64((m - 1) / TILE + 1) * acrossTiles;
  int down = threadIdx.x / SIDE;
  int across = threadIdx.x % SIDE;
  for (int64 tile = blockIdx.x; tile < tiles; tile += gridDim.x) {
    int64 row = tile / acrossTiles * TILE;
    int64 column = tile % acrossTiles * TILE;
    float sums[PER_THREAD][PER_THREAD] = {};
    for (int64 depth = 0; depth < k; depth += DEPTH) {
      loadTile(as, a, aRowStride, aColumnStride, row, m, depth, k);
      loadTile(bs, b, bColumnStride, bRowStride, column, n, depth, k);
      __syncthreads();
#pragma unroll 4
      for (int d = 0; d < DEPTH; d++) {
        float left[PER_THREAD];
        float right[PER_THREAD];
#pragma unroll
        for (int i = 0; i < PER_THREAD; i++) {
          left[i] = as[d][down + i * SIDE];
          right[i] = bs[d][across + i * SIDE];
        }
#pragma unroll
        for (int i = 0; i < PER_THREAD; i++) {
#pragma unroll
          for (int j = 0; j < PER_THREAD; j++) {
            sums[i][j] += left[i] * right[j];
          }
        }
      }
      __syncthreads();
    }
#pragma unroll
    for (int i = 0; i < PER_THREAD; i++) {
#pragma unroll
      for (int j = 0; j < PER_THREAD; j++) {
        int64 y = row + down + i * SIDE;
        int64 x = column + across + j * SIDE;
        if (y < m && x < n) {
          O* to = c + y * cStride + x;
          *to = fromFloat<O>(accumulate ? toFloat(*to) + sums[i][j] : sums[i][j]);
        }
      }
    }
  }
}

#define PRODUCT(T, O)                                                                    \
  extern "C" __global__ void __launch_bounds__(THREADS) product_##T##_##O(               \
      const T* a,                                                                        \
      int aRowStride,                                                                    \
      int aColumnStride,                                                                 \
      const T* b,                                                                        \
      int bRowStride,                                                                    \
      int bColumnStride,                                                                 \
      O* c,                                                                              \
      int cStride,                                                                       \
      int m,                                                                             \
      int n,                                                                             \
      int k,                                                                             \
      int accumulate) {                                                                  \
    multiply(a, aRowStride, aColumnStride, b, bRowStride, bColumnStride, c, cStride, m, n, k, \
             accumulate != 0);                                                           \
  }
PRODUCT(f32, f32)
PRODUCT(f32, bf16)
PRODUCT(bf16, f32)
PRODUCT(bf16, bf16)
