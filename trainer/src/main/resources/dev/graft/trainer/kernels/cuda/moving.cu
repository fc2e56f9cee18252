// Copies, look-ups, sums and scaling of rows. What each computes is in Kernels.java.
//
// Any number of blocks and threads; 256 threads where a text says nothing else.
#include "prelude.cuh"

// Rounds to the type of out; the same type keeps its bits, whatever they stand for.
template <int N, class X, class Y>
__device__ __forceinline__ void convertPiece(const X* x, Y* out) {
  if constexpr (SAME<X, Y>) {
    using Bits = typename Piece<X, N>::Bits;
    storeBits(reinterpret_cast<Bits*>(out), *reinterpret_cast<const Bits*>(x));
  } else {
    float values[N];
    loadPiece(values, x);
    storePiece(out, values);
  }
}

// out[target(i)] = x[source(i)]
template <class X, class Y, class Source, class Target>
__device__ __forceinline__ void moveRows(
    const X* x,
    int xStride,
    Y* out,
    int outStride,
    int rows,
    int columns,
    Source source,
    Target target) {
  constexpr int N = PIECE<X, Y>;
  if (inPieces<N>(x, xStride, columns) && inPieces<N>(out, outStride, columns)) {
    forPieces<N>(rows, columns, [&](int64 row, int column) {
      convertPiece<N>(x + source(row) * xStride + column, out + target(row) * outStride + column);
    });
  } else {
    forPieces<1>(rows, columns, [&](int64 row, int column) {
      convertPiece<1>(x + source(row) * xStride + column, out + target(row) * outStride + column);
    });
  }
}

#define CONVERT(X, Y)                                                                    \
  extern "C" __global__ void convert_##X##_##Y(                                          \
      const X* x, int xStride, Y* out, int outStride, int rows, int columns) {           \
    auto same = [](int64 row) { return row; };                                           \
    moveRows(x, xStride, out, outStride, rows, columns, same, same);                     \
  }
EACH_PAIR(CONVERT)

#define GATHER(X, Y)                                                                     \
  extern "C" __global__ void gather_##X##_##Y(                                           \
      const X* x, int xStride, const int* index, Y* out, int outStride, int rows, int columns) { \
    auto same = [](int64 row) { return row; };                                           \
    auto indexed = [=](int64 row) { return int64(index[row]); };                         \
    moveRows(x, xStride, out, outStride, rows, columns, indexed, same);                  \
  }
EACH_PAIR(GATHER)

#define SCATTER(X, Y)                                                                    \
  extern "C" __global__ void scatter_##X##_##Y(                                          \
      const X* x, int xStride, const int* index, Y* out, int outStride, int rows, int columns) { \
    auto same = [](int64 row) { return row; };                                           \
    auto indexed = [=](int64 row) { return int64(index[row]); };                         \
    moveRows(x, xStride, out, outStride, rows, columns, same, indexed);                  \
  }
EACH_PAIR(SCATTER)

// y += x
template <int N, class X>
__device__ __forceinline__ void addRows(
    const X* x, int xStride, float* y, int yStride, int rows, int columns) {
  forPieces<N>(rows, columns, [&](int64 row, int column) {
    float summand[N];
    float sum[N];
    float* to = y + row * yStride + column;
    loadPiece(summand, x + row * xStride + column);
    loadPiece(sum, to);
#pragma unroll
    for (int i = 0; i < N; i++) {
      sum[i] += summand[i];
    }
    storePiece(to, sum);
  });
}

#define ADD(X)                                                                           \
  extern "C" __global__ void add_##X(                                                    \
      const X* x, int xStride, float* y, int yStride, int rows, int columns) {           \
    constexpr int N = PIECE<X, float>;                                                   \
    if (inPieces<N>(x, xStride, columns) && inPieces<N>(y, yStride, columns)) {          \
      addRows<N>(x, xStride, y, yStride, rows, columns);                                 \
    } else {                                                                             \
      addRows<1>(x, xStride, y, yStride, rows, columns);                                 \
    }                                                                                    \
  }
EACH_TYPE(ADD)

// x *= factor
template <int N, class X>
__device__ __forceinline__ void scaleRows(X* x, int stride, int rows, int columns, float factor) {
  forPieces<N>(rows, columns, [&](int64 row, int column) {
    float values[N];
    X* at = x + row * stride + column;
    loadPiece(values, at);
#pragma unroll
    for (int i = 0; i < N; i++) {
      values[i] *= factor;
    }
    storePiece(at, values);
  });
}

#define SCALE(X)                                                                         \
  extern "C" __global__ void scale_##X(X* x, int stride, int rows, int columns, float factor) { \
    constexpr int N = PIECE<X>;                                                          \
    if (inPieces<N>(x, stride, columns)) {                                               \
      scaleRows<N>(x, stride, rows, columns, factor);                                    \
    } else {                                                                             \
      scaleRows<1>(x, stride, rows, columns, factor);                                    \
    }                                                                                    \
  }
