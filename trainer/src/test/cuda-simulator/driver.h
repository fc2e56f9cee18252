// Test code: what the simulated driver knows: its settings, the memory, the queues of the streams.
// A part of cuda.cpp.
#pragma once

#include <dlfcn.h>
#include <elf.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "engine.h"

#define API extern "C" __attribute__((visibility("default"))) int

namespace {

enum Result {
  SUCCESS = 0,
  INVALID_VALUE = 1,
  OUT_OF_MEMORY = 2,
  NOT_INITIALIZED = 3,
  NO_DEVICE = 100,
  INVALID_DEVICE = 101,
  INVALID_IMAGE = 200,
  INVALID_CONTEXT = 201,
  NO_BINARY_FOR_GPU = 209,
  ECC_UNCORRECTABLE = 214,
  INVALID_HANDLE = 400,
  NOT_FOUND = 500,
  NOT_READY = 600,
  ILLEGAL_ADDRESS = 700,
  LAUNCH_FAILED = 719,
  CAPTURE_UNSUPPORTED = 900,
  CAPTURE_INVALIDATED = 901,
  CAPTURE_UNMATCHED = 903,
  CAPTURE_IMPLICIT = 906,
  CAPTURED_EVENT = 907,
};

const std::map<int, std::pair<const char*, const char*>> ERRORS = {
    {0, {"CUDA_SUCCESS", "no error"}},
    {1, {"CUDA_ERROR_INVALID_VALUE", "invalid argument"}},
    {2, {"CUDA_ERROR_OUT_OF_MEMORY", "out of memory"}},
    {3, {"CUDA_ERROR_NOT_INITIALIZED", "initialization error"}},
    {34, {"CUDA_ERROR_STUB_LIBRARY", "CUDA driver is a stub library"}},
    {36, {"CUDA_ERROR_CALL_REQUIRES_NEWER_DRIVER", "API call is not supported in the installed CUDA driver"}},
    {46, {"CUDA_ERROR_DEVICE_UNAVAILABLE", "CUDA-capable device(s) is/are busy or unavailable"}},
    {100, {"CUDA_ERROR_NO_DEVICE", "no CUDA-capable device is detected"}},
    {101, {"CUDA_ERROR_INVALID_DEVICE", "invalid device ordinal"}},
    {200, {"CUDA_ERROR_INVALID_IMAGE", "device kernel image is invalid"}},
    {201, {"CUDA_ERROR_INVALID_CONTEXT", "invalid device context"}},
    {209, {"CUDA_ERROR_NO_BINARY_FOR_GPU", "no kernel image is available for execution on the device"}},
    {214, {"CUDA_ERROR_ECC_UNCORRECTABLE", "uncorrectable ECC error encountered"}},
    {222, {"CUDA_ERROR_UNSUPPORTED_PTX_VERSION", "the provided PTX was compiled with an unsupported toolchain."}},
    {304, {"CUDA_ERROR_OPERATING_SYSTEM", "OS call failed or operation not supported on this OS"}},
    {400, {"CUDA_ERROR_INVALID_HANDLE", "invalid resource handle"}},
    {401, {"CUDA_ERROR_ILLEGAL_STATE", "the operation cannot be performed in the present state"}},
    {500, {"CUDA_ERROR_NOT_FOUND", "named symbol not found"}},
    {600, {"CUDA_ERROR_NOT_READY", "device not ready"}},
    {700, {"CUDA_ERROR_ILLEGAL_ADDRESS", "an illegal memory access was encountered"}},
    {701, {"CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES", "too many resources requested for launch"}},
    {702, {"CUDA_ERROR_LAUNCH_TIMEOUT", "the launch timed out and was terminated"}},
    {709, {"CUDA_ERROR_CONTEXT_IS_DESTROYED", "context is destroyed"}},
    {715, {"CUDA_ERROR_ILLEGAL_INSTRUCTION", "an illegal instruction was encountered"}},
    {716, {"CUDA_ERROR_MISALIGNED_ADDRESS", "misaligned address"}},
    {719, {"CUDA_ERROR_LAUNCH_FAILED", "unspecified launch failure"}},
    {801, {"CUDA_ERROR_NOT_SUPPORTED", "operation not supported"}},
    {802, {"CUDA_ERROR_SYSTEM_NOT_READY", "system not yet initialized"}},
    {803, {"CUDA_ERROR_SYSTEM_DRIVER_MISMATCH", "system has unsupported display driver / cuda driver combination"}},
    {900, {"CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED", "operation not permitted when stream is capturing"}},
    {901, {"CUDA_ERROR_STREAM_CAPTURE_INVALIDATED", "operation failed due to a previous error during capture"}},
    {903, {"CUDA_ERROR_STREAM_CAPTURE_UNMATCHED", "the capture was not initiated in this stream"}},
    {906, {"CUDA_ERROR_STREAM_CAPTURE_IMPLICIT", "dependency created on a disallowed implicit stream"}},
    {907, {"CUDA_ERROR_CAPTURED_EVENT", "operation not permitted on an event last recorded in a capturing stream"}},
    {999, {"CUDA_ERROR_UNKNOWN", "unknown error"}},
};

// ---- what the driver knows ----

using Device = unsigned long long;  // CUdeviceptr

// Something a stream does: 0, or the code of an error that stays.
using Operation = std::function<int()>;

struct Allocation {
  char* memory;  // with the guards
  size_t bytes, mapped;
  unsigned char* begin() const { return reinterpret_cast<unsigned char*>(memory) + simulator::GUARD_BYTES; }
};

struct Stream;

struct Record {
  Stream* stream;
  bool done = false;
  std::chrono::steady_clock::time_point when;
};

struct Event {
  unsigned flags;
  std::shared_ptr<Record> record;
  Stream* capturedIn = nullptr;
};

struct Graph {
  std::vector<Operation> operations;
};

struct Capture {
  int mode;
  std::thread::id thread;
  Stream* origin;
  std::shared_ptr<Graph> graph = std::make_shared<Graph>();
  bool valid = true;
};

struct Stream {
  bool blocking;
  std::deque<Operation> queue;
  std::shared_ptr<Capture> capture;
};

struct Module {
  void* library = nullptr;
  SimulatorState* state = nullptr;
  SimulatorSpan (*staticShared)() = nullptr;
  std::map<std::string, struct Function*> functions;
};

struct Function {
  const SimulatorKernel* kernel;
  Module* module;
  int mostDynamicShared;
};

constexpr size_t SHARED_WITHOUT_ASKING = 48 << 10;
constexpr size_t SHARED_AT_MOST = 227 << 10;

const std::map<std::string, long long> DEFAULTS = {
    {"total-memory", 4LL << 30}, {"free-memory-taken-by-others", 0}, {"capability-major", 8},
    {"capability-minor", 0},     {"driver-version", 13000},          {"device-count", 1},
    {"multiprocessors", 4},      {"ecc", 1},                         {"compute-mode", 0},
    {"ecc-error-at-launch", 0},  {"sticky-at-launch", 0},
};

const std::map<std::string, long long> NO_COUNTS = {
    {"launches", 0}, {"graph-launches", 0}, {"allocated", 0}, {"peak-allocated", 0}};

struct Driver {
  std::recursive_mutex mutex;
  bool initialized = false;
  int retained = 0;
  long long generation = 1;  // of the context: those of released ones aren't valid any more
  int sticky = 0;
  std::map<std::string, long long> settings = DEFAULTS;
  std::map<std::string, int> failures;
  std::map<std::string, long long> counts = NO_COUNTS;
  std::map<Device, Allocation> allocations;
  std::map<char*, size_t> hostAllocations;
  std::set<Stream*> streams;
  std::set<Event*> events;
  std::set<Module*> modules;
  std::set<Function*> functions;
  std::set<std::shared_ptr<Graph>*> graphs, graphExecutables;
  std::set<std::shared_ptr<Capture>> captures;
};

Driver& driver() {
  static Driver* driver = new Driver;  // outlives the process's end
  return *driver;
}

thread_local long long currentContext = 0;  // the generation of the one that the thread has made current

void* contextHandle(long long generation) { return reinterpret_cast<void*>(0x10000 + generation * 16); }

enum Needs { NOTHING, INITIALIZED, CONTEXT };

// What each call does first. Where it's to return at once, the code is in *result.
bool mayNot(const char* function, Needs needs, int* result) {
  Driver& d = driver();
  auto failure = d.failures.find(function);
  if (failure == d.failures.end()) {
    std::string name = function;
    if (name.size() > 3 && name.compare(name.size() - 3, 3, "_v2") == 0) {
      failure = d.failures.find(name.substr(0, name.size() - 3));
    }
  }
  if (failure != d.failures.end()) {
    *result = failure->second;
    d.failures.erase(failure);
    return true;
  }
  if (needs != NOTHING && !d.initialized) {
    *result = NOT_INITIALIZED;
    return true;
  }
  if (needs == CONTEXT) {
    if (d.sticky != 0) {
      *result = d.sticky;
      return true;
    }
    if (currentContext != d.generation || d.retained == 0) {
      *result = INVALID_CONTEXT;
      return true;
    }
  }
  return false;
}

#define ENTER(needs)                                              \
  std::lock_guard<std::recursive_mutex> lock(driver().mutex);     \
  {                                                               \
    int result;                                                   \
    if (mayNot(__func__, needs, &result)) {                       \
      return result;                                              \
    }                                                             \
  }

// ---- memory ----

// The allocation that has these bytes of the device's, or none.
const Allocation* allocationOf(Device address, size_t bytes) {
  auto& all = driver().allocations;
  auto after = all.upper_bound(address);
  if (after == all.begin()) {
    return nullptr;
  }
  const auto& [begin, allocation] = *--after;
  return address - begin + bytes <= allocation.bytes ? &allocation : nullptr;
}

bool isDevice(Device address, size_t bytes) { return allocationOf(address, bytes) != nullptr; }

// Where an address is that isn't within an allocation.
std::string describe(Device address) {
  auto& all = driver().allocations;
  auto after = all.upper_bound(address);
  std::string where = "not in the device's memory";
  if (after != all.begin()) {
    const auto& [begin, allocation] = *std::prev(after);
    where += "; byte " + std::to_string(address - begin) + " from the begin of an allocation of "
        + std::to_string(allocation.bytes);
  }
  if (after != all.end()) {
    where += "; " + std::to_string(after->first - address) + " bytes before one of "
        + std::to_string(after->second.bytes);
  }
  return where;
}

bool isPinned(const void* address, size_t bytes) {
  auto& all = driver().hostAllocations;
  char* at = static_cast<char*>(const_cast<void*>(address));
  auto after = all.upper_bound(at);
  if (after == all.begin()) {
    return false;
  }
  --after;
  return at + bytes <= after->first + after->second;
}

// What an operation finds when it runs, in a graph perhaps long after the call.
int gone(const char* what) {
  fprintf(stderr, "cuda-simulator: %s, which has been freed since\n", what);
  return ILLEGAL_ADDRESS;
}

#define NEEDS_DEVICE(address, bytes)                     \
  if (!isDevice(address, bytes)) {                       \
    return gone("a stream works on the device's memory"); \
  }

void* pointer(Device address) { return reinterpret_cast<void*>(address); }

bool guardsIntact(const Allocation& allocation) {
  static const std::vector<unsigned char> poison(simulator::GUARD_BYTES, simulator::POISON);
  return memcmp(allocation.memory, poison.data(), simulator::GUARD_BYTES) == 0
      && memcmp(allocation.begin() + allocation.bytes, poison.data(), simulator::GUARD_BYTES) == 0;
}

// Whether what has just run has kept to its memory.
int checkGuards(const std::string& what) {
  for (const auto& [begin, allocation] : driver().allocations) {
    if (!guardsIntact(allocation)) {
      fprintf(stderr, "cuda-simulator: %s wrote beyond the allocation of %zu bytes at %#llx\n", what.c_str(),
              allocation.bytes, begin);
      return ILLEGAL_ADDRESS;
    }
  }
  return SUCCESS;
}

// ---- streams ----

int runOperation(const Operation& operation) {
  int result = operation();
  if (result != 0 && driver().sticky == 0) {
    driver().sticky = result;
  }
  return driver().sticky;
}

bool runOne(Stream* stream) {
  if (stream->queue.empty()) {
    return false;
  }
  Operation operation = std::move(stream->queue.front());
  stream->queue.pop_front();
  if (driver().sticky == 0) {
    runOperation(operation);
  }
  return true;
}

int runAll(Stream* stream) {
  while (runOne(stream)) {
  }
  return driver().sticky;
}

// The default stream waits for all streams but those that were made not to block.
int runBlocking() {
  for (Stream* stream : driver().streams) {
    if (stream->blocking) {
      runAll(stream);
    }
  }
  return driver().sticky;
}

int runEverything() {
  for (Stream* stream : driver().streams) {
    runAll(stream);
  }
  return driver().sticky;
}

bool isStream(Stream* stream) { return stream == nullptr || driver().streams.count(stream) != 0; }

// Queues an operation, or takes it into the graph that the stream captures. The default stream does
// it at once.
int enqueue(Stream* stream, Operation operation) {
  Driver& d = driver();
  if (!isStream(stream)) {
    return INVALID_HANDLE;
  }
  if (stream == nullptr) {
    for (const auto& capture : d.captures) {
      if (capture->origin->blocking) {
        capture->valid = false;
        return CAPTURE_IMPLICIT;
      }
    }
    int result = runBlocking();
    return result != 0 ? result : runOperation(operation);
  }
  if (stream->capture) {
    if (!stream->capture->valid) {
      return CAPTURE_INVALIDATED;
    }
    stream->capture->graph->operations.push_back(std::move(operation));
    return SUCCESS;
  }
  stream->queue.push_back(std::move(operation));
  return SUCCESS;
}

// What may not be done while a stream captures: it ends the capture's validity.
int unsafeWhileCapturing() {
  int result = SUCCESS;
  for (const auto& capture : driver().captures) {
    if (capture->mode == 0 || (capture->mode == 1 && capture->thread == std::this_thread::get_id())) {
      capture->valid = false;
      result = CAPTURE_UNSUPPORTED;
    }
  }
  return result;
}

#define UNSAFE_WHILE_CAPTURING()                \
  if (int unsafe = unsafeWhileCapturing()) {    \
    return unsafe;                              \
  }

// ---- launches ----

int runKernel(const Function* function, SimulatorIndex grid, SimulatorIndex block, size_t shared,
              std::vector<std::vector<char>>& parameters) {
  Driver& d = driver();
  if (d.functions.count(const_cast<Function*>(function)) == 0) {
    return gone("a stream launches a kernel of a module");
  }
  d.counts["launches"]++;
  for (const char* key : {"ecc-error-at-launch", "sticky-at-launch"}) {
    long long& left = d.settings[key];
    if (left > 0 && --left == 0) {
      return key[0] == 'e' ? ECC_UNCORRECTABLE : LAUNCH_FAILED;
    }
  }
  // the storage that vectors have is aligned to 16 bytes, which any parameter is content with
  void* pointers[256];
  for (size_t i = 0; i < parameters.size(); i++) {
    pointers[i] = parameters[i].data();
  }
  simulator::Launch launch;
  launch.name = function->kernel->name;
  launch.thread = [&] { function->kernel->call(pointers); };
  launch.state = function->module->state;
  launch.staticShared = function->module->staticShared();
  launch.grid = grid;
  launch.block = block;
  launch.sharedBytes = shared;
  launch.allocationOf = [](const void* address, size_t bytes) -> SimulatorRange {
    const Allocation* allocation = allocationOf(reinterpret_cast<Device>(address), bytes);
    return allocation == nullptr
        ? SimulatorRange{nullptr, 0}
        : SimulatorRange{reinterpret_cast<char*>(allocation->begin()), allocation->bytes};
  };
  launch.describe = [](const void* address) { return describe(reinterpret_cast<Device>(address)); };
  int result = simulator::Engine::get().run(launch);
  return result != 0 ? result : checkGuards("kernel " + launch.name);
}

}  // namespace
