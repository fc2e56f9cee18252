// Test code: CUDA C++ for a processor. Included before a kernel file, so that a C++ compiler builds
// the kernel and the simulator runs it; nothing of this is part of the product.
//
// Here is what CUDA C++ has beyond C++ (as far as the kernels use it), and the counterparts of the
// PTX in the kernels' prelude. The threads themselves are run by engine.h.
#pragma once

#ifndef CUDA_SIMULATOR
#define CUDA_SIMULATOR
#endif

#include <link.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <utility>

// ---- what a kernel's library and the engine share ----

struct SimulatorIndex {
  unsigned x, y, z;
};

// Memory that a kernel may touch.
struct SimulatorRange {
  const char* begin;
  size_t bytes;
};

// What differs from thread to thread and from block to block; the engine writes it.
struct SimulatorState {
  SimulatorIndex thread;
  SimulatorIndex block;
  SimulatorIndex blockSize;
  SimulatorIndex gridSize;
  void* dynamicShared;
  SimulatorRange stacks, shared, staticShared;
  SimulatorRange global[8];  // lately touched allocations
  unsigned nextGlobal;
};

// What the lanes of a warp do together, once the last of those named has come: lanes[i] is what lane
// i brought, null where it isn't named. Null, or what's wrong.
using SimulatorTogether = const char* (*)(unsigned mask, void* const* lanes);

enum SimulatorBarrier { BARRIER_PLAIN, BARRIER_COUNT, BARRIER_AND, BARRIER_OR };

struct SimulatorEngine {
  int (*barrier)(SimulatorBarrier kind, bool predicate);
  void (*together)(unsigned mask, const char* name, SimulatorTogether what, void* mine);
  void (*checkShared)(const void* address, size_t bytes, const char* name);
  void (*beginCopy)(void* shared, const void* global, size_t bytes, bool there);
  void (*commitCopies)();
  void (*awaitCopies)(int newest);
  void (*fail)(int error, const char* message);
  SimulatorRange (*rangeOf)(const void* address, size_t bytes, bool writes);  // fails where there's none
};

// A kernel as the driver sees it: how large its parameters are and how to call it for one thread.
struct SimulatorKernel {
  const char* name;
  void (*call)(void* const* parameters);
  int count;
  const size_t* sizes;
  int mostThreads;
};

// The shared memory that has a size when compiled, of the thread that asks.
struct SimulatorSpan {
  char* begin;
  size_t bytes;
};

// Where each access is checked: not in here.
#define SIMULATOR_UNCHECKED __attribute__((no_sanitize("kernel-address")))

__attribute__((visibility("hidden"))) inline SimulatorState simulatorState;
__attribute__((visibility("hidden"))) inline SimulatorEngine simulatorEngine;

// Shared variables are thread-local ones of the processor: these lie in one piece, where others that
// are static don't. Blocks run one after another, so that one copy will do.
__attribute__((visibility("hidden"))) inline SimulatorSpan simulatorStaticShared() {
  static thread_local char anchor;
  struct Search {
    char* anchor;
    size_t offset, bytes;
  };
  static Search found = [] {
    Search search{&anchor, 0, 0};
    *const_cast<volatile char*>(&anchor) = 0;
    dl_iterate_phdr(
        [](dl_phdr_info* object, size_t, void* argument) {
          Search* search = static_cast<Search*>(argument);
          for (int i = 0; i < object->dlpi_phnum; i++) {
            if (object->dlpi_phdr[i].p_type == PT_TLS && object->dlpi_tls_data != nullptr) {
              char* begin = static_cast<char*>(object->dlpi_tls_data);
              if (begin <= search->anchor && search->anchor < begin + object->dlpi_phdr[i].p_memsz) {
                search->offset = search->anchor - begin;
                search->bytes = object->dlpi_phdr[i].p_memsz;
              }
            }
          }
          return 0;
        },
        &search);
    if (search.bytes == 0) {
      fprintf(stderr, "cuda-simulator: the shared variables aren't found\n");
      abort();
    }
    return search;
  }();
  return {&anchor - found.offset, found.bytes};
}

#ifdef SIMULATOR_CHECKS_ACCESSES
// The compiler calls these before each access to memory (of KASAN, the sanitizer of kernels of
// another kind): it must be to the thread's own memory, shared memory or an allocation.
extern "C" const char __ehdr_start[] __attribute__((visibility("hidden")));
extern "C" const char _end[] __attribute__((visibility("hidden")));