EACH_TYPE(SCALE)

constexpr int EMBED_THREADS = 256;

// For a token whose id no token before it has: dtable[id] += dout[t] of all tokens with this id, in
// their order. Called by a whole block.
template <int N>
__device__ __forceinline__ void addTokensAlike(
    const int* ids,
    int id,
    int first,
    const float* dout,
    int doutStride,
    float* dtableRow,
    int tokens,
    int columns) {
  // Those of as many tokens as there are threads, in their order, and how many of each warp's.
  __shared__ int alike[EMBED_THREADS];
  __shared__ int counts[EMBED_THREADS / WARP];
  int lane = threadIdx.x % WARP;
  int warp = threadIdx.x / WARP;
  for (int from = first; from < tokens; from += EMBED_THREADS) {
    int token = from + threadIdx.x;
    bool mine = token < tokens && ids[token] == id;
    uint32 ours = __ballot_sync(ALL_LANES, mine);
    if (lane == 0) {
      counts[warp] = __popc(ours);
    }
    __syncthreads();
    int before = 0;
    int count = 0;
#pragma unroll
    for (int other = 0; other < EMBED_THREADS / WARP; other++) {
      before += other < warp ? counts[other] : 0;
      count += counts[other];
    }
    if (mine) {
      alike[before + __popc(ours & ((1u << lane) - 1))] = token;
    }
    __syncthreads();
    for (int column = threadIdx.x * N; count > 0 && column < columns; column += EMBED_THREADS * N) {
      float sum[N];
      loadPiece(sum, dtableRow + column);
#pragma unroll 4
      for (int i = 0; i < count; i++) {
        float summand[N];
        loadPiece(summand, dout + int64(alike[i]) * doutStride + column);
#pragma unroll
        for (int j = 0; j < N; j++) {
          sum[j] += summand[j];
        }
      }
      storePiece(dtableRow + column, sum);
    }
  }
}

// A block of EMBED_THREADS for each token that is the first of its id, any number of blocks; those
// of other tokens have nothing to do. Four blocks on a multiprocessor are asked for, since for more
// of them ptxas would spill registers on its own.
extern "C" __global__ void __launch_bounds__(EMBED_THREADS, 4) embed_backward(
    const int* ids,
    const float* dout,
    int doutStride,
    float* dtable,
    int dtableStride,
    int tokens,
    int columns) {
  constexpr int N = PIECE<float>;
  bool pieces =
      inPieces<N>(dout, doutStride, columns) && inPieces<N>(dtable, dtableStride, columns);
  for (int first = blockIdx.x; first < tokens; first += gridDim.x) {
    int id = ids[first];
    bool before = false;
    for (int token = threadIdx.x; token < first; token += EMBED_THREADS) {
      before |= ids[token] == id;
    }
    if (__syncthreads_or(before)) {
      continue;
    }
    float* row = dtable + int64(id) * dtableStride;
    if (pieces) {
      addTokensAlike<N>(ids, id, first, dout, doutStride, row, tokens, columns);
    } else {
      addTokensAlike<1>(ids, id, first, dout, doutStride, row, tokens, columns);
    }
  }
}

template <int N>
__device__ __forceinline__ double squaresOfThread(
    const float* x, int stride, int rows, int columns) {
  double sum = 0;
  forPieces<N>(rows, columns, [&](int64 row, int column) {
    float values[N];
    loadPiece(values, x + row * stride + column);
#pragma unroll
    for (int i = 0; i < N; i++) {
      sum += double(values[i]) * values[i];
    }
  });
  return sum;
}

// partials[b] is the sum of squares of what block b reads, which is the same in each launch of as
// many blocks of as many threads.
extern "C" __global__ void sum_of_squares(
    const float* x, int stride, int rows, int columns, double* partials) {
  __shared__ double perWarp[WARP];
  constexpr int N = PIECE<float>;
  double mine = inPieces<N>(x, stride, columns)
      ? squaresOfThread<N>(x, stride, rows, columns)
      : squaresOfThread<1>(x, stride, rows, columns);
  double sum = blockSum(mine, perWarp);
  if (threadIdx.x == 0) {
    partials[blockIdx.x] = sum;
  }
}

// One block.
extern "C" __global__ void sum_partials(const double* partials, int n, double* out) {
  __shared__ double perWarp[WARP];
  double mine = 0;
  for (int i = threadIdx.x; i < n; i += blockDim.x) {
    mine += partials[i];
  }
  double sum = blockSum(mine, perWarp);
  if (threadIdx.x == 0) {
    *out = sum;
  }
}
