// What is drawn where it is needed: the same numbers, bit for bit, as Philox.java draws.
//
// Any number of blocks and threads.
#include "prelude.cuh"

// Which numbers: the key and the upper half of the counter.
struct Stream {
  uint64 seed;
  int step;
  int place;
};

// Philox4x32-10 (Salmon et al. 2011): the four numbers of elements 4 quad to 4 quad + 3.
__device__ __forceinline__ void drawQuad(Stream stream, uint64 quad, uint32 (&numbers)[4]) {
  uint32 key0 = uint32(stream.seed);
  uint32 key1 = uint32(stream.seed >> 32);
  uint32 c0 = uint32(quad);
  uint32 c1 = uint32(quad >> 32);
  uint32 c2 = uint32(stream.place);
  uint32 c3 = uint32(stream.step);
#pragma unroll
  for (int round = 0; round < 10; round++) {
    uint64 product0 = uint64(0xD2511F53u) * c0;
    uint64 product1 = uint64(0xCD9E8D57u) * c2;
    c0 = uint32(product1 >> 32) ^ c1 ^ key0;
    c1 = uint32(product1);
    c2 = uint32(product0 >> 32) ^ c3 ^ key1;
    c3 = uint32(product0);
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
  numbers[0] = c0;
  numbers[1] = c1;
  numbers[2] = c2;
  numbers[3] = c3;
}

// The numbers of elements first to first + N - 1, N being 1 or first a multiple of 4.
template <int N>
__device__ __forceinline__ void draw(Stream stream, int64 first, uint32 (&numbers)[N]) {
  uint32 quad[4];
  if constexpr (N == 1) {
    drawQuad(stream, first / 4, quad);
    int i = first % 4;
    numbers[0] = i < 2 ? (i == 0 ? quad[0] : quad[1]) : (i == 2 ? quad[2] : quad[3]);
  } else {
#pragma unroll
    for (int i = 0; i < N; i += 4) {
      drawQuad(stream, (first + i) / 4, quad);
#pragma unroll
      for (int j = 0; j < 4; j++) {
        numbers[i + j] = quad[j];
      }
    }
  }
}

// out = keep ? keepScale x : 0, or added to out. Zero also where x is infinite.
template <int N, class X, class Y>
__device__ __forceinline__ void dropRows(
    const X* x,
    int xStride,
    Y* out,
    int outStride,
    int rows,
    int columns,
    bool accumulate,
    Stream stream,
    uint32 threshold,
    float keepScale) {
  forPieces<N>(rows, columns, [&](int64 row, int column) {
    float values[N];
    float before[N] = {};
    Y* to = out + row * outStride + column;
    loadPiece(values, x + row * xStride + column);
    if (accumulate) {
      loadPiece(before, to);
    }
    uint32 numbers[N];
    draw(stream, row * columns + column, numbers);
#pragma unroll
    for (int i = 0; i < N; i++) {
      float kept = numbers[i] >= threshold ? values[i] * keepScale : 0;
      values[i] = accumulate ? before[i] + kept : kept;
    }
    storePiece(to, values);
  });
}

#define DROPOUT(X, Y)                                                                    \
  extern "C" __global__ void dropout_##X##_##Y(                                          \
      const X* x,                                                                        \
      int xStride,                                                                       \
      Y* out,                                                                            \
      int outStride,                                                                     \
      int rows,                                                                          \
      int columns,                                                                       \
      int accumulate,                                                                    \
      uint64 seed,                                                                       \
      int step,                                                                          \
      int place,                                                                         \
      uint32 threshold,                                                                  \
      float keepScale) {                                                                 \
    constexpr int N = PIECE<X, Y>;                                                       \
    Stream stream = {seed, step, place};                                                 \
    if (inPieces<N>(x, xStride, columns) && inPieces<N>(out, outStride, columns)) {      \
      dropRows<N>(x, xStride, out, outStride, rows, columns, accumulate != 0, stream,    \
                  threshold, keepScale);                                                 \
    } else {                                                                             \
      dropRows<1>(x, xStride, out, outStride, rows, columns, accumulate != 0, stream,    \
                  threshold, keepScale);                                                 \
    }                                                                                    \
  }
DROPOUT(f32, f32)
DROPOUT(f32, bf16)
DROPOUT(bf16, f32)
DROPOUT(bf16, bf16)
DROPOUT(f16, f32)
DROPOUT(f16, bf16)

// The number in [-1, 1) that the upper 24 bits stand for; exact.
__device__ __forceinline__ float uniform(uint32 number) { return (number >> 8) * 0x1p-23f - 1; }

// x[t] += amplitudes[t] u
template <int N>
__device__ __forceinline__ void noiseRows(
    float* x, int stride, const float* amplitudes, int rows, int columns, Stream stream) {
  forPieces<N>(rows, columns, [&](int64 row, int column) {
    float values[N];
    uint32 numbers[N];
    float* at = x + row * stride + column;
    loadPiece(values, at);
    draw(stream, row * columns + column, numbers);
    float amplitude = amplitudes[row];
#pragma unroll
    for (int i = 0; i < N; i++) {
      values[i] = fmaf(uniform(numbers[i]), amplitude, values[i]);
    }
    storePiece(at, values);
  });
}

extern "C" __global__ void add_noise(
    float* x,
    int stride,
    const float* amplitudes,
    int rows,
    int columns,
    uint64 seed,
    int step,
    int place) {
  constexpr int N = PIECE<float>;
  Stream stream = {seed, step, place};
  if (inPieces<N>(x, stride, columns)) {
    noiseRows<N>(x, stride, amplitudes, rows, columns, stream);
  } else {
    noiseRows<1>(x, stride, amplitudes, rows, columns, stream);
  }
}