SIMULATOR_UNCHECKED inline bool simulatorIsIn(const SimulatorRange& range, const char* address, size_t bytes) {
  return size_t(address - range.begin) < range.bytes && size_t(address - range.begin) + bytes <= range.bytes;
}

SIMULATOR_UNCHECKED inline void simulatorCheck(const char* address, size_t bytes, bool writes) {
  SimulatorState& state = simulatorState;
  if (simulatorIsIn(state.stacks, address, bytes) || simulatorIsIn(state.shared, address, bytes)
      || simulatorIsIn(state.staticShared, address, bytes) || (address >= __ehdr_start && address < _end)) {
    return;
  }
  for (const SimulatorRange& range : state.global) {
    if (simulatorIsIn(range, address, bytes)) {
      return;
    }
  }
  state.global[state.nextGlobal++ % 8] = simulatorEngine.rangeOf(address, bytes, writes);
}

#define SIMULATOR_CHECK(name, bytes, writes)                                                         \
  extern "C" SIMULATOR_UNCHECKED __attribute__((used, visibility("hidden"))) inline void name(const char* address) { \
    simulatorCheck(address, bytes, writes);                                                          \
  }
SIMULATOR_CHECK(__asan_load1_noabort, 1, false)
SIMULATOR_CHECK(__asan_store1_noabort, 1, true)
SIMULATOR_CHECK(__asan_load2_noabort, 2, false)
SIMULATOR_CHECK(__asan_store2_noabort, 2, true)
SIMULATOR_CHECK(__asan_load4_noabort, 4, false)
SIMULATOR_CHECK(__asan_store4_noabort, 4, true)
SIMULATOR_CHECK(__asan_load8_noabort, 8, false)
SIMULATOR_CHECK(__asan_store8_noabort, 8, true)
SIMULATOR_CHECK(__asan_load16_noabort, 16, false)
SIMULATOR_CHECK(__asan_store16_noabort, 16, true)
extern "C" SIMULATOR_UNCHECKED __attribute__((used, visibility("hidden"))) inline void __asan_loadN_noabort(
    const char* address, size_t bytes) {
  simulatorCheck(address, bytes, false);
}
extern "C" SIMULATOR_UNCHECKED __attribute__((used, visibility("hidden"))) inline void __asan_storeN_noabort(
    const char* address, size_t bytes) {
  simulatorCheck(address, bytes, true);
}
extern "C" SIMULATOR_UNCHECKED __attribute__((used, visibility("hidden"))) inline void __asan_handle_no_return() {}
#undef SIMULATOR_CHECK
#endif

template <auto FUNCTION>
struct SimulatorCall;

template <class... Types, void (*FUNCTION)(Types...)>
struct SimulatorCall<FUNCTION> {
  static constexpr size_t sizes[sizeof...(Types) + 1] = {sizeof(Types)..., 0};

  SIMULATOR_UNCHECKED static void call(void* const* parameters) {
    call(parameters, std::index_sequence_for<Types...>());
  }

  static constexpr SimulatorKernel kernel(const char* name, int mostThreads) {
    return {name, call, int(sizeof...(Types)), sizes, mostThreads};
  }

 private:
  template <size_t... INDICES>
  SIMULATOR_UNCHECKED static void call(void* const* parameters, std::index_sequence<INDICES...>) {
    (void)parameters;
    FUNCTION(*static_cast<Types*>(parameters[INDICES])...);
  }
};

// ---- the words of CUDA C++ ----

#ifndef SIMULATOR_KEEPS_GLOBAL  // the compiler's first pass marks the kernels instead
#define __global__
#define __launch_bounds__(...)
#endif
#define __device__
#define __host__
#define __constant__ static
#define __forceinline__ inline __attribute__((always_inline))
#define __noinline__ __attribute__((noinline))
#define __shared__ static thread_local
#define __align__(n) __attribute__((aligned(n)))
#define __grid_constant__

#define threadIdx simulatorState.thread
#define blockIdx simulatorState.block
#define blockDim simulatorState.blockSize
#define gridDim simulatorState.gridSize
constexpr int warpSize = 32;

#define DYNAMIC_SHARED(type, name) type* name = static_cast<type*>(simulatorState.dynamicShared)

