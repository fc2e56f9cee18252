// What every kernel file begins with: element types, conversions, reductions and the few PTX
// instructions that CUDA C++ has no word for. No header of the toolkit is included, so that NVRTC
// needs no include folder.
//
// A file is compiled for one type of activations: bfloat16 with ACT_BF16 defined, else float32.
//
// CUDA_SIMULATOR is defined where a C++ compiler builds the kernels for tests on a processor; what
// is PTX here has its counterpart in the simulator then.
#pragma once

using uint8 = unsigned char;
using uint16 = unsigned short;
using uint32 = unsigned int;
using int64 = long long;
using uint64 = unsigned long long;

constexpr int WARP = 32;
constexpr uint32 ALL_LANES = 0xffffffffu;

#ifndef CUDA_SIMULATOR
// Shared memory whose size is given at the launch, as a pointer to elements of a type.
#define DYNAMIC_SHARED(type, name)                         \
  extern __shared__ __align__(128) uint8 dynamicShared[]; \
  type* name = reinterpret_cast<type*>(dynamicShared)
#endif

// ---- element types ----

using f32 = float;

struct bf16 {
  uint16 bits;
};

struct f16 {
  uint16 bits;
};

#ifdef ACT_BF16
using act = bf16;
#else
using act = float;
#endif

__device__ __forceinline__ float toFloat(float x) { return x; }

__device__ __forceinline__ float toFloat(bf16 x) { return __uint_as_float(uint32(x.bits) << 16); }

#ifndef CUDA_SIMULATOR
__device__ __forceinline__ float toFloat(f16 x) {
  float result;
  asm("cvt.f32.f16 %0, %1;" : "=f"(result) : "h"(x.bits));
  return result;
}

__device__ __forceinline__ uint16 roundToBf16(float x) {
  uint16 bits;
  asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(bits) : "f"(x));
  return bits;
}

__device__ __forceinline__ uint16 roundToF16(float x) {
  uint16 bits;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(bits) : "f"(x));
  return bits;
}

// Two floats as two bfloat16 in a register, the first in the lower half.
__device__ __forceinline__ uint32 packBf16(float low, float high) {
  uint32 bits;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(bits) : "f"(high), "f"(low));
  return bits;
}
#endif

// Rounds to nearest, ties to even.
template <class T>
__device__ __forceinline__ T fromFloat(float x);

template <>
__device__ __forceinline__ float fromFloat<float>(float x) {
  return x;
}

template <>
__device__ __forceinline__ bf16 fromFloat<bf16>(float x) {
  return {roundToBf16(x)};
}

template <>
__device__ __forceinline__ f16 fromFloat<f16>(float x) {
  return {roundToF16(x)};
}

__device__ __forceinline__ float infinity() { return __uint_as_float(0x7f800000u); }

// 2^x, off by two units in the last place at most; results below the smallest normal number are 0.
__device__ __forceinline__ float exp2Fast(float x) {
#ifdef CUDA_SIMULATOR
  return exp2f(x);
#else
  float result;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(result) : "f"(x));
  return result;
#endif
}

// ---- rows in pieces ----
//
// What moves through memory without being multiplied as matrices is read and written 16 bytes at a
// time where rows lie so that this is possible, else element by element: kernels are written for
// pieces of N elements, and N is 1 then.

template <class A, class B>
constexpr bool SAME = false;
template <class A>
constexpr bool SAME<A, A> = true;

// How many elements of the largest of the types fill 16 bytes.
template <class A, class B = A>
constexpr int PIECE = 16 / int(sizeof(A) > sizeof(B) ? sizeof(A) : sizeof(B));

template <int BYTES>
struct Vector;
template <>
struct Vector<16> {
  using type = uint4;
};
template <>
struct Vector<8> {
  using type = uint2;
};
template <>
struct Vector<4> {
  using type = uint32;
};
template <>
struct Vector<2> {
  using type = uint16;
};

// Elements that lie in memory as one vector.
template <class T, int N>
union Piece {
  using Bits = typename Vector<N * sizeof(T)>::type;
  Bits bits;
  T at[N];
};

// How many of N elements one instruction loads: 32-bit elements beside N of 16 bits take two.
template <class T, int N>
constexpr int AT_ONCE = N * sizeof(T) > 16 ? 16 / sizeof(T) : N;

// Whether pieces of N elements fill the rows and can be loaded at once.
template <int N, class T>
__device__ __forceinline__ bool inPieces(const T* rows, int64 stride, int columns) {
  constexpr uint64 ALIGNMENT = AT_ONCE<T, N> * sizeof(T);
  return columns % N == 0 && reinterpret_cast<uint64>(rows) % ALIGNMENT == 0
      && stride * sizeof(T) % ALIGNMENT == 0;
}

