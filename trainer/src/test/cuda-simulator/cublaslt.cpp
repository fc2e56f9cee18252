// Test code: the matrix products' library, libcublasLt.so.13, on the processor. It queues its work
// into the streams of the simulated driver, so that it takes part in captures too.
//
// It checks what the real one relies on: that layouts agree, that the pointers are aligned as was
// promised when an algorithm was chosen, and that the workspace is as large as the algorithm's;
// which it fills with NaN, since the real one leaves it with anything.
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "simulator.h"

#define API extern "C" __attribute__((visibility("default"))) int

namespace {

enum Status {
  SUCCESS = 0,
  NOT_INITIALIZED = 1,
  INVALID_VALUE = 7,
  EXECUTION_FAILED = 13,
  NOT_SUPPORTED = 15,
};

enum Type { F32 = 0, F16 = 2, BF16 = 14 };
enum Compute { COMPUTE_32F = 68, COMPUTE_32F_PEDANTIC = 69, COMPUTE_32F_FAST_TF32 = 77 };

struct Descriptor {
  int computeType, scaleType;
  int pointerMode = 0, transA = 0, transB = 0, transC = 0, epilogue = 1;
};

struct Layout {
  int type;
  uint64_t rows, columns;
  int64_t ld;
  int order = 0, batches = 1;
  int64_t batchOffset = 0;
};

struct Preference {
  uint64_t workspace = 0;
  uint32_t alignment[4] = {256, 256, 256, 256};  // of A, B, C and D, in bytes
};

constexpr uint64_t ALGORITHM = 0x6d75736172676c61;

// What the caller keeps without looking into it: 64 bytes.
struct Algorithm {
  uint64_t magic;
  uint32_t number;
  uint32_t alignment[4];
  uint64_t workspace;
  uint64_t m, n, k;
};
static_assert(sizeof(Algorithm) == 64, "as in cublasLt.h");

struct HeuristicResult {
  Algorithm algorithm;
  size_t workspaceSize;
  int state;
  float wavesCount;
  int reserved[4];
};
static_assert(sizeof(HeuristicResult) == 96, "as in cublasLt.h");

size_t sizeOf(int type) { return type == F32 ? 4 : 2; }

int refuse(int status, const char* why) {
  fprintf(stderr, "cuda-simulator: cublasLt: %s\n", why);
  return status;
}

// ---- the product ----

float load(const void* matrix, int type, size_t index) {
  switch (type) {
    case F32: return static_cast<const float*>(matrix)[index];
    case F16: return simulatorFromF16(static_cast<const uint16_t*>(matrix)[index]);
    default: return simulatorFromBf16(static_cast<const uint16_t*>(matrix)[index]);
  }
}

void store(void* matrix, int type, size_t index, float value) {
  switch (type) {
    case F32: static_cast<float*>(matrix)[index] = value; break;
    case F16: static_cast<uint16_t*>(matrix)[index] = simulatorToF16(value); break;
    default: static_cast<uint16_t*>(matrix)[index] = simulatorToBf16(value); break;
  }
}

// To the 10 bits of a fraction that TF32 has.
float toTf32(float x) {
  uint32_t bits = __float_as_uint(x);
  return (bits & 0x7f800000u) == 0x7f800000u ? x : __uint_as_float((bits + 0x0fffu + ((bits >> 13) & 1)) & ~0x1fffu);
}

constexpr int TILE_ROWS = 16;
constexpr int TILE_COLUMNS = 4;

// sums (TILE_COLUMNS, TILE_ROWS) = a (k, TILE_ROWS) times b (k, TILE_COLUMNS)
inline __attribute__((always_inline)) void multiplyTileWith(size_t k, const float* a, const float* b, float* sums) {
  typedef float Vector __attribute__((vector_size(32), aligned(4), may_alias));
  Vector accumulated[TILE_COLUMNS][TILE_ROWS / 8] = {};
  for (size_t i = 0; i < k; i++) {
    for (int column = 0; column < TILE_COLUMNS; column++) {
      for (int part = 0; part < TILE_ROWS / 8; part++) {
        accumulated[column][part] +=
            *reinterpret_cast<const Vector*>(a + i * TILE_ROWS + 8 * part) * b[i * TILE_COLUMNS + column];
      }
    }
  }
  memcpy(sums, accumulated, sizeof accumulated);
}

__attribute__((target("avx2,fma"))) void multiplyTileFast(size_t k, const float* a, const float* b, float* sums) {
  multiplyTileWith(k, a, b, sums);
}

void multiplyTileSlow(size_t k, const float* a, const float* b, float* sums) { multiplyTileWith(k, a, b, sums); }

struct Product {
  Descriptor descriptor;
  Layout a, b, c, d;
  float alpha, beta;
  const void *A, *B, *C;
  void* D;
  void* workspace;
  size_t workspaceBytes;
  uint64_t m, n, k;
};

// The operand's element (row, i) at [row / tile][i][row % tile]; row is of op(A), a column of op(B).
void pack(const void* matrix, const Layout& layout, bool rowsContiguous, uint64_t rows, uint64_t k, int tile, bool tf32,
          std::vector<float>& packed) {
  packed.assign((rows + tile - 1) / tile * tile * k, 0);
  size_t ld = size_t(layout.ld);
  for (uint64_t first = 0; first < rows; first += tile) {
    float* to = packed.data() + first * k;
    uint64_t count = std::min<uint64_t>(tile, rows - first);
    if (rowsContiguous) {
      for (uint64_t i = 0; i < k; i++) {
        for (uint64_t row = 0; row < count; row++) {
          to[i * tile + row] = load(matrix, layout.type, i * ld + first + row);
        }
      }
    } else {
      for (uint64_t row = 0; row < count; row++) {
        for (uint64_t i = 0; i < k; i++) {
          to[i * tile + row] = load(matrix, layout.type, (first + row) * ld + i);
        }
      }
    }
  }
  if (tf32) {
    for (float& each : packed) {
      each = toTf32(each);
    }
  }
}

void multiply(const Product& p, const void* A, const void* B, const void* C, void* D) {
  static const auto multiplyTile = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")
      ? multiplyTileFast
      : multiplyTileSlow;
  bool tf32 = p.descriptor.computeType == COMPUTE_32F_FAST_TF32;
  std::vector<float> a, b;
  pack(A, p.a, p.descriptor.transA == 0, p.m, p.k, TILE_ROWS, tf32, a);
  pack(B, p.b, p.descriptor.transB != 0, p.n, p.k, TILE_COLUMNS, tf32, b);
  alignas(32) float sums[TILE_COLUMNS][TILE_ROWS];
  for (uint64_t column = 0; column < p.n; column += TILE_COLUMNS) {
    for (uint64_t row = 0; row < p.m; row += TILE_ROWS) {
      multiplyTile(p.k, a.data() + row * p.k, b.data() + column * p.k, sums[0]);
      for (uint64_t j = 0; j < std::min<uint64_t>(TILE_COLUMNS, p.n - column); j++) {
        for (uint64_t i = 0; i < std::min<uint64_t>(TILE_ROWS, p.m - row); i++) {
          float value = p.alpha * sums[j][i];
          if (p.beta != 0) {  // else c isn't read, were it NaN
            value += p.beta * load(C, p.c.type, (column + j) * size_t(p.c.ld) + row + i);
          }
          store(D, p.d.type, (column + j) * size_t(p.d.ld) + row + i, value);
        }
      }
    }
  }
}

bool onDevice(const void* matrix, const Layout& layout);

int run(void* argument) {
  const Product& p = *static_cast<Product*>(argument);
  if (!onDevice(p.A, p.a) || !onDevice(p.B, p.b) || !onDevice(p.D, p.d) || (p.beta != 0 && !onDevice(p.C, p.c))) {
    refuse(EXECUTION_FAILED, "a matrix has been freed since the call");
    return 700;
  }
  if (p.workspaceBytes != 0) {
    memset(p.workspace, 0xff, p.workspaceBytes);
  }
  for (int batch = 0; batch < p.d.batches; batch++) {
    auto at = [batch](const void* matrix, const Layout& layout) {
      return static_cast<const char*>(matrix) + batch * layout.batchOffset * int64_t(sizeOf(layout.type));
    };
    multiply(p, at(p.A, p.a), at(p.B, p.b), at(p.C, p.c), const_cast<char*>(at(p.D, p.d)));
  }
  return 0;
}

// ---- the simulated driver ----

using Enqueue = int (*)(void*, const char*, int (*)(void*), void*, void (*)(void*));
using IsDevice = int (*)(const void*, size_t);

// The driver that the process has loaded, or else the one beside this library.
void* driverFunction(const char* name) {
  static void* driver = [] {
    void* loaded = dlopen("libcuda.so.1", RTLD_NOW | RTLD_NOLOAD);
    if (loaded == nullptr) {
      Dl_info info;
      static int here;
      dladdr(&here, &info);
      loaded = dlopen((std::filesystem::absolute(info.dli_fname).parent_path() / "libcuda.so.1").c_str(), RTLD_NOW);
    }
    return loaded;
  }();
  void* function = driver == nullptr ? nullptr : dlsym(driver, name);
  if (function == nullptr) {
    fprintf(stderr, "cuda-simulator: cublasLt needs the simulated libcuda.so.1\n");
    abort();
  }
  return function;
}

// ---- checks ----

bool has(const Layout& layout, uint64_t rows, uint64_t columns) {
  return layout.rows == rows && layout.columns == columns;
}

// 0, with the sizes of the product, or why it can't be.
int check(const Descriptor& descriptor, const Layout& a, const Layout& b, const Layout& c, const Layout& d, uint64_t* m,
          uint64_t* n, uint64_t* k) {
  bool turnA = descriptor.transA != 0;
  bool turnB = descriptor.transB != 0;
  *m = turnA ? a.columns : a.rows;
  *k = turnA ? a.rows : a.columns;
  *n = turnB ? b.rows : b.columns;
  if (!has(b, turnB ? *n : *k, turnB ? *k : *n) || !has(c, *m, *n) || !has(d, *m, *n)) {
    return refuse(INVALID_VALUE, "the layouts don't agree");
  }
  for (const Layout* layout : {&a, &b, &c, &d}) {
    if (layout->ld < int64_t(layout->rows)) {
      return refuse(INVALID_VALUE, "a leading dimension is less than the rows");
    }
    if (layout->order != 0) {
      return refuse(NOT_SUPPORTED, "an order other than by columns isn't simulated");
    }
    if (layout->batches != d.batches) {
      return refuse(INVALID_VALUE, "the counts of batches differ");
    }
  }
  if (*m == 0 || *n == 0 || *k == 0) {
    return refuse(INVALID_VALUE, "an empty matrix");
  }
  if (descriptor.pointerMode != 0 || descriptor.epilogue != 1 || descriptor.transC != 0 || descriptor.scaleType != F32
      || (descriptor.computeType != COMPUTE_32F && descriptor.computeType != COMPUTE_32F_PEDANTIC
          && (descriptor.computeType != COMPUTE_32F_FAST_TF32 || a.type != F32))) {
    return refuse(NOT_SUPPORTED, "a descriptor that isn't simulated");
  }
  bool known = a.type == F32 ? d.type == F32
      : a.type == BF16       ? d.type == BF16 || d.type == F32
      : a.type == F16        ? d.type == F16 || d.type == F32
                             : false;
  if (!known || b.type != a.type || c.type != d.type) {
    return refuse(NOT_SUPPORTED, "types that don't go together");
  }
  return SUCCESS;
}

template <class T>
int set(T* field, const void* value, size_t bytes) {
  if (value == nullptr || bytes != sizeof(T)) {
    return refuse(INVALID_VALUE, "an attribute's size");
  }
  memcpy(field, value, bytes);
  return SUCCESS;
}

struct Handle {
  int unused;
};

bool aligned(const void* address, uint64_t alignment) {
  return reinterpret_cast<uintptr_t>(address) % alignment == 0;
}

bool onDevice(const void* matrix, const Layout& layout) {
  auto isDevice = reinterpret_cast<IsDevice>(driverFunction("simulatorIsDevice"));
  int64_t elements = (layout.batches - 1) * layout.batchOffset + int64_t(layout.columns - 1) * layout.ld
      + int64_t(layout.rows);
  return isDevice(matrix, size_t(elements) * sizeOf(layout.type)) != 0;
}

}  // namespace