struct __align__(8) float2 { float x, y; };
struct float3 { float x, y, z; };
struct __align__(16) float4 { float x, y, z, w; };
struct __align__(8) int2 { int x, y; };
struct int3 { int x, y, z; };
struct __align__(16) int4 { int x, y, z, w; };
struct __align__(8) uint2 { unsigned x, y; };
struct uint3 { unsigned x, y, z; };
struct __align__(16) uint4 { unsigned x, y, z, w; };
struct __align__(4) ushort2 { unsigned short x, y; };
struct __align__(8) ushort4 { unsigned short x, y, z, w; };
struct __align__(4) uchar4 { unsigned char x, y, z, w; };
struct __align__(16) double2 { double x, y; };
struct __align__(16) longlong2 { long long x, y; };
struct __align__(16) ulonglong2 { unsigned long long x, y; };
struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned x = 1, unsigned y = 1, unsigned z = 1) : x(x), y(y), z(z) {}
};

inline float2 make_float2(float x, float y) { return {x, y}; }
inline float3 make_float3(float x, float y, float z) { return {x, y, z}; }
inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }
inline int2 make_int2(int x, int y) { return {x, y}; }
inline int3 make_int3(int x, int y, int z) { return {x, y, z}; }
inline int4 make_int4(int x, int y, int z, int w) { return {x, y, z, w}; }
inline uint2 make_uint2(unsigned x, unsigned y) { return {x, y}; }
inline uint3 make_uint3(unsigned x, unsigned y, unsigned z) { return {x, y, z}; }
inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }
inline ushort2 make_ushort2(unsigned short x, unsigned short y) { return {x, y}; }
inline ushort4 make_ushort4(unsigned short x, unsigned short y, unsigned short z, unsigned short w) {
  return {x, y, z, w};
}
inline uchar4 make_uchar4(unsigned char x, unsigned char y, unsigned char z, unsigned char w) {
  return {x, y, z, w};
}
inline double2 make_double2(double x, double y) { return {x, y}; }
inline longlong2 make_longlong2(long long x, long long y) { return {x, y}; }
inline ulonglong2 make_ulonglong2(unsigned long long x, unsigned long long y) { return {x, y}; }

// ---- numbers ----

template <class To, class From>
inline To simulatorBits(From from) {
  static_assert(sizeof(To) == sizeof(From), "the same size");
  To to;
  memcpy(&to, &from, sizeof to);
  return to;
}

inline float __uint_as_float(unsigned x) { return simulatorBits<float>(x); }
inline float __int_as_float(int x) { return simulatorBits<float>(x); }
inline unsigned __float_as_uint(float x) { return simulatorBits<unsigned>(x); }
inline int __float_as_int(float x) { return simulatorBits<int>(x); }
inline double __longlong_as_double(long long x) { return simulatorBits<double>(x); }
inline long long __double_as_longlong(double x) { return simulatorBits<long long>(x); }

#define SIMULATOR_MIN_MAX(type)                                  \
  inline type min(type a, type b) { return b < a ? b : a; }      \
  inline type max(type a, type b) { return a < b ? b : a; }
SIMULATOR_MIN_MAX(int)
SIMULATOR_MIN_MAX(unsigned)
SIMULATOR_MIN_MAX(long)
SIMULATOR_MIN_MAX(unsigned long)
SIMULATOR_MIN_MAX(long long)
SIMULATOR_MIN_MAX(unsigned long long)
#undef SIMULATOR_MIN_MAX
inline unsigned min(int a, unsigned b) { return min(unsigned(a), b); }
inline unsigned min(unsigned a, int b) { return min(a, unsigned(b)); }
inline unsigned max(int a, unsigned b) { return max(unsigned(a), b); }
inline unsigned max(unsigned a, int b) { return max(a, unsigned(b)); }
inline float min(float a, float b) { return fminf(a, b); }
inline float max(float a, float b) { return fmaxf(a, b); }
inline double min(double a, double b) { return fmin(a, b); }
inline double max(double a, double b) { return fmax(a, b); }

