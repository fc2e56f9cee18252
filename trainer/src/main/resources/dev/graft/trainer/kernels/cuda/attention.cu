// Attention on tensor cores for bfloat16 and a head dimension of 32, 64, 96 or 128, which HEAD_DIM
// is defined as (Dao 2023, "FlashAttention-2"); what is computed, and from what shapes, is in
// Kernels.attention. Pointers and strides of q, k, v, out, dout, dq, dk and dv are multiples of 16
// bytes. attention_generic.cu is for everything else.
//
// Scores exist a tile at a time, in registers. Each of a block's warps has rows of the tile of its
// own, with all their columns: a row's softmax needs no other warp, and a product's result has the
// layout of the next product's left operand. So the backward is two kernels, one whose rows are keys
// and one whose rows are queries; each sums what its rows receive, and nothing is added atomically.
//
// A block is 128 threads. Rows per block, and the shared memory that a launch must give (bytes), are
//
//   HEAD_DIM                       32      64      96     128
//   attention_forward             128     128     128     128  queries
//                               16896   33280   49664   66048  bytes
//   attention_backward_keys       128     128      64      64  keys
//                               25600   50176   49920   66304  bytes
//   attention_backward_queries    128     128     128     128  queries
//                               34304   67072   75264   99840  bytes
//
// The kernels take as many registers as two blocks on a multiprocessor leave them. What looks
// roundabout, and some of what is in shared memory, keeps a few of them free: look for spills (nvcc
// -Xptxas -v) after a change.
#include "prelude.cuh"

#ifndef HEAD_DIM
#error "HEAD_DIM is not defined"
#endif
static_assert(HEAD_DIM % 32 == 0 && HEAD_DIM <= 128, "a multiple of 32 up to 128");

constexpr int WARPS = 4;
constexpr int THREADS = WARPS * WARP;
constexpr int CHUNKS = HEAD_DIM / 8;  // of 16 bytes in a row
constexpr float LOG2_E = 1.4426950408889634f;
constexpr float LN_2 = 0.6931471805599453f;

// Tiles: rows of a block, and how many of the other side's it takes at a time.
constexpr int FORWARD_QUERIES = 128;
constexpr int FORWARD_KEYS = 64;
constexpr int BACKWARD_QUERIES = 128;
constexpr int BACKWARD_QUERIES_KEYS = HEAD_DIM <= 64 ? 64 : 32;
constexpr int BACKWARD_KEYS = HEAD_DIM <= 64 ? 128 : 64;
constexpr int BACKWARD_KEYS_QUERIES = 32;

__device__ __forceinline__ int lane() { return threadIdx.x % WARP; }

__device__ __forceinline__ int warp() { return threadIdx.x / WARP; }

// ---- tiles in shared memory ----

// Where a tile of HEAD_DIM columns has a chunk of a row. Eight rows' chunks of the same column lie in
// different banks, and so do a row's.
__device__ __forceinline__ int at(int row, int chunk) {
  int turn = CHUNKS % 8 == 0 ? row % 8 : row / 2 % 4;
  return row * HEAD_DIM + (chunk ^ turn) * 8;
}

// The same for a lane that reads chunks of one row, without working out each.
struct LaneRow {
  int row;
  int first;

  // first: 0 or 1
  __device__ __forceinline__ LaneRow(int row, int first)
      : row(row * HEAD_DIM), first(at(row, first) - row * HEAD_DIM) {}

  // Where the chunk is that comes an even number of chunks after the first.
  __device__ __forceinline__ int after(int chunks) const { return row + (first ^ (8 * chunks)); }
};

// Begins to copy a block's tile: rows first, first + 1, … of a head, zeros from row end on.
template <int ROWS>
__device__ __forceinline__ void copyTile(
    bf16* tile, const bf16* head, int stride, int first, int end) {
  constexpr int THREADS_PER_ROW = CHUNKS % 8 == 0 ? 8 : 4;
#pragma unroll
  for (int i = 0; i < ROWS; i += THREADS / THREADS_PER_ROW) {
    int row = i + threadIdx.x / THREADS_PER_ROW;
    bool there = first + row < end;
    const bf16* from = head + int64(there ? first + row : first) * stride;
#pragma unroll
    for (int j = 0; j < CHUNKS; j += THREADS_PER_ROW) {
      int chunk = j + threadIdx.x % THREADS_PER_ROW;
      copyAsync16(tile + at(row, chunk), from + chunk * 8, there);
    }
  }
}

