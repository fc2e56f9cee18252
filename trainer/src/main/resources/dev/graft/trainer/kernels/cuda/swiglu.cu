// SwiGLU (Shazeer 2020), forward and backward, each in one pass over memory.
//
// Any number of blocks and threads.
#include "prelude.cuh"

// Two units in the last place are good enough, and much less to compute; σ is 0 where the divisor
// goes beyond 2^126.
__device__ __forceinline__ float sigmoid(float z) { return __fdividef(1, 1 + expf(-z)); }

// out = silu(gate) · up, silu(z) = z σ(z)
template <int N>
__device__ __forceinline__ void gateRows(
    const act* gate,
    int gateStride,
    const act* up,
    int upStride,
    act* out,
    int outStride,
    int rows,
    int columns) {
  forPieces<N>(rows, columns, [&](int64 row, int column) {
    float g[N];
    float u[N];
    loadPiece(g, gate + row * gateStride + column);
    loadPiece(u, up + row * upStride + column);
#pragma unroll
    for (int i = 0; i < N; i++) {
      g[i] = g[i] * sigmoid(g[i]) * u[i];
    }
    storePiece(out + row * outStride + column, g);
  });
}

extern "C" __global__ void swiglu(
    const act* gate,
    int gateStride,
    const act* up,
    int upStride,
    act* out,
    int outStride,
    int rows,
    int columns) {
  constexpr int N = PIECE<act>;
  if (inPieces<N>(gate, gateStride, columns) && inPieces<N>(up, upStride, columns)
      && inPieces<N>(out, outStride, columns)) {
    gateRows<N>(gate, gateStride, up, upStride, out, outStride, rows, columns);
  } else {
    gateRows<1>(gate, gateStride, up, upStride, out, outStride, rows, columns);
  }
}

// dup = dout · silu(gate)    dgate = dout · up · σ(gate) · (1 + gate · (1 - σ(gate)))
//
// A thread has read all that it needs of a piece before it writes it, so that dgate may be dout.
template <int N>
__device__ __forceinline__ void gateBackwardRows(
    const act* gate,
    int gateStride,
    const act* up,
    int upStride,
    const act* dout,
    int doutStride,
    act* dgate,
    int dgateStride,
    act* dup,
    int dupStride,
    int rows,
    int columns) {
  forPieces<N>(rows, columns, [&](int64 row, int column) {
    float g[N];
    float u[N];
    float d[N];
    loadPiece(g, gate + row * gateStride + column);
    loadPiece(u, up + row * upStride + column);
    loadPiece(d, dout + row * doutStride + column);
#pragma unroll
    for (int i = 0; i < N; i++) {
      float sigma = sigmoid(g[i]);
      float slope = sigma * (1 + g[i] * (1 - sigma));
      float du = d[i] * (g[i] * sigma);
      d[i] = d[i] * u[i] * slope;
      u[i] = du;
    }
    storePiece(dgate + row * dgateStride + column, d);
    storePiece(dup + row * dupStride + column, u);
  });
}

extern "C" __global__ void swiglu_backward(
    const act* gate,
    int gateStride,
    const act* up,
    int upStride,
    const act* dout,
    int doutStride,
    act* dgate,
    int dgateStride,
    act* dup,
    int dupStride,
    int rows,
    int columns) {
  constexpr int N = PIECE<act>;
  if (inPieces<N>(gate, gateStride, columns) && inPieces<N>(up, upStride, columns)
      && inPieces<N>(dout, doutStride, columns) && inPieces<N>(dgate, dgateStride, columns)
      && inPieces<N>(dup, dupStride, columns)) {
    gateBackwardRows<N>(gate, gateStride, up, upStride, dout, doutStride, dgate, dgateStride, dup,
                        dupStride, rows, columns);
  } else {
    gateBackwardRows<1>(gate, gateStride, up, upStride, dout, doutStride, dgate, dgateStride, dup,
                        dupStride, rows, columns);
  }
}