inline float rsqrtf(float x) { return 1 / sqrtf(x); }
inline double rsqrt(double x) { return 1 / sqrt(x); }
inline float __expf(float x) { return expf(x); }
inline float __exp2f(float x) { return exp2f(x); }
inline float __logf(float x) { return logf(x); }
inline float __log2f(float x) { return log2f(x); }
inline float __sinf(float x) { return sinf(x); }
inline float __cosf(float x) { return cosf(x); }
inline float __powf(float x, float y) { return powf(x, y); }
inline float __fdividef(float x, float y) { return x / y; }
inline float __fmul_rn(float x, float y) { return x * y; }
inline float __fadd_rn(float x, float y) { return x + y; }
inline float __fsub_rn(float x, float y) { return x - y; }
inline float __fdiv_rn(float x, float y) { return x / y; }
inline float __frcp_rn(float x) { return 1 / x; }
inline float __fsqrt_rn(float x) { return sqrtf(x); }
inline float __frsqrt_rn(float x) { return float(1 / sqrt(double(x))); }
inline float __fmaf_rn(float x, float y, float z) { return fmaf(x, y, z); }
inline double __dmul_rn(double x, double y) { return x * y; }
inline double __dadd_rn(double x, double y) { return x + y; }
inline double __dsub_rn(double x, double y) { return x - y; }
inline double __ddiv_rn(double x, double y) { return x / y; }
inline double __dsqrt_rn(double x) { return sqrt(x); }
inline double __fma_rn(double x, double y, double z) { return fma(x, y, z); }
inline float __saturatef(float x) { return x > 0 ? (x < 1 ? x : 1) : 0; }
inline int __float2int_rn(float x) { return int(rintf(x)); }
inline int __float2int_rz(float x) { return int(x); }
inline int __float2int_rd(float x) { return int(floorf(x)); }
inline int __float2int_ru(float x) { return int(ceilf(x)); }
inline float __int2float_rn(int x) { return float(x); }
inline float __uint2float_rn(unsigned x) { return float(x); }
inline float __double2float_rn(double x) { return float(x); }

inline int __popc(unsigned x) { return __builtin_popcount(x); }
inline int __popcll(unsigned long long x) { return __builtin_popcountll(x); }
inline int __clz(int x) { return x == 0 ? 32 : __builtin_clz(unsigned(x)); }
inline int __clzll(long long x) { return x == 0 ? 64 : __builtin_clzll((unsigned long long)(x)); }
inline int __ffs(int x) { return __builtin_ffs(x); }
inline unsigned __umulhi(unsigned x, unsigned y) { return unsigned((uint64_t(x) * y) >> 32); }
inline int __mulhi(int x, int y) { return int((int64_t(x) * y) >> 32); }
inline unsigned long long __umul64hi(unsigned long long x, unsigned long long y) {
  return (unsigned long long)((static_cast<unsigned __int128>(x) * y) >> 64);
}
inline long long __mul64hi(long long x, long long y) {
  return (long long)((static_cast<__int128>(x) * y) >> 64);
}
inline unsigned __funnelshift_l(unsigned low, unsigned high, unsigned shift) {
  return unsigned((((uint64_t(high) << 32) | low) << (shift & 31)) >> 32);
}
inline unsigned __funnelshift_r(unsigned low, unsigned high, unsigned shift) {
  return unsigned(((uint64_t(high) << 32) | low) >> (shift & 31));
}
inline unsigned __byte_perm(unsigned x, unsigned y, unsigned selector) {
  uint64_t both = (uint64_t(y) << 32) | x;
  unsigned result = 0;
  for (int i = 0; i < 4; i++) {
    result |= unsigned((both >> (8 * ((selector >> (4 * i)) & 7))) & 0xff) << (8 * i);
  }
  return result;
}

// ---- memory ----

template <class T>
inline T __ldg(const T* address) {
  return *address;
}
template <class T>
inline T __ldcg(const T* address) {
  return *address;
}
template <class T>
inline T __ldcs(const T* address) {
  return *address;
}
template <class T>
inline void __stcs(T* address, T value) {
  *address = value;
}
template <class T>
inline void __stcg(T* address, T value) {
  *address = value;
}

inline void __threadfence() {}
inline void __threadfence_block() {}
inline void __threadfence_system() {}
inline void __nanosleep(unsigned) {}
inline void __trap() { simulatorEngine.fail(719, "__trap()"); }

// Only one thread runs at a time, and none gives way within these.
#define SIMULATOR_ATOMIC(name, result)                         \
  template <class T>                                           \
  inline T name(T* address, decltype(T() + T()) operand) {     \
    T old = *address;                                          \
    *address = T(result);                                      \
    return old;                                                \
  }