// ---- the interface ----

extern "C" __attribute__((visibility("default"))) size_t cublasLtGetVersion() { return 130000; }

extern "C" __attribute__((visibility("default"))) const char* cublasLtGetStatusName(int status) {
  switch (status) {
    case 0: return "CUBLAS_STATUS_SUCCESS";
    case 1: return "CUBLAS_STATUS_NOT_INITIALIZED";
    case 3: return "CUBLAS_STATUS_ALLOC_FAILED";
    case 7: return "CUBLAS_STATUS_INVALID_VALUE";
    case 8: return "CUBLAS_STATUS_ARCH_MISMATCH";
    case 11: return "CUBLAS_STATUS_MAPPING_ERROR";
    case 13: return "CUBLAS_STATUS_EXECUTION_FAILED";
    case 14: return "CUBLAS_STATUS_INTERNAL_ERROR";
    case 15: return "CUBLAS_STATUS_NOT_SUPPORTED";
    case 16: return "CUBLAS_STATUS_LICENSE_ERROR";
    default: return "CUBLAS_STATUS_UNKNOWN";
  }
}

extern "C" __attribute__((visibility("default"))) const char* cublasLtGetStatusString(int status) {
  return cublasLtGetStatusName(status);
}

API cublasLtCreate(Handle** handle) {
  if (handle == nullptr) {
    return INVALID_VALUE;
  }
  void* context = nullptr;
  auto current = reinterpret_cast<int (*)(void**)>(driverFunction("cuCtxGetCurrent"));
  if (current(&context) != 0 || context == nullptr) {
    return refuse(NOT_INITIALIZED, "no context is current");
  }
  *handle = new Handle;
  return SUCCESS;
}

