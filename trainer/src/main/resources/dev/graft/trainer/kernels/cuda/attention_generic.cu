// Attention for any head dimension, any type of activations and any strides: plain rather than fast,
// but for the cache of a generation. attention.cu has the fast kernels for training; what is computed
// and from what shapes is in Kernels.attention.
//
// In training a warp serves one row of one head. Its lanes share the head's elements, lane l has the
// elements l, l + 32, …, and each keeps its own in shared memory, since their number is known only at
// run time. No lane reads another's, so that nothing waits for anything.
#include "prelude.cuh"

// Rows that a warp reads at a time: their loads are in flight together.
constexpr int ROWS_AT_ONCE = 4;

__device__ __forceinline__ int lane() { return threadIdx.x % WARP; }

__device__ __forceinline__ void readHead(float* head, const act* row, int headDim) {
  for (int d = lane(); d < headDim; d += WARP) {
    head[d] = toFloat(row[d]);
  }
}

__device__ __forceinline__ void writeHead(act* row, const float* head, float factor, int headDim) {
  for (int d = lane(); d < headDim; d += WARP) {
    row[d] = fromFloat<act>(factor * head[d]);
  }
}

__device__ __forceinline__ void clearHead(float* head, int headDim) {
  for (int d = lane(); d < headDim; d += WARP) {
    head[d] = 0;
  }
}

// Rows first, first + 1, … of a matrix; from the last one on the last again, so that none is read
// that may not be.
struct Rows {
  const act* at[ROWS_AT_ONCE];

  __device__ __forceinline__ Rows(const act* matrix, int stride, int64 first, int64 last) {
    for (int i = 0; i < ROWS_AT_ONCE; i++) {
      int64 row = first + i;
      at[i] = matrix + (row < last ? row : last) * stride;
    }
  }

  // products[i] = head · row i, in every lane.
  __device__ __forceinline__ void multiply(
      const float* head, float (&products)[ROWS_AT_ONCE], int headDim) const {
    for (int i = 0; i < ROWS_AT_ONCE; i++) {
      products[i] = 0;
    }
    for (int d = lane(); d < headDim; d += WARP) {
      float x = head[d];
#pragma unroll
      for (int i = 0; i < ROWS_AT_ONCE; i++) {
        products[i] += x * toFloat(at[i][d]);
      }
    }
#pragma unroll
    for (int i = 0; i < ROWS_AT_ONCE; i++) {
      products[i] = warpSum(products[i]);
    }
  }

  // sum = keep · sum + Σ weights[i] · row i
  __device__ __forceinline__ void accumulate(
      float* sum, float keep, const float (&weights)[ROWS_AT_ONCE], int headDim) const {
    for (int d = lane(); d < headDim; d += WARP) {
      float x = keep * sum[d];
#pragma unroll
      for (int i = 0; i < ROWS_AT_ONCE; i++) {
        x += weights[i] * toFloat(at[i][d]);
      }
      sum[d] = x;
    }
  }
};

// A softmax over scores that come a few at a time (Milakov and Gimelshein 2018): the largest so far
// and the sum of exp(score - largest).
struct OnlineSoftmax {
  // At first below any score, and yet a number: what is relative to it is one, too.
  float largest = -1e30f;
  float sum = 0;

  // Turns the scores, of which the first count are any, into weights relative to the new largest.
  // Returns the factor that makes earlier weights relative to it.
  __device__ __forceinline__ float add(float (&scores)[ROWS_AT_ONCE], int64 count) {
    float before = largest;
#pragma unroll
    for (int i = 0; i < ROWS_AT_ONCE; i++) {
      scores[i] = i < count ? scores[i] : -infinity();
      largest = fmaxf(largest, scores[i]);
    }
    float keep = expf(before - largest);
    sum *= keep;
#pragma unroll
    for (int i = 0; i < ROWS_AT_ONCE; i++) {
      scores[i] = expf(scores[i] - largest);
      sum += scores[i];
    }
    return keep;
  }
};

// The first key that a query sees.
__device__ __forceinline__ int firstKey(const int* segmentStarts, int query, int window) {
  return max(segmentStarts[query], query - window + 1);
}