SIMULATOR_ATOMIC(atomicAdd, old + operand)
SIMULATOR_ATOMIC(atomicSub, old - operand)
SIMULATOR_ATOMIC(atomicMax, old < T(operand) ? T(operand) : old)
SIMULATOR_ATOMIC(atomicMin, T(operand) < old ? T(operand) : old)
SIMULATOR_ATOMIC(atomicAnd, old& operand)
SIMULATOR_ATOMIC(atomicOr, old | operand)
SIMULATOR_ATOMIC(atomicXor, old ^ operand)
SIMULATOR_ATOMIC(atomicExch, operand)
SIMULATOR_ATOMIC(atomicInc, old >= operand ? 0 : old + 1)
#undef SIMULATOR_ATOMIC
template <class T>
inline T atomicCAS(T* address, decltype(T() + T()) expected, decltype(T() + T()) value) {
  T old = *address;
  if (old == T(expected)) {
    *address = T(value);
  }
  return old;
}

// ---- a block's threads together ----

inline void __syncthreads() { simulatorEngine.barrier(BARRIER_PLAIN, false); }
inline int __syncthreads_count(int predicate) {
  return simulatorEngine.barrier(BARRIER_COUNT, predicate != 0);
}
inline int __syncthreads_and(int predicate) {
  return simulatorEngine.barrier(BARRIER_AND, predicate != 0);
}
inline int __syncthreads_or(int predicate) {
  return simulatorEngine.barrier(BARRIER_OR, predicate != 0);
}

inline const char* simulatorMeet(unsigned, void* const*) { return nullptr; }

inline void __syncwarp(unsigned mask = 0xffffffffu) {
  simulatorEngine.together(mask, "__syncwarp", simulatorMeet, nullptr);
}

struct SimulatorShuffle {
  uint64_t value, received;
  int lane, width;  // the lane, or how far away it is
};

enum SimulatorDirection { FROM_LANE, FROM_ABOVE, FROM_BELOW, FROM_CROSSED };

template <SimulatorDirection DIRECTION>
inline const char* simulatorShuffle(unsigned mask, void* const* lanes) {
  for (int i = 0; i < 32; i++) {
    SimulatorShuffle* mine = static_cast<SimulatorShuffle*>(lanes[i]);
    if (mine == nullptr) {
      continue;
    }
    int width = mine->width;
    if (width <= 0 || width > 32 || (width & (width - 1)) != 0) {
      return "the width isn't a power of two up to 32";
    }
    int first = i / width * width;
    int from = i;
    switch (DIRECTION) {
      case FROM_LANE:
        from = first + (mine->lane & (width - 1));
        break;
      case FROM_BELOW:
        from = i - mine->lane < first ? i : i - mine->lane;
        break;
      case FROM_ABOVE:
        from = i + mine->lane >= first + width ? i : i + mine->lane;
        break;
      case FROM_CROSSED:
        // a lane of a group above gives nothing, one of a group below gives its own
        from = (i ^ mine->lane) >= first + width ? i : i ^ mine->lane;
        break;
    }
    // what a lane that isn't named would give isn't defined
    mine->received = (mask >> from) & 1
        ? static_cast<SimulatorShuffle*>(lanes[from])->value
        : ~uint64_t(0);
  }
  return nullptr;
}

template <SimulatorDirection DIRECTION, class T>
inline T simulatorShuffled(unsigned mask, const char* name, T value, int lane, int width) {
  static_assert(sizeof(T) == 4 || sizeof(T) == 8, "values of 4 or 8 bytes are shuffled");
  SimulatorShuffle mine{0, 0, lane, width};
  memcpy(&mine.value, &value, sizeof value);
  simulatorEngine.together(mask, name, simulatorShuffle<DIRECTION>, &mine);
  T result;
  memcpy(&result, &mine.received, sizeof result);
  return result;
}