// What a warp computed for its rows first, first + 1, … of a head, of which those from row end on are
// not stored. It passes through the warp's part of a tile, from where whole chunks are written.
template <int BLOCKS>
__device__ __forceinline__ void storeRows(
    const float (&x)[BLOCKS][CHUNKS][4], bf16* tile, bf16* head, int stride, int first, int end) {
  __syncwarp();
#pragma unroll
  for (int m = 0; m < BLOCKS; m++) {
#pragma unroll
    for (int n = 0; n < CHUNKS; n++) {
#pragma unroll
      for (int half = 0; half < 2; half++) {
        int row = 16 * m + 8 * half + lane() / 4;
        *reinterpret_cast<uint32*>(tile + at(row, n) + 2 * (lane() % 4)) =
            packBf16(x[m][n][2 * half], x[m][n][2 * half + 1]);
      }
    }
  }
  __syncwarp();
#pragma unroll 4
  for (int i = lane(); i < 16 * BLOCKS * CHUNKS; i += WARP) {
    int row = i / CHUNKS;
    int chunk = i % CHUNKS;
    if (first + row < end) {
      *reinterpret_cast<uint4*>(head + int64(first + row) * stride + chunk * 8) =
          *reinterpret_cast<const uint4*>(tile + at(row, chunk));
    }
  }
}

// ---- products of tiles ----

// An array x[BLOCKS][COLUMNS / 8][4] is a warp's share of a tile of 16 · BLOCKS rows, as mma16816 has
// it: x[m][n][2 half + e] is the element of row 16 m + 8 half + lane / 4 and column
// 8 n + 2 (lane % 4) + e.

template <int BLOCKS, int PARTS>
__device__ __forceinline__ void clear(float (&x)[BLOCKS][PARTS][4]) {
#pragma unroll
  for (int m = 0; m < BLOCKS; m++) {
#pragma unroll
    for (int n = 0; n < PARTS; n++) {
#pragma unroll
      for (int i = 0; i < 4; i++) {
        x[m][n][i] = 0;
      }
    }
  }
}

template <int BLOCKS, int PARTS>
__device__ __forceinline__ void multiplyBy(float (&x)[BLOCKS][PARTS][4], float factor) {
#pragma unroll
  for (int m = 0; m < BLOCKS; m++) {
#pragma unroll
    for (int n = 0; n < PARTS; n++) {
#pragma unroll
      for (int i = 0; i < 4; i++) {
        x[m][n][i] *= factor;
      }
    }
  }
}

// x = a bᵀ: both have HEAD_DIM columns, in shared memory; a the warp's rows.
template <int BLOCKS, int PARTS>
__device__ __forceinline__ void multiplyTransposed(
    float (&x)[BLOCKS][PARTS][4], const bf16* a, const bf16* b) {
  clear(x);
  LaneRow aRow(lane() % 16, lane() / 16);
  LaneRow bRow(lane() / 16 * 8 + lane() % 8, lane() / 8 % 2);
#pragma unroll
  for (int step = 0; step < HEAD_DIM / 16; step++) {
    uint32 left[BLOCKS][4];
#pragma unroll
    for (int m = 0; m < BLOCKS; m++) {
      loadMatrices(left[m], a + 16 * m * HEAD_DIM + aRow.after(2 * step));
    }
#pragma unroll
    for (int n = 0; n < PARTS; n += 2) {
      uint32 right[4];
      loadMatrices(right, b + 8 * n * HEAD_DIM + bRow.after(2 * step));
      const uint32 first[2] = {right[0], right[1]};
      const uint32 second[2] = {right[2], right[3]};
#pragma unroll
      for (int m = 0; m < BLOCKS; m++) {
        mma16816(x[m][n], left[m], first);
        mma16816(x[m][n + 1], left[m], second);
      }
    }
  }
}

// A tile as bfloat16, and as the left operand of a product over its columns.
template <int BLOCKS, int PARTS>
__device__ __forceinline__ void toLeftOperand(
    uint32 (&left)[BLOCKS][PARTS / 2][4], const float (&x)[BLOCKS][PARTS][4]) {
#pragma unroll
  for (int m = 0; m < BLOCKS; m++) {
#pragma unroll
    for (int n = 0; n < PARTS; n++) {
      left[m][n / 2][n % 2 * 2] = packBf16(x[m][n][0], x[m][n][1]);
      left[m][n / 2][n % 2 * 2 + 1] = packBf16(x[m][n][2], x[m][n][3]);
    }
  }
}