API cublasLtDestroy(Handle* handle) {
  delete handle;
  return SUCCESS;
}

API cublasLtMatmulDescCreate(Descriptor** descriptor, int computeType, int scaleType) {
  *descriptor = new Descriptor{computeType, scaleType};
  return SUCCESS;
}

API cublasLtMatmulDescDestroy(Descriptor* descriptor) {
  delete descriptor;
  return SUCCESS;
}

API cublasLtMatmulDescSetAttribute(Descriptor* descriptor, int attribute, const void* value, size_t bytes) {
  switch (attribute) {
    case 0: return set(&descriptor->computeType, value, bytes);
    case 1: return set(&descriptor->scaleType, value, bytes);
    case 2: return set(&descriptor->pointerMode, value, bytes);
    case 3: return set(&descriptor->transA, value, bytes);
    case 4: return set(&descriptor->transB, value, bytes);
    case 5: return set(&descriptor->transC, value, bytes);
    case 7: return set(&descriptor->epilogue, value, bytes);
    default: return refuse(INVALID_VALUE, "a descriptor's attribute that isn't simulated");
  }
}

API cublasLtMatrixLayoutCreate(Layout** layout, int type, uint64_t rows, uint64_t columns, int64_t ld) {
  *layout = new Layout{type, rows, columns, ld};
  return SUCCESS;
}