template <class T>
inline T __shfl_sync(unsigned mask, T value, int lane, int width = 32) {
  return simulatorShuffled<FROM_LANE>(mask, "__shfl_sync", value, lane, width);
}
template <class T>
inline T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32) {
  return simulatorShuffled<FROM_BELOW>(mask, "__shfl_up_sync", value, int(delta), width);
}
template <class T>
inline T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32) {
  return simulatorShuffled<FROM_ABOVE>(mask, "__shfl_down_sync", value, int(delta), width);
}
template <class T>
inline T __shfl_xor_sync(unsigned mask, T value, int laneMask, int width = 32) {
  return simulatorShuffled<FROM_CROSSED>(mask, "__shfl_xor_sync", value, laneMask, width);
}

struct SimulatorVote {
  bool predicate;
  unsigned ballot;
};

inline const char* simulatorVote(unsigned, void* const* lanes) {
  unsigned ballot = 0;
  for (int i = 0; i < 32; i++) {
    if (lanes[i] != nullptr && static_cast<SimulatorVote*>(lanes[i])->predicate) {
      ballot |= 1u << i;
    }
  }
  for (int i = 0; i < 32; i++) {
    if (lanes[i] != nullptr) {
      static_cast<SimulatorVote*>(lanes[i])->ballot = ballot;
    }
  }
  return nullptr;
}

inline unsigned simulatorBallot(unsigned mask, const char* name, int predicate) {
  SimulatorVote vote{predicate != 0, 0};
  simulatorEngine.together(mask, name, simulatorVote, &vote);
  return vote.ballot;
}

inline unsigned __ballot_sync(unsigned mask, int predicate) {
  return simulatorBallot(mask, "__ballot_sync", predicate);
}
inline int __any_sync(unsigned mask, int predicate) {
  return simulatorBallot(mask, "__any_sync", predicate) != 0;
}
inline int __all_sync(unsigned mask, int predicate) {
  return simulatorBallot(mask, "__all_sync", predicate) == mask;
}

// ---- 16-bit floats ----

inline float simulatorFromBf16(uint16_t bits) { return __uint_as_float(uint32_t(bits) << 16); }

// cvt.rn.bf16.f32: to nearest, ties to even; NaN becomes 0x7fff.
inline uint16_t simulatorToBf16(float x) {
  uint32_t bits = __float_as_uint(x);
  if ((bits & 0x7fffffffu) > 0x7f800000u) {
    return 0x7fff;
  }
  return uint16_t((bits + 0x7fffu + ((bits >> 16) & 1)) >> 16);
}

inline float simulatorFromF16(uint16_t bits) {
  uint32_t sign = uint32_t(bits & 0x8000) << 16;
  uint32_t exponent = (bits >> 10) & 31;
  uint32_t fraction = bits & 0x3ff;
  if (exponent == 31) {
    return __uint_as_float(fraction != 0 ? 0x7fffffffu : sign | 0x7f800000u);
  }
  if (exponent == 0) {
    float magnitude = float(fraction) * 0x1p-24f;
    return sign != 0 ? -magnitude : magnitude;
  }
  return __uint_as_float(sign | ((exponent + 112) << 23) | (fraction << 13));
}

// cvt.rn.f16.f32: to nearest, ties to even; beyond the largest infinite; NaN becomes 0x7fff.
inline uint16_t simulatorToF16(float x) {
  uint32_t bits = __float_as_uint(x);
  uint16_t sign = uint16_t((bits >> 16) & 0x8000);
  uint32_t magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) {
    return 0x7fff;
  }
  if (magnitude >= 0x47800000u) {  // 2^16
    return sign | 0x7c00;
  }
  if (magnitude < 0x38800000u) {  // below 2^-14, steps of 2^-24; rintf rounds ties to even
    return uint16_t(sign | uint16_t(rintf(__uint_as_float(magnitude) * 0x1p24f)));
  }
  uint32_t rounded = magnitude + 0xfff + ((magnitude >> 13) & 1);
  return uint16_t(sign | ((rounded - (112u << 23)) >> 13));
}

// ---- the prelude's PTX ----

// Of f16 only, which the prelude declares later: for bf16 it has its own.
template <class Half, class = decltype(Half::bits)>
inline float toFloat(Half x) {
  return simulatorFromF16(x.bits);
}

inline unsigned short roundToBf16(float x) { return simulatorToBf16(x); }
inline unsigned short roundToF16(float x) { return simulatorToF16(x); }
inline unsigned packBf16(float low, float high) {
  return simulatorToBf16(low) | (unsigned(simulatorToBf16(high)) << 16);
}

struct SimulatorProduct {
  float* d;
  const unsigned *a, *b;
};

// mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32, by the PTX ISA's formulas for a fragment's
// element i of 8 (a), of 4 (b and d): with group = lane / 4 and its thread = lane % 4,
//   a: row = group (i = 0, 1, 4, 5) or group + 8, column = 2 thread + i % 2, + 8 from i = 4 on
//   b: row = 2 thread + i % 2, + 8 from i = 2 on, column = group
//   d: row = group, + 8 from i = 2 on, column = 2 thread + i % 2
inline const char* simulatorMultiply(unsigned mask, void* const* lanes) {
  if (mask != 0xffffffffu) {
    return "a whole warp is needed";
  }
  float a[16][16], b[16][8], d[16][8];
  for (int lane = 0; lane < 32; lane++) {
    const SimulatorProduct* mine = static_cast<SimulatorProduct*>(lanes[lane]);
    int group = lane / 4;
    int thread = lane % 4;
    for (int i = 0; i < 8; i++) {
      int row = (i < 2 || (i >= 4 && i < 6)) ? group : group + 8;
      int column = thread * 2 + (i & 1) + (i < 4 ? 0 : 8);
      a[row][column] = simulatorFromBf16(uint16_t(mine->a[i / 2] >> (16 * (i & 1))));
    }
    for (int i = 0; i < 4; i++) {
      b[thread * 2 + (i & 1) + (i < 2 ? 0 : 8)][group] =
          simulatorFromBf16(uint16_t(mine->b[i / 2] >> (16 * (i & 1))));
      d[i < 2 ? group : group + 8][thread * 2 + (i & 1)] = mine->d[i];
    }
  }
  for (int row = 0; row < 16; row++) {
    for (int k = 0; k < 16; k++) {
      for (int column = 0; column < 8; column++) {
        d[row][column] += a[row][k] * b[k][column];
      }
    }
  }
  for (int lane = 0; lane < 32; lane++) {
    for (int i = 0; i < 4; i++) {
      static_cast<SimulatorProduct*>(lanes[lane])->d[i] =
          d[i < 2 ? lane / 4 : lane / 4 + 8][lane % 4 * 2 + (i & 1)];
    }
  }
  return nullptr;
}

inline void mma16816(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2]) {
  SimulatorProduct mine{d, a, b};
  simulatorEngine.together(0xffffffffu, "mma.sync", simulatorMultiply, &mine);
}

struct SimulatorRows {
  unsigned* r;
  const void* row;
};

template <bool TRANSPOSED>
inline const char* simulatorLoad(unsigned mask, void* const* lanes) {
  if (mask != 0xffffffffu) {
    return "a whole warp is needed";
  }
  for (int matrix = 0; matrix < 4; matrix++) {
    uint16_t elements[8][8];
    for (int row = 0; row < 8; row++) {
      memcpy(elements[row], static_cast<SimulatorRows*>(lanes[8 * matrix + row])->row, 16);
    }
    for (int lane = 0; lane < 32; lane++) {
      int i = lane / 4;
      int j = lane % 4 * 2;
      static_cast<SimulatorRows*>(lanes[lane])->r[matrix] = TRANSPOSED
          ? elements[j][i] | (unsigned(elements[j + 1][i]) << 16)
          : elements[i][j] | (unsigned(elements[i][j + 1]) << 16);
    }
  }
  return nullptr;
}

inline void loadMatrices(unsigned (&r)[4], const void* row) {
  simulatorEngine.checkShared(row, 16, "ldmatrix");
  SimulatorRows mine{r, row};
  simulatorEngine.together(0xffffffffu, "ldmatrix", simulatorLoad<false>, &mine);
}

inline void loadMatricesTransposed(unsigned (&r)[4], const void* row) {
  simulatorEngine.checkShared(row, 16, "ldmatrix.trans");
  SimulatorRows mine{r, row};
  simulatorEngine.together(0xffffffffu, "ldmatrix.trans", simulatorLoad<true>, &mine);
}

inline void copyAsync16(void* shared, const void* global, bool there) {
  simulatorEngine.checkShared(shared, 16, "cp.async");
  simulatorEngine.beginCopy(shared, global, 16, there);
}

inline void commitCopies() { simulatorEngine.commitCopies(); }

template <int NEWEST>
inline void awaitCopies() {
  simulatorEngine.awaitCopies(NEWEST);
}