template <int N, class T>
__device__ __forceinline__ void loadPiece(float (&values)[N], const T* at) {
  constexpr int PART = AT_ONCE<T, N>;
#pragma unroll
  for (int part = 0; part < N; part += PART) {
    Piece<T, PART> piece;
    piece.bits = *reinterpret_cast<const typename Piece<T, PART>::Bits*>(at + part);
#pragma unroll
    for (int i = 0; i < PART; i++) {
      values[part + i] = toFloat(piece.at[i]);
    }
  }
}

template <class Bits>
__device__ __forceinline__ void storeBits(Bits* at, Bits bits) {
  *at = bits;
}

#ifndef CUDA_SIMULATOR
// Vectors by the instruction's own word: the compiler takes stores of vectors apart, and does not
// always put them together again.
template <>
__device__ __forceinline__ void storeBits(uint4* at, uint4 bits) {
  asm volatile("st.global.v4.u32 [%0], {%1, %2, %3, %4};" ::"l"(__cvta_generic_to_global(at)),
               "r"(bits.x), "r"(bits.y), "r"(bits.z), "r"(bits.w)
               : "memory");
}

template <>
__device__ __forceinline__ void storeBits(uint2* at, uint2 bits) {
  asm volatile("st.global.v2.u32 [%0], {%1, %2};" ::"l"(__cvta_generic_to_global(at)), "r"(bits.x),
               "r"(bits.y)
               : "memory");
}
#endif

template <int N, class T>
__device__ __forceinline__ void storePiece(T* at, const float (&values)[N]) {
  Piece<T, N> piece;
  if constexpr (SAME<T, bf16> && N % 2 == 0) {
    Piece<uint32, N / 2> pairs;
#pragma unroll
    for (int i = 0; i < N / 2; i++) {
      pairs.at[i] = packBf16(values[2 * i], values[2 * i + 1]);
    }
    piece.bits = pairs.bits;
  } else {
#pragma unroll
    for (int i = 0; i < N; i++) {
      piece.at[i] = fromFloat<T>(values[i]);
    }
  }
  storeBits(reinterpret_cast<typename Piece<T, N>::Bits*>(at), piece.bits);
}

// Pieces of a row that lie a block's width apart, all of whose loads are in flight together; behind
// the row's end there is what's given.
template <int BATCH, int N, class T>
__device__ __forceinline__ void loadBatch(
    float (&values)[BATCH][N], const T* row, int64 first, int columns, float behind) {
#pragma unroll
  for (int j = 0; j < BATCH; j++) {
    int64 column = first + j * int64(blockDim.x) * N;
    if (column < columns) {
      loadPiece(values[j], row + column);
    } else {
#pragma unroll
      for (int i = 0; i < N; i++) {
        values[j][i] = behind;
      }
    }
  }
}

// Calls body(row, column) for the first column of each piece of a matrix, shared out among the
// threads of the whole grid, of which there are fewer than 2^31.
template <int N, class Body>
__device__ __forceinline__ void forPieces(int rows, int columns, Body body) {
  uint32 perRow = columns / N;
  if (perRow == 0) {
    return;
  }
  uint32 first = blockIdx.x * blockDim.x + threadIdx.x;
  uint32 step = gridDim.x * blockDim.x;
  uint32 stepRows = step / perRow;
  uint32 stepPieces = step % perRow;
  int64 row = first / perRow;
  uint32 piece = first % perRow;
#pragma unroll 1
  while (row < rows) {
    body(row, int(piece) * N);
    row += stepRows;
    piece += stepPieces;
    if (piece >= perRow) {
      piece -= perRow;
      row++;
    }
  }
}

// For kernels that are made for each type, and for each pair of types.
#define EACH_TYPE(KERNEL) KERNEL(f32) KERNEL(bf16) KERNEL(f16)
#define EACH_PAIR(KERNEL)                                 \
  KERNEL(f32, f32) KERNEL(f32, bf16) KERNEL(f32, f16)     \
  KERNEL(bf16, f32) KERNEL(bf16, bf16) KERNEL(bf16, f16)  \
  KERNEL(f16, f32) KERNEL(f16, bf16) KERNEL(f16, f16)

// ---- sums and maxima ----

// The sum over the lanes of a warp, in each of them; always added in the same order.
template <class T>
__device__ __forceinline__ T warpSum(T x) {
  for (int offset = WARP / 2; offset > 0; offset /= 2) {
    x += __shfl_xor_sync(ALL_LANES, x, offset);
  }
  return x;
}

__device__ __forceinline__ float warpMax(float x) {
  for (int offset = WARP / 2; offset > 0; offset /= 2) {
    x = fmaxf(x, __shfl_xor_sync(ALL_LANES, x, offset));
  }
  return x;
}