API cublasLtMatrixLayoutDestroy(Layout* layout) {
  delete layout;
  return SUCCESS;
}

API cublasLtMatrixLayoutSetAttribute(Layout* layout, int attribute, const void* value, size_t bytes) {
  switch (attribute) {
    case 0: return set(&layout->type, value, bytes);
    case 1: return set(&layout->order, value, bytes);
    case 2: return set(&layout->rows, value, bytes);
    case 3: return set(&layout->columns, value, bytes);
    case 4: return set(&layout->ld, value, bytes);
    case 5: return set(&layout->batches, value, bytes);
    case 6: return set(&layout->batchOffset, value, bytes);
    default: return refuse(INVALID_VALUE, "a layout's attribute that isn't simulated");
  }
}

API cublasLtMatmulPreferenceCreate(Preference** preference) {
  *preference = new Preference;
  return SUCCESS;
}

API cublasLtMatmulPreferenceDestroy(Preference* preference) {
  delete preference;
  return SUCCESS;
}

API cublasLtMatmulPreferenceSetAttribute(Preference* preference, int attribute, const void* value, size_t bytes) {
  uint32_t ignored32;
  float ignoredFloat;
  switch (attribute) {
    case 0: case 3: case 12: return set(&ignored32, value, bytes);
    case 1: return set(&preference->workspace, value, bytes);
    case 5: case 6: case 7: case 8: return set(&preference->alignment[attribute - 5], value, bytes);
    case 9: return set(&ignoredFloat, value, bytes);
    default: return refuse(INVALID_VALUE, "a preference that isn't simulated");
  }
}