// ---- training ----

// Grid (ceil(tokens / warps), heads), blocks of any number of whole warps; shared memory: 2 · headDim
// floats for each warp.
extern "C" __global__ void attention_forward_generic(
    const act* q, int qStride,      // (T, H·hd)
    const act* k, int kStride,      // (T, G·hd)
    const act* v, int vStride,      // (T, G·hd)
    const int* segmentStarts,       // (T)
    act* out, int outStride,        // (T, H·hd)
    float* logSumExp, int lseStride,  // (H, T)
    int tokens, int heads, int keyHeads, int window, float scale, int headDim) {
  DYNAMIC_SHARED(float, shared);
  int warp = threadIdx.x / WARP;
  int head = blockIdx.y;
  int keyHead = head / (heads / keyHeads);
  int64 query = int64(blockIdx.x) * (blockDim.x / WARP) + warp;
  if (query >= tokens) {
    return;
  }
  float* qHead = shared + warp * 2 * headDim;
  float* sum = qHead + headDim;
  readHead(qHead, q + query * qStride + head * headDim, headDim);
  clearHead(sum, headDim);

  OnlineSoftmax softmax;
  for (int64 key = firstKey(segmentStarts, query, window); key <= query; key += ROWS_AT_ONCE) {
    float scores[ROWS_AT_ONCE];
    Rows(k + keyHead * headDim, kStride, key, query).multiply(qHead, scores, headDim);
#pragma unroll
    for (int i = 0; i < ROWS_AT_ONCE; i++) {
      scores[i] *= scale;
    }
    float keep = softmax.add(scores, query - key + 1);
    Rows(v + keyHead * headDim, vStride, key, query).accumulate(sum, keep, scores, headDim);
  }

  writeHead(out + query * outStride + head * headDim, sum, 1 / softmax.sum, headDim);
  if (lane() == 0) {
    logSumExp[int64(head) * lseStride + query] = softmax.largest + logf(softmax.sum);
  }
}

// delta = rowsum(dout · out). Grid (ceil(tokens / warps), heads), blocks of any number of whole warps.
extern "C" __global__ void attention_delta_generic(
    const act* out, int outStride,    // (T, H·hd)
    const act* dout, int doutStride,  // (T, H·hd)
    float* delta, int deltaStride,    // (H, T)
    int tokens, int heads, int headDim) {
  int head = blockIdx.y;
  int64 token = int64(blockIdx.x) * (blockDim.x / WARP) + threadIdx.x / WARP;
  if (token >= tokens) {
    return;
  }
  const act* outHead = out + token * outStride + head * headDim;
  const act* doutHead = dout + token * doutStride + head * headDim;
  float sum = 0;
  for (int d = lane(); d < headDim; d += WARP) {
    sum += toFloat(outHead[d]) * toFloat(doutHead[d]);
  }
  sum = warpSum(sum);
  if (lane() == 0) {
    delta[int64(head) * deltaStride + token] = sum;
  }
}