// The sum over a block's threads, in each of them; always added in the same order.
//
// perWarp: an element of shared memory for each warp, free again after the call's end.
template <class T>
__device__ __forceinline__ T blockSum(T x, T* perWarp) {
  int lane = threadIdx.x % WARP;
  int warps = blockDim.x / WARP;
  x = warpSum(x);
  __syncthreads();
  if (lane == 0) {
    perWarp[threadIdx.x / WARP] = x;
  }
  __syncthreads();
  return warpSum(lane < warps ? perWarp[lane] : T(0));
}

__device__ __forceinline__ float blockMax(float x, float* perWarp) {
  int lane = threadIdx.x % WARP;
  int warps = blockDim.x / WARP;
  x = warpMax(x);
  __syncthreads();
  if (lane == 0) {
    perWarp[threadIdx.x / WARP] = x;
  }
  __syncthreads();
  return warpMax(lane < warps ? perWarp[lane] : -infinity());
}

// Calls sink(column, sum) with the sum of summand(row, column) over the rows, for each column: a
// block has 32 neighbouring columns at a time, each of its warps (up to 32) every so many-th row.
template <class Summand, class Sink>
__device__ __forceinline__ void forColumnSums(int rows, int columns, Summand summand, Sink sink) {
  __shared__ float sums[WARP][WARP];
  int lane = threadIdx.x % WARP;
  int warp = threadIdx.x / WARP;
  int warps = blockDim.x / WARP;
  for (int64 first = int64(blockIdx.x) * WARP; first < columns; first += int64(gridDim.x) * WARP) {
    int column = int(first) + lane;
    float sum = 0;
    if (column < columns) {
#pragma unroll 4
      for (int row = warp; row < rows; row += warps) {
        sum += summand(row, column);
      }
    }
    sums[warp][lane] = sum;
    __syncthreads();
    if (warp == 0 && column < columns) {
      for (int other = 1; other < warps; other++) {
        sum += sums[other][lane];
      }
      sink(column, sum);
    }
    __syncthreads();
  }
}

// ---- tensor cores and shared memory ----

#ifndef CUDA_SIMULATOR
// d += a b for a 16x16 a and a 16x8 b, by one warp. With g = lane / 4 and t = lane % 4 a lane holds
// (PTX ISA, "Matrix Fragments for mma.m16n8k16 with floating point type", each register two values
// that follow each other in a row of a, in a column of b):
//
//   a[0] = a(g, 2t)    a[1] = a(g + 8, 2t)    a[2] = a(g, 2t + 8)    a[3] = a(g + 8, 2t + 8)
//   b[0] = b(2t, g)    b[1] = b(2t + 8, g)
//   d[0] = d(g, 2t)    d[1] = d(g, 2t + 1)    d[2] = d(g + 8, 2t)    d[3] = d(g + 8, 2t + 1)
__device__ __forceinline__ void mma16816(float (&d)[4], const uint32 (&a)[4], const uint32 (&b)[2]) {
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 "
      "{%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
      : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

// Four 8x8 matrices of 16-bit elements from shared memory: lane i names the 16 bytes of row i % 8 of
// matrix i / 8, and receives in r[j] the elements (lane / 4, 2 (lane % 4)) and the next one of
// matrix j.
__device__ __forceinline__ void loadMatrices(uint32 (&r)[4], const void* row) {
  uint32 address = static_cast<uint32>(__cvta_generic_to_shared(row));
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(address)
               : "memory");
}

// The same of the transposed matrices: r[j] has (2 (lane % 4), lane / 4) and the one below it.
__device__ __forceinline__ void loadMatricesTransposed(uint32 (&r)[4], const void* row) {
  uint32 address = static_cast<uint32>(__cvta_generic_to_shared(row));
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
               : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
               : "r"(address)
               : "memory");
}

// Begins to copy 16 bytes from global to shared memory, both aligned to 16; zeros where there is
// nothing to copy.
__device__ __forceinline__ void copyAsync16(void* shared, const void* global, bool there) {
  uint32 address = static_cast<uint32>(__cvta_generic_to_shared(shared));
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(address), "l"(global),
               "r"(there ? 16 : 0)
               : "memory");
}

// Ends a group of copies.
__device__ __forceinline__ void commitCopies() { asm volatile("cp.async.commit_group;" ::: "memory"); }

// Waits for this thread's copies but for the newest groups; __syncthreads() shows them to others.
template <int NEWEST>
__device__ __forceinline__ void awaitCopies() {
  asm volatile("cp.async.wait_group %0;" ::"n"(NEWEST) : "memory");
}
#endif
