// Rotary position embedding (Su et al. 2021) in Hugging Face's layout, in place.
//
// Any number of blocks and threads.
#include "prelude.cuh"

// (a, b) = (a c - b s, b c + a s) for the first and the second half of each head
template <int N>
__device__ __forceinline__ void rotateHeads(
    act* x,
    int stride,
    const int* positions,
    const float* cosine,
    const float* sine,
    int tableStride,
    int rows,
    int heads,
    int half,
    float direction) {
  forPieces<N>(rows, heads * half, [&](int64 row, int pair) {
    int head = pair / half;
    int i = pair % half;
    int64 angle = int64(positions[row]) * tableStride + i;
    act* first = x + row * stride + head * 2 * half + i;
    act* second = first + half;
    float a[N];
    float b[N];
    float c[N];
    float s[N];
    loadPiece(a, first);
    loadPiece(b, second);
    loadPiece(c, cosine + angle);
    loadPiece(s, sine + angle);
    float rotated[N];
#pragma unroll
    for (int j = 0; j < N; j++) {
      float turned = direction * s[j];
      rotated[j] = a[j] * c[j] - b[j] * turned;
      b[j] = b[j] * c[j] + a[j] * turned;
    }
    storePiece(first, rotated);
    storePiece(second, b);
  });
}

// half: of a head's elements, the number of angles; direction: 1 forward, -1 backward.
extern "C" __global__ void rotate(
    act* x,
    int stride,
    const int* positions,
    const float* cosine,
    const float* sine,
    int tableStride,
    int rows,
    int columns,
    int half,
    float direction) {
  constexpr int N = PIECE<act>;
  int heads = columns / (2 * half);
  if (inPieces<N>(x, stride, half) && inPieces<N>(cosine, tableStride, half)
      && inPieces<N>(sine, tableStride, half)) {
    rotateHeads<N>(x, stride, positions, cosine, sine, tableStride, rows, heads, half, direction);
  } else {
    rotateHeads<1>(x, stride, positions, cosine, sine, tableStride, rows, heads, half, direction);
  }
}