// dk = scale · dSᵀ q, dv = Pᵀ dout, a warp for each key and key head. Grid (ceil(tokens / warps),
// keyHeads), blocks of any number of whole warps; shared memory: 4 · headDim floats for each warp.
extern "C" __global__ void attention_backward_keys_generic(
    const act* q, int qStride,              // (T, H·hd)
    const act* k, int kStride,              // (T, G·hd)
    const act* v, int vStride,              // (T, G·hd)
    const int* segmentStarts,               // (T)
    const act* dout, int doutStride,        // (T, H·hd)
    const float* logSumExp, int lseStride,  // (H, T)
    const float* delta, int deltaStride,    // (H, T)
    act* dk, int dkStride,                  // (T, G·hd)
    act* dv, int dvStride,                  // (T, G·hd)
    int tokens, int heads, int keyHeads, int window, float scale, int headDim) {
  DYNAMIC_SHARED(float, shared);
  int warp = threadIdx.x / WARP;
  int keyHead = blockIdx.y;
  int group = heads / keyHeads;
  int64 key = int64(blockIdx.x) * (blockDim.x / WARP) + warp;
  if (key >= tokens) {
    return;
  }
  float* kHead = shared + warp * 4 * headDim;
  float* vHead = kHead + headDim;
  float* dkSum = vHead + headDim;
  float* dvSum = dkSum + headDim;
  readHead(kHead, k + key * kStride + keyHead * headDim, headDim);
  readHead(vHead, v + key * vStride + keyHead * headDim, headDim);
  clearHead(dkSum, headDim);
  clearHead(dvSum, headDim);

  for (int head = keyHead * group; head < (keyHead + 1) * group; head++) {
    const float* lseHead = logSumExp + int64(head) * lseStride;
    const float* deltaHead = delta + int64(head) * deltaStride;
    // Of the queries from the key on those see it whose first key is not behind it, and once one
    // does not, none after it does.
    for (int64 query = key; query < tokens && firstKey(segmentStarts, query, window) <= key;
         query += ROWS_AT_ONCE) {
      float p[ROWS_AT_ONCE];
      float ds[ROWS_AT_ONCE];
      Rows qRows(q + head * headDim, qStride, query, tokens - 1);
      Rows doutRows(dout + head * headDim, doutStride, query, tokens - 1);
      qRows.multiply(kHead, p, headDim);
      doutRows.multiply(vHead, ds, headDim);
#pragma unroll
      for (int i = 0; i < ROWS_AT_ONCE; i++) {
        int64 row = query + i;
        bool sees = row < tokens && firstKey(segmentStarts, row, window) <= key;
        p[i] = sees ? expf(scale * p[i] - lseHead[row]) : 0;
        ds[i] = sees ? p[i] * (ds[i] - deltaHead[row]) : 0;
      }
      doutRows.accumulate(dvSum, 1, p, headDim);
      qRows.accumulate(dkSum, 1, ds, headDim);
    }
  }

  writeHead(dk + key * dkStride + keyHead * headDim, dkSum, scale, headDim);
  writeHead(dv + key * dvStride + keyHead * headDim, dvSum, 1, headDim);
}

// dq = scale · dS k, a warp for each query and head. Grid (ceil(tokens / warps), heads), blocks of
// any number of whole warps; shared memory: 3 · headDim floats for each warp.
extern "C" __global__ void attention_backward_queries_generic(
    const act* q, int qStride,              // (T, H·hd)
    const act* k, int kStride,              // (T, G·hd)
    const act* v, int vStride,              // (T, G·hd)
    const int* segmentStarts,               // (T)
    const act* dout, int doutStride,        // (T, H·hd)
    const float* logSumExp, int lseStride,  // (H, T)
    const float* delta, int deltaStride,    // (H, T)
    act* dq, int dqStride,                  // (T, H·hd)
    int tokens, int heads, int keyHeads, int window, float scale, int headDim) {
  DYNAMIC_SHARED(float, shared);
  int warp = threadIdx.x / WARP;
  int head = blockIdx.y;
  int keyHead = head / (heads / keyHeads);
  int64 query = int64(blockIdx.x) * (blockDim.x / WARP) + warp;
  if (query >= tokens) {
    return;
  }
  float* qHead = shared + warp * 3 * headDim;
  float* doutHead = qHead + headDim;
  float* dqSum = doutHead + headDim;
  readHead(qHead, q + query * qStride + head * headDim, headDim);
  readHead(doutHead, dout + query * doutStride + head * headDim, headDim);
  clearHead(dqSum, headDim);
  float lse = logSumExp[int64(head) * lseStride + query];
  float d = delta[int64(head) * deltaStride + query];

  for (int64 key = firstKey(segmentStarts, query, window); key <= query; key += ROWS_AT_ONCE) {
    float ds[ROWS_AT_ONCE];
    float dp[ROWS_AT_ONCE];
    Rows keyRows(k + keyHead * headDim, kStride, key, query);
    keyRows.multiply(qHead, ds, headDim);
    Rows(v + keyHead * headDim, vStride, key, query).multiply(doutHead, dp, headDim);
#pragma unroll
    for (int i = 0; i < ROWS_AT_ONCE; i++) {
      bool sees = key + i <= query;
      ds[i] = sees ? expf(scale * ds[i] - lse) * (dp[i] - d) : 0;
    }
    keyRows.accumulate(dqSum, 1, ds, headDim);
  }

  writeHead(dq + query * dqStride + head * headDim, dqSum, scale, headDim);
}