// The best one wants a workspace and all of the alignment that's promised; the others do with less.
API cublasLtMatmulAlgoGetHeuristic(Handle* handle, const Descriptor* descriptor, const Layout* a, const Layout* b,
                                   const Layout* c, const Layout* d, const Preference* preference, int requested,
                                   HeuristicResult* results, int* found) {
  *found = 0;
  if (handle == nullptr || requested < 1 || results == nullptr) {
    return INVALID_VALUE;
  }
  uint64_t m, n, k;
  if (int status = check(*descriptor, *a, *b, *c, *d, &m, &n, &k)) {
    return status;
  }
  for (int i = 0; i < std::min(requested, 3); i++) {
    HeuristicResult result = {};
    result.algorithm = {ALGORITHM, uint32_t(i), {}, 0, m, n, k};
    std::copy(std::begin(preference->alignment), std::end(preference->alignment), result.algorithm.alignment);
    result.algorithm.workspace = i == 0 ? std::min<uint64_t>(preference->workspace, 64 << 10) : 0;
    result.workspaceSize = result.algorithm.workspace;
    result.wavesCount = 1;
    results[i] = result;
    *found = i + 1;
  }
  return SUCCESS;
}

API cublasLtMatmul(Handle* handle, const Descriptor* descriptor, const float* alpha, const void* A, const Layout* a,
                   const void* B, const Layout* b, const float* beta, const void* C, const Layout* c, void* D,
                   const Layout* d, const Algorithm* algorithm, void* workspace, size_t workspaceBytes, void* stream) {
  if (handle == nullptr || descriptor == nullptr || alpha == nullptr || beta == nullptr || a == nullptr || b == nullptr
      || c == nullptr || d == nullptr) {
    return refuse(INVALID_VALUE, "null");
  }
  Product product{*descriptor, *a, *b, *c, *d, *alpha, *beta, A, B, C, D, workspace, 0, 0, 0, 0};
  if (int status = check(*descriptor, *a, *b, *c, *d, &product.m, &product.n, &product.k)) {
    return status;
  }
  if (algorithm != nullptr) {
    if (algorithm->magic != ALGORITHM || algorithm->m != product.m || algorithm->n != product.n
        || algorithm->k != product.k) {
      return refuse(INVALID_VALUE, "an algorithm that wasn't chosen for such a product");
    }
    if (workspaceBytes < algorithm->workspace) {
      return refuse(INVALID_VALUE, "less workspace than the algorithm needs");
    }
    const void* matrices[] = {A, B, *beta == 0 ? nullptr : C, D};
    for (int i = 0; i < 4; i++) {
      if (!aligned(matrices[i], algorithm->alignment[i])) {
        return refuse(INVALID_VALUE, "a matrix is less aligned than was promised");
      }
    }
    product.workspaceBytes = algorithm->workspace;
  }
  if (product.workspaceBytes != 0) {
    if (!aligned(workspace, 256)) {
      return refuse(INVALID_VALUE, "the workspace isn't aligned to 256 bytes");
    }
    auto isDevice = reinterpret_cast<IsDevice>(driverFunction("simulatorIsDevice"));
    if (isDevice(workspace, product.workspaceBytes) == 0) {
      return refuse(INVALID_VALUE, "the workspace isn't the device's memory");
    }
  }
  if (!aligned(A, sizeOf(a->type)) || !aligned(B, sizeOf(b->type)) || !aligned(D, sizeOf(d->type))) {
    return refuse(INVALID_VALUE, "a matrix isn't aligned to its elements");
  }
  if (!onDevice(A, *a) || !onDevice(B, *b) || !onDevice(D, *d) || (*beta != 0 && !onDevice(C, *c))) {
    return refuse(EXECUTION_FAILED, "a matrix isn't within an allocation of the device's memory");
  }
  if (C == D && (c->ld != d->ld || c->batchOffset != d->batchOffset)) {
    return refuse(INVALID_VALUE, "C and D are the same with different layouts");
  }
  auto enqueue = reinterpret_cast<Enqueue>(driverFunction("simulatorEnqueue"));
  int result = enqueue(stream, "cublasLtMatmul", run, new Product(product),
                       [](void* argument) { delete static_cast<Product*>(argument); });
  return result == 0 ? SUCCESS : refuse(EXECUTION_FAILED, "the stream didn't take it");
}