// x += a b: b has HEAD_DIM columns, in shared memory, and a row for each column of a.
template <int BLOCKS, int STEPS>
__device__ __forceinline__ void accumulate(
    float (&x)[BLOCKS][CHUNKS][4], const uint32 (&a)[BLOCKS][STEPS][4], const bf16* b) {
  LaneRow bRow(lane() % 16, lane() / 16);
#pragma unroll
  for (int step = 0; step < STEPS; step++) {
#pragma unroll
    for (int n = 0; n < CHUNKS; n += 2) {
      uint32 right[4];
      loadMatricesTransposed(right, b + 16 * step * HEAD_DIM + bRow.after(n));
      const uint32 first[2] = {right[0], right[1]};
      const uint32 second[2] = {right[2], right[3]};
#pragma unroll
      for (int m = 0; m < BLOCKS; m++) {
        mma16816(x[m][n], a[m][step], first);
        mma16816(x[m][n + 1], a[m][step], second);
      }
    }
  }
}

// ---- who sees whom ----

// The first key that a query sees.
__device__ __forceinline__ int firstKey(const int* segmentStarts, int query, int window) {
  return max(segmentStarts[query], query - window + 1);
}

// The first query after those that see a key.
__device__ __forceinline__ int endOfQueries(
    const int* segmentStarts, int key, int tokens, int window) {
  int low = key + 1;
  int high = window < tokens - key ? key + window : tokens;
  while (low < high) {
    int middle = low + (high - low) / 2;
    if (segmentStarts[middle] <= key) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

// The rows of a warp that are queries.
template <int BLOCKS>
struct QueryRows {
  int first;       // of the warp's 16 · BLOCKS
  int* firstKeys;  // that they see, in shared memory; beyond the tokens they see none

  __device__ __forceinline__ QueryRows(
      int tileFirst, int* tileFirstKeys, const int* segmentStarts, int tokens, int window)
      : first(tileFirst + 16 * BLOCKS * warp()),
        firstKeys(tileFirstKeys + 16 * BLOCKS * warp()) {
    for (int i = lane(); i < 16 * BLOCKS; i += WARP) {
      int query = first + i;
      firstKeys[i] = query < tokens ? firstKey(segmentStarts, query, window) : tokens;
    }
    __syncwarp();
  }

  __device__ __forceinline__ int row(int m, int half) const {
    return first + 16 * m + 8 * half + lane() / 4;
  }

  // Whether any row sees any of the keys.
  __device__ __forceinline__ bool seeAny(int key, int keys) const {
    return key < first + 16 * BLOCKS && key + keys > firstKeys[0];
  }

  // Whether each row sees each of the keys.
  __device__ __forceinline__ bool seeAll(int key, int keys) const {
    return key + keys - 1 <= first && key >= firstKeys[16 * BLOCKS - 1];
  }

  // Gives the scores of keys that a row does not see another value.
  template <int PARTS>
  __device__ __forceinline__ void mask(
      float (&scores)[BLOCKS][PARTS][4], int key, float unseen) const {
#pragma unroll
    for (int m = 0; m < BLOCKS; m++) {
#pragma unroll
      for (int half = 0; half < 2; half++) {
        int low = firstKeys[16 * m + 8 * half + lane() / 4] - key - 2 * (lane() % 4);
        int high = row(m, half) - key - 2 * (lane() % 4);
#pragma unroll
        for (int n = 0; n < PARTS; n++) {
#pragma unroll
          for (int e = 0; e < 2; e++) {
            int column = 8 * n + e;
            float& score = scores[m][n][2 * half + e];
            score = low <= column && column <= high ? score : unseen;
          }
        }
      }
    }
  }
};

// ---- forward ----

// The softmax of a warp's rows over scores that come a tile at a time. Each lane has the sums of its
// own columns until the end.
template <int BLOCKS>
struct OnlineSoftmax {
  // How much a score may exceed what the exponents are relative to before the row is rescaled (in
  // powers of two): after the first tile it rarely is, and weights of 2^8 do no harm.
  static constexpr float SLACK = 8;

  float scale;            // of scores to powers of two
  float zero[BLOCKS][2];  // what the exponents are relative to, the same in a row's lanes
  float sum[BLOCKS][2];

  __device__ __forceinline__ explicit OnlineSoftmax(float scale) : scale(scale * LOG2_E) {
#pragma unroll
    for (int m = 0; m < BLOCKS; m++) {
      // Below any score, and yet a number: what is relative to it is one, too.
      zero[m][0] = zero[m][1] = -1e30f;
      sum[m][0] = sum[m][1] = 0;
    }
  }

  // Turns a tile's scores into weights, and what was summed before with others into the same.
  template <int PARTS>
  __device__ __forceinline__ void add(
      float (&scores)[BLOCKS][PARTS][4], float (&out)[BLOCKS][CHUNKS][4]) {
    float largest[BLOCKS][2];
    bool outgrown = false;
#pragma unroll
    for (int m = 0; m < BLOCKS; m++) {
#pragma unroll
      for (int half = 0; half < 2; half++) {
        float x = -infinity();
#pragma unroll
        for (int n = 0; n < PARTS; n++) {
          x = fmaxf(x, fmaxf(scores[m][n][2 * half], scores[m][n][2 * half + 1]));
        }
        largest[m][half] = x * scale;
        outgrown |= largest[m][half] > zero[m][half] + SLACK;
      }
    }
    if (__any_sync(ALL_LANES, outgrown)) {
      rescale(largest, out);
    }
#pragma unroll
    for (int m = 0; m < BLOCKS; m++) {
#pragma unroll
      for (int half = 0; half < 2; half++) {
#pragma unroll
        for (int n = 0; n < PARTS; n++) {
#pragma unroll
          for (int i = 2 * half; i < 2 * half + 2; i++) {
            scores[m][n][i] = exp2Fast(fmaf(scores[m][n][i], scale, -zero[m][half]));
            sum[m][half] += scores[m][n][i];
          }
        }
      }
    }
  }

  // Sums over the lanes of each row.
  __device__ __forceinline__ void finish() {
#pragma unroll
    for (int m = 0; m < BLOCKS; m++) {
#pragma unroll
      for (int half = 0; half < 2; half++) {
        sum[m][half] += __shfl_xor_sync(ALL_LANES, sum[m][half], 1);
        sum[m][half] += __shfl_xor_sync(ALL_LANES, sum[m][half], 2);
      }
    }
  }

  __device__ __forceinline__ float logSumExp(int m, int half) const {
    return LN_2 * (zero[m][half] + log2f(sum[m][half]));
  }

 private:
  __device__ __forceinline__ void rescale(
      const float (&largest)[BLOCKS][2], float (&out)[BLOCKS][CHUNKS][4]) {
#pragma unroll
    for (int m = 0; m < BLOCKS; m++) {
#pragma unroll
      for (int half = 0; half < 2; half++) {
        float x = fmaxf(zero[m][half], largest[m][half]);
        x = fmaxf(x, __shfl_xor_sync(ALL_LANES, x, 1));
        x = fmaxf(x, __shfl_xor_sync(ALL_LANES, x, 2));
        float keep = exp2Fast(zero[m][half] - x);
        zero[m][half] = x;
        sum[m][half] *= keep;
#pragma unroll
        for (int n = 0; n < CHUNKS; n++) {
          out[m][n][2 * half] *= keep;
          out[m][n][2 * half + 1] *= keep;
        }
      }
    }
  }
};

// Grid (heads / keyHeads, keyHeads, ceil(tokens / queries)): the last queries, which see the most
// keys, begin first. The heads are taken from there rather than from the arguments, since the
// compiler then knows that a block's threads have the same, and keeps their addresses only once.
extern "C" __global__ void __launch_bounds__(THREADS) attention_forward(
    const bf16* q, int qStride,       // (T, H·hd)
    const bf16* k, int kStride,       // (T, G·hd)
    const bf16* v, int vStride,       // (T, G·hd)
    const int* segmentStarts,         // (T)
    bf16* out, int outStride,         // (T, H·hd)
    float* logSumExp, int lseStride,  // (H, T)
    int tokens, int heads, int keyHeads, int window, float scale) {
  constexpr int BLOCKS = FORWARD_QUERIES / WARPS / 16;
  constexpr int KEYS = FORWARD_KEYS;
  DYNAMIC_SHARED(bf16, shared);
  bf16* qTile = shared;                                              // (queries, hd)
  bf16* kTile = qTile + FORWARD_QUERIES * HEAD_DIM;                  // (keys, hd)
  bf16* vTile = kTile + KEYS * HEAD_DIM;                             // (keys, hd)
  int* firstKeys = reinterpret_cast<int*>(vTile + KEYS * HEAD_DIM);  // (queries)
  int keyHead = blockIdx.y;
  int head = keyHead * gridDim.x + blockIdx.x;
  int query = (gridDim.z - 1 - blockIdx.z) * FORWARD_QUERIES;
  int key = firstKey(segmentStarts, query, window);
  int end = min(query + FORWARD_QUERIES, tokens);
  q += head * HEAD_DIM;
  k += keyHead * HEAD_DIM;
  v += keyHead * HEAD_DIM;
  copyTile<FORWARD_QUERIES>(qTile, q, qStride, query, tokens);
  copyTile<KEYS>(kTile, k, kStride, key, end);
  commitCopies();

  QueryRows<BLOCKS> rows(query, firstKeys, segmentStarts, tokens, window);
  bf16* warpTile = qTile + 16 * BLOCKS * warp() * HEAD_DIM;
  OnlineSoftmax<BLOCKS> softmax(scale);
  float sums[BLOCKS][CHUNKS][4];
  clear(sums);
  // While the scores are computed values are on their way, and the next keys while these are added.
  for (; key < end; key += KEYS) {
    float scores[BLOCKS][KEYS / 8][4];
    bool any = rows.seeAny(key, KEYS);
    awaitCopies<0>();
    __syncthreads();
    copyTile<KEYS>(vTile, v, vStride, key, end);
    commitCopies();
    if (any) {
      multiplyTransposed(scores, warpTile, kTile);
    }
    awaitCopies<0>();
    __syncthreads();
    if (key + KEYS < end) {
      copyTile<KEYS>(kTile, k, kStride, key + KEYS, end);
      commitCopies();
    }
    if (any) {
      if (!rows.seeAll(key, KEYS)) {
        rows.mask(scores, key, -infinity());
      }
      softmax.add(scores, sums);
      uint32 weights[BLOCKS][KEYS / 16][4];
      toLeftOperand(weights, scores);
      accumulate(sums, weights, vTile);
    }
  }

  softmax.finish();
#pragma unroll
  for (int m = 0; m < BLOCKS; m++) {
#pragma unroll
    for (int half = 0; half < 2; half++) {
      float inverse = 1 / softmax.sum[m][half];
#pragma unroll
      for (int n = 0; n < CHUNKS; n++) {
        sums[m][n][2 * half] *= inverse;
        sums[m][n][2 * half + 1] *= inverse;
      }
      if (lane() % 4 == 0 && rows.row(m, half) < tokens) {
        logSumExp[int64(head) * lseStride + rows.row(m, half)] = softmax.logSumExp(m, half);
      }
    }
  }
  storeRows(sums, warpTile, out + head * HEAD_DIM, outStride, rows.first, tokens);
}

// ---- backward ----

// Of two pairs of bfloat16.
__device__ __forceinline__ float scalarProduct(uint32 x, uint32 y) {
  float high = __uint_as_float(x & 0xffff0000u) * __uint_as_float(y & 0xffff0000u);
  return fmaf(__uint_as_float(x << 16), __uint_as_float(y << 16), high);
}

// delta = rowsum(dout · out), by four lanes for each. Grid (ceil(tokens / 32), heads).
extern "C" __global__ void __launch_bounds__(THREADS) attention_delta(
    const bf16* out, int outStride,    // (T, H·hd)
    const bf16* dout, int doutStride,  // (T, H·hd)
    float* delta, int deltaStride,     // (H, T)
    int tokens, int heads) {
  int head = blockIdx.y;
  int token = blockIdx.x * (THREADS / 4) + threadIdx.x / 4;
  float sum = 0;
  if (token < tokens) {
    const bf16* outRow = out + int64(token) * outStride + head * HEAD_DIM;
    const bf16* doutRow = dout + int64(token) * doutStride + head * HEAD_DIM;
#pragma unroll
    for (int i = 0; i < CHUNKS; i += 4) {
      int chunk = i + threadIdx.x % 4;
      uint4 x = *reinterpret_cast<const uint4*>(outRow + chunk * 8);
      uint4 y = *reinterpret_cast<const uint4*>(doutRow + chunk * 8);
      sum += scalarProduct(x.x, y.x) + scalarProduct(x.y, y.y);
      sum += scalarProduct(x.z, y.z) + scalarProduct(x.w, y.w);
    }
  }
  sum += __shfl_xor_sync(ALL_LANES, sum, 1);
  sum += __shfl_xor_sync(ALL_LANES, sum, 2);
  if (token < tokens && threadIdx.x % 4 == 0) {
    delta[int64(head) * deltaStride + token] = sum;
  }
}

// dk = scale · dSᵀ q, dv = Pᵀ dout. Grid (keyHeads, ceil(tokens / keys)): the first keys, which the
// most queries see, begin first.
extern "C" __global__ void __launch_bounds__(THREADS) attention_backward_keys(
    const bf16* q, int qStride,             // (T, H·hd)
    const bf16* k, int kStride,             // (T, G·hd)
    const bf16* v, int vStride,             // (T, G·hd)
    const int* segmentStarts,               // (T)
    const bf16* dout, int doutStride,       // (T, H·hd)
    const float* logSumExp, int lseStride,  // (H, T)
    const float* delta, int deltaStride,    // (H, T)
    bf16* dk, int dkStride,                 // (T, G·hd)
    bf16* dv, int dvStride,                 // (T, G·hd)
    int tokens, int heads, int keyHeads, int window, float scale) {
  constexpr int BLOCKS = BACKWARD_KEYS / WARPS / 16;
  constexpr int KEYS = BACKWARD_KEYS;
  constexpr int QUERIES = BACKWARD_KEYS_QUERIES;
  constexpr int TILE = QUERIES * HEAD_DIM;
  DYNAMIC_SHARED(bf16, shared);
  bf16* kTile = shared;                   // (keys, hd)
  bf16* vTile = kTile + KEYS * HEAD_DIM;  // (keys, hd)
  // Two of each: while one is used the next is copied.
  bf16* qTiles = vTile + KEYS * HEAD_DIM;  // (2, queries, hd)
  bf16* doutTiles = qTiles + 2 * TILE;     // (2, queries, hd)
  float* statistics = reinterpret_cast<float*>(doutTiles + 2 * TILE);  // (2, queries, lse and delta)
  int* ends = reinterpret_cast<int*>(statistics + 4 * QUERIES);        // (keys), endOfQueries
  int keyHead = blockIdx.x;
  int key = blockIdx.y * KEYS;
  int keysEnd = min(key + KEYS, tokens);
  int headsEnd = (keyHead + 1) * (heads / keyHeads);
  k += keyHead * HEAD_DIM;
  v += keyHead * HEAD_DIM;
  copyTile<KEYS>(kTile, k, kStride, key, tokens);
  copyTile<KEYS>(vTile, v, vStride, key, tokens);
  if (threadIdx.x < KEYS) {
    int mine = key + threadIdx.x;
    ends[threadIdx.x] = mine < tokens ? endOfQueries(segmentStarts, mine, tokens, window) : 0;
  }
  __syncthreads();
  int queriesEnd = ends[keysEnd - 1 - key];

  int warpKey = key + 16 * BLOCKS * warp();
  int firstEnd = ends[warpKey - key];  // of the warp's first key, and of its last that is there
  int lastEnd = warpKey < tokens ? ends[min(warpKey + 16 * BLOCKS, tokens) - 1 - key] : 0;
  bf16* kWarp = kTile + 16 * BLOCKS * warp() * HEAD_DIM;
  bf16* vWarp = vTile + 16 * BLOCKS * warp() * HEAD_DIM;
  float dkSums[BLOCKS][CHUNKS][4];
  float dvSums[BLOCKS][CHUNKS][4];
  clear(dkSums);
  clear(dvSums);

  // A tile of queries of a head: a thread brings some chunks and a statistic of one query.
  auto beginTile = [&](int head, int query, int stage) {
    copyTile<QUERIES>(
        qTiles + stage * TILE, q + head * HEAD_DIM, qStride, query, queriesEnd);
    copyTile<QUERIES>(
        doutTiles + stage * TILE, dout + head * HEAD_DIM, doutStride, query, queriesEnd);
    commitCopies();
    int mine = query + threadIdx.x / 2;
    if (threadIdx.x >= 2 * QUERIES || mine >= queriesEnd) {
      return 0.0f;
    }
    return threadIdx.x % 2 == 0
        ? LOG2_E * logSumExp[int64(head) * lseStride + mine]
        : delta[int64(head) * deltaStride + mine];
  };
  int head = headsEnd - heads / keyHeads;
  int query = key;
  int stage = 0;
  float statistic = beginTile(head, query, stage);
  while (head < headsEnd) {
    if (threadIdx.x < 2 * QUERIES) {
      statistics[stage * 2 * QUERIES + threadIdx.x] = statistic;
    }
    awaitCopies<0>();
    __syncthreads();
    int tileQuery = query;
    const bf16* qTile = qTiles + stage * TILE;
    const bf16* doutTile = doutTiles + stage * TILE;
    const float4* tileStatistics =
        reinterpret_cast<const float4*>(statistics + stage * 2 * QUERIES) + lane() % 4;
    stage = 1 - stage;
    query += QUERIES;
    if (query >= queriesEnd) {
      query = key;
      head++;
    }
    if (head < headsEnd) {
      statistic = beginTile(head, query, stage);
    }
    if (tileQuery >= lastEnd || tileQuery + QUERIES <= warpKey) {
      continue;  // none of them sees any of the warp's keys
    }

    float p[BLOCKS][QUERIES / 8][4];  // transposed: a row for each key
    multiplyTransposed(p, kWarp, qTile);
#pragma unroll
    for (int n = 0; n < QUERIES / 8; n++) {
      float4 of = tileStatistics[4 * n];  // two queries' log2 Σ 2^score and delta
#pragma unroll
      for (int m = 0; m < BLOCKS; m++) {
#pragma unroll
        for (int half = 0; half < 2; half++) {
          p[m][n][2 * half] = exp2Fast(fmaf(p[m][n][2 * half], scale * LOG2_E, -of.x));
          p[m][n][2 * half + 1] = exp2Fast(fmaf(p[m][n][2 * half + 1], scale * LOG2_E, -of.z));
        }
      }
    }
    if (tileQuery < warpKey + 16 * BLOCKS - 1 || tileQuery + QUERIES > firstEnd) {
#pragma unroll
      for (int m = 0; m < BLOCKS; m++) {
#pragma unroll
        for (int half = 0; half < 2; half++) {
          int row = warpKey - key + 16 * m + 8 * half + lane() / 4;
          int firstColumn = key + row - tileQuery - 2 * (lane() % 4);
          int endOfColumns = ends[row] - tileQuery - 2 * (lane() % 4);
#pragma unroll
          for (int n = 0; n < QUERIES / 8; n++) {
#pragma unroll
            for (int e = 0; e < 2; e++) {
              int column = 8 * n + e;
              float& x = p[m][n][2 * half + e];
              x = firstColumn <= column && column < endOfColumns ? x : 0;
            }
          }
        }
      }
    }
    uint32 left[BLOCKS][QUERIES / 16][4];
    toLeftOperand(left, p);
    accumulate(dvSums, left, doutTile);

    float ds[BLOCKS][QUERIES / 8][4];
    multiplyTransposed(ds, vWarp, doutTile);
#pragma unroll
    for (int n = 0; n < QUERIES / 8; n++) {
      float4 of = tileStatistics[4 * n];
#pragma unroll
      for (int m = 0; m < BLOCKS; m++) {
#pragma unroll
        for (int half = 0; half < 2; half++) {
          ds[m][n][2 * half] = p[m][n][2 * half] * (ds[m][n][2 * half] - of.y);
          ds[m][n][2 * half + 1] = p[m][n][2 * half + 1] * (ds[m][n][2 * half + 1] - of.w);
        }
      }
    }
    toLeftOperand(left, ds);
    accumulate(dkSums, left, qTile);
  }

  multiplyBy(dkSums, scale);
  storeRows(dkSums, kWarp, dk + keyHead * HEAD_DIM, dkStride, warpKey, tokens);
  storeRows(dvSums, vWarp, dv + keyHead * HEAD_DIM, dvStride, warpKey, tokens);
}

// dq = scale · dS k. Grid as attention_forward has it.
extern "C" __global__ void __launch_bounds__(THREADS) attention_backward_queries(
    const bf16* q, int qStride,             // (T, H·hd)
    const bf16* k, int kStride,             // (T, G·hd)
    const bf16* v, int vStride,             // (T, G·hd)
    const int* segmentStarts,               // (T)
    const bf16* dout, int doutStride,       // (T, H·hd)
    const float* logSumExp, int lseStride,  // (H, T)
    const float* delta, int deltaStride,    // (H, T)
    bf16* dq, int dqStride,                 // (T, H·hd)
    int tokens, int heads, int keyHeads, int window, float scale) {
  constexpr int BLOCKS = BACKWARD_QUERIES / WARPS / 16;
  constexpr int KEYS = BACKWARD_QUERIES_KEYS;
  constexpr int TILE = KEYS * HEAD_DIM;
  DYNAMIC_SHARED(bf16, shared);
  bf16* qTile = shared;                                   // (queries, hd)
  bf16* doutTile = qTile + BACKWARD_QUERIES * HEAD_DIM;   // (queries, hd)
  // Two of each: while one is used the next is copied.
  bf16* kTiles = doutTile + BACKWARD_QUERIES * HEAD_DIM;  // (2, keys, hd)
  bf16* vTiles = kTiles + 2 * TILE;                       // (2, keys, hd)
  int* firstKeys = reinterpret_cast<int*>(vTiles + 2 * TILE);  // (queries)
  float2* statistics = reinterpret_cast<float2*>(firstKeys + BACKWARD_QUERIES);  // (queries)
  int keyHead = blockIdx.y;
  int head = keyHead * gridDim.x + blockIdx.x;
  int query = (gridDim.z - 1 - blockIdx.z) * BACKWARD_QUERIES;
  int key = firstKey(segmentStarts, query, window);
  int end = min(query + BACKWARD_QUERIES, tokens);
  k += keyHead * HEAD_DIM;
  v += keyHead * HEAD_DIM;
  copyTile<BACKWARD_QUERIES>(qTile, q + head * HEAD_DIM, qStride, query, tokens);
  copyTile<BACKWARD_QUERIES>(doutTile, dout + head * HEAD_DIM, doutStride, query, tokens);
  copyTile<KEYS>(kTiles, k, kStride, key, end);
  copyTile<KEYS>(vTiles, v, vStride, key, end);
  commitCopies();

  QueryRows<BLOCKS> rows(query, firstKeys, segmentStarts, tokens, window);
  bf16* qWarp = qTile + 16 * BLOCKS * warp() * HEAD_DIM;
  const bf16* doutWarp = doutTile + 16 * BLOCKS * warp() * HEAD_DIM;
  {
    int row = min(query + int(threadIdx.x), tokens - 1);
    float lse = logSumExp[int64(head) * lseStride + row];
    statistics[threadIdx.x] = {LOG2_E * lse, delta[int64(head) * deltaStride + row]};
  }
  statistics += 16 * BLOCKS * warp() + lane() / 4;  // of the lane's first row
  float dqSums[BLOCKS][CHUNKS][4];
  clear(dqSums);
  for (int stage = 0; key < end; key += KEYS, stage = 1 - stage) {
    awaitCopies<0>();
    __syncthreads();
    if (key + KEYS < end) {
      copyTile<KEYS>(kTiles + (1 - stage) * TILE, k, kStride, key + KEYS, end);
      copyTile<KEYS>(vTiles + (1 - stage) * TILE, v, vStride, key + KEYS, end);
      commitCopies();
    }
    if (!rows.seeAny(key, KEYS)) {
      continue;
    }
    const bf16* kTile = kTiles + stage * TILE;
    const bf16* vTile = vTiles + stage * TILE;
    float p[BLOCKS][KEYS / 8][4];
    multiplyTransposed(p, qWarp, kTile);
#pragma unroll
    for (int m = 0; m < BLOCKS; m++) {
#pragma unroll
      for (int half = 0; half < 2; half++) {
        float lse = statistics[16 * m + 8 * half].x;
#pragma unroll
        for (int n = 0; n < KEYS / 8; n++) {
#pragma unroll
          for (int i = 2 * half; i < 2 * half + 2; i++) {
            p[m][n][i] = exp2Fast(fmaf(p[m][n][i], scale * LOG2_E, -lse));
          }
        }
      }
    }
    if (!rows.seeAll(key, KEYS)) {
      rows.mask(p, key, 0);
    }
    float ds[BLOCKS][KEYS / 8][4];
    multiplyTransposed(ds, doutWarp, vTile);
#pragma unroll
    for (int m = 0; m < BLOCKS; m++) {
#pragma unroll
      for (int half = 0; half < 2; half++) {
        float of = statistics[16 * m + 8 * half].y;
#pragma unroll
        for (int n = 0; n < KEYS / 8; n++) {
#pragma unroll
          for (int i = 2 * half; i < 2 * half + 2; i++) {
            ds[m][n][i] = p[m][n][i] * (ds[m][n][i] - of);
          }
        }
      }
    }
    uint32 left[BLOCKS][KEYS / 16][4];
    toLeftOperand(left, ds);
    accumulate(dqSums, left, kTile);
  }

  multiplyBy(dqSums, scale);
  storeRows(dqSums, qWarp, dq + head * HEAD_DIM, dqStride, rows.first, tokens);
}