// ---- generation ----

// A head's keys and values in the cache, of which rows first to last are read.
struct Cache {
  const act* keys;
  const act* values;
  int keysStride, valuesStride;
  int64 first, last;
};

// A warp's share of the rows, a few of every so many. Returns their softmax, and leaves their
// weighted values in sum.
__device__ __forceinline__ OnlineSoftmax readCache(
    const Cache& cache, const act* q, float* qHead, float* sum, int headDim, float scale) {
  readHead(qHead, q, headDim);
  clearHead(sum, headDim);
  OnlineSoftmax softmax;
  for (int64 row = cache.first + threadIdx.x / WARP * ROWS_AT_ONCE; row <= cache.last;
       row += blockDim.x / WARP * ROWS_AT_ONCE) {
    float scores[ROWS_AT_ONCE];
    Rows(cache.keys, cache.keysStride, row, cache.last).multiply(qHead, scores, headDim);
#pragma unroll
    for (int i = 0; i < ROWS_AT_ONCE; i++) {
      scores[i] *= scale;
    }
    float keep = softmax.add(scores, cache.last - row + 1);
    Rows(cache.values, cache.valuesStride, row, cache.last).accumulate(sum, keep, scores, headDim);
  }
  return softmax;
}

// 16 bytes of a row.
constexpr int CHUNK = 16 / sizeof(act);

struct alignas(16) Chunk {
  act at[CHUNK];
};

__device__ __forceinline__ bool inChunks(const act* address, int stride) {
  return reinterpret_cast<uint64>(address) % 16 == 0 && stride % CHUNK == 0;
}

// The same for rows in chunks, at most one for a lane. A row takes as few lanes as it has chunks
// (rounded up to a power of two), so that a warp reads several at once, and the values come while the
// scores are computed: what decoding waits for is memory.
__device__ __forceinline__ OnlineSoftmax readCacheInChunks(
    const Cache& cache, const act* q, float* sum, int headDim, float scale) {
  int lanes = 1;
  while (lanes * CHUNK < headDim) {
    lanes *= 2;
  }
  int group = lane() / lanes;
  int groups = WARP / lanes;
  int column = lane() % lanes * CHUNK;
  bool any = column < headDim;
  float mine[CHUNK];
  float values[CHUNK];
#pragma unroll
  for (int j = 0; j < CHUNK; j++) {
    mine[j] = any ? toFloat(q[column + j]) : 0;
    values[j] = 0;
  }

  OnlineSoftmax softmax;
  for (int64 first = cache.first + threadIdx.x / WARP * groups * ROWS_AT_ONCE; first <= cache.last;
       first += blockDim.x / WARP * groups * ROWS_AT_ONCE) {
    int64 row = first + group * ROWS_AT_ONCE;
    Chunk k[ROWS_AT_ONCE];
    Chunk v[ROWS_AT_ONCE];
#pragma unroll
    for (int i = 0; i < ROWS_AT_ONCE; i++) {
      int64 at = min(row + i, cache.last);
      int there = any ? column : 0;  // a lane without a chunk multiplies the first with zeros
      k[i] = *reinterpret_cast<const Chunk*>(cache.keys + at * cache.keysStride + there);
      v[i] = *reinterpret_cast<const Chunk*>(cache.values + at * cache.valuesStride + there);
    }
    float scores[ROWS_AT_ONCE];
#pragma unroll
    for (int i = 0; i < ROWS_AT_ONCE; i++) {
      scores[i] = 0;
#pragma unroll
      for (int j = 0; j < CHUNK; j++) {
        scores[i] += mine[j] * toFloat(k[i].at[j]);
      }
    }
    for (int offset = lanes / 2; offset > 0; offset /= 2) {
#pragma unroll
      for (int i = 0; i < ROWS_AT_ONCE; i++) {
        scores[i] += __shfl_xor_sync(ALL_LANES, scores[i], offset);
      }
    }
#pragma unroll
    for (int i = 0; i < ROWS_AT_ONCE; i++) {
      scores[i] *= scale;
    }
    float keep = softmax.add(scores, cache.last - row + 1);
#pragma unroll
    for (int j = 0; j < CHUNK; j++) {
      values[j] *= keep;
#pragma unroll
      for (int i = 0; i < ROWS_AT_ONCE; i++) {
        values[j] += scores[i] * toFloat(v[i].at[j]);
      }
    }
  }

  // The groups together.
  float largest = warpMax(softmax.largest);
  float keep = expf(softmax.largest - largest);
  softmax.largest = largest;
  softmax.sum *= keep;
#pragma unroll
  for (int j = 0; j < CHUNK; j++) {
    values[j] *= keep;
  }
  for (int offset = lanes; offset < WARP; offset *= 2) {
    softmax.sum += __shfl_xor_sync(ALL_LANES, softmax.sum, offset);
#pragma unroll
    for (int j = 0; j < CHUNK; j++) {
      values[j] += __shfl_xor_sync(ALL_LANES, values[j], offset);
    }
  }
  if (group == 0 && any) {
#pragma unroll
    for (int j = 0; j < CHUNK; j++) {
      sum[column + j] = values[j];
    }
  }
  return softmax;
}

// Query row i reads the last min(window, lengths[i]) of the lengths[i] rows of the cache that begin
// at row starts[i]. A block for each row and head: its warps take turns at the keys, and the sums of
// all are added at the end, relative to the largest score of all.
//
// Grid (rows, heads), blocks of any number of whole warps; shared memory: 2 · headDim + 2 floats for
// each warp.
extern "C" __global__ void cached_attention(
    const act* q, int qStride,            // (n, H·hd)
    const act* keys, int keysStride,      // (capacity, G·hd)
    const act* values, int valuesStride,  // (capacity, G·hd)
    const int* starts,                    // (n)
    const int* lengths,                   // (n), at least 1
    act* out, int outStride,              // (n, H·hd)
    int rows, int heads, int keyHeads, int headDim, int window, float scale) {
  DYNAMIC_SHARED(float, shared);
  int warp = threadIdx.x / WARP;
  int warps = blockDim.x / WARP;
  int64 row = blockIdx.x;
  int head = blockIdx.y;
  int keyHead = head / (heads / keyHeads);
  float* sums = shared;                       // (warps, hd)
  float* qHeads = sums + warps * headDim;     // (warps, hd)
  float* largest = qHeads + warps * headDim;  // (warps)
  float* total = largest + warps;             // (warps)

  int64 last = int64(starts[row]) + lengths[row] - 1;
  int64 first = last - min(window, lengths[row]) + 1;
  Cache cache{
      keys + keyHead * headDim, values + keyHead * headDim, keysStride, valuesStride, first, last};
  const act* qRow = q + row * qStride + head * headDim;
  float* sum = sums + warp * headDim;
  bool chunks = inChunks(keys, keysStride) && inChunks(values, valuesStride)
      && headDim % CHUNK == 0 && headDim <= WARP * CHUNK;
  OnlineSoftmax softmax = chunks
      ? readCacheInChunks(cache, qRow, sum, headDim, scale)
      : readCache(cache, qRow, qHeads + warp * headDim, sum, headDim, scale);
  if (lane() == 0) {
    largest[warp] = softmax.largest;
    total[warp] = softmax.sum;
  }
  __syncthreads();

  float largestOfAll = largest[0];
  for (int w = 1; w < warps; w++) {
    largestOfAll = fmaxf(largestOfAll, largest[w]);
  }
  float totalOfAll = 0;
  for (int w = 0; w < warps; w++) {
    totalOfAll += expf(largest[w] - largestOfAll) * total[w];
  }
  for (int d = threadIdx.x; d < headDim; d += blockDim.x) {
    float x = 0;
    for (int w = 0; w < warps; w++) {
      x += expf(largest[w] - largestOfAll) * sums[w * headDim + d];
    }
    out[row * outStride + head * headDim + d] = fromFloat<act>(x / totalOfAll);
  }
}
