// Test code: the driver's library, libcuda.so.1, as far as the engine uses it, for a device that is
// simulated. Names, parameters and codes are those of cuda.h.
//
// A stream only queues what it's given; the queue runs when something waits for it, or a little of
// it where something asks whether it's done. So whoever reads a result or reuses a buffer too early
// is found out. Kernels run by engine.h, modules are libraries that nvrtc.cpp has compiled.
#include "driver.h"

// ---- tests' control ----

namespace {

void release(Allocation& allocation) { munmap(allocation.memory, allocation.mapped); }

void unload(Module* module) {
  for (auto& [name, function] : module->functions) {
    driver().functions.erase(function);
    delete function;
  }
  dlclose(module->library);
  driver().modules.erase(module);
  delete module;
}

template <class T>
void deleteAll(std::set<T*>& all) {
  for (T* each : all) {
    delete each;
  }
  all.clear();
}

// Ends the context, with everything that is in it, errors that stay included.
void endContext() {
  Driver& d = driver();
  d.generation++;
  d.retained = 0;
  d.captures.clear();
  deleteAll(d.streams);
  deleteAll(d.events);
  deleteAll(d.graphs);
  deleteAll(d.graphExecutables);
  while (!d.modules.empty()) {
    unload(*d.modules.begin());
  }
  for (auto& [begin, allocation] : d.allocations) {
    release(allocation);
  }
  d.allocations.clear();
  d.counts["allocated"] = 0;
  for (auto& [begin, bytes] : d.hostAllocations) {
    free(begin);
  }
  d.hostAllocations.clear();
  d.sticky = 0;
}

}  // namespace

// As when the process began.
extern "C" __attribute__((visibility("default"))) void simulatorReset() {
  Driver& d = driver();
  std::lock_guard<std::recursive_mutex> lock(d.mutex);
  endContext();
  d.initialized = false;
  d.settings = DEFAULTS;
  d.failures.clear();
  d.counts = NO_COUNTS;
  simulator::Engine::get().seedFromEnvironment();
}

extern "C" __attribute__((visibility("default"))) void simulatorSet(const char* key, long long value) {
  Driver& d = driver();
  std::lock_guard<std::recursive_mutex> lock(d.mutex);
  std::string name = key;
  if (name.rfind("fail:", 0) == 0) {
    d.failures[name.substr(5)] = int(value);
  } else if (name == "seed") {
    simulator::Engine::get().seed(uint64_t(value));
  } else if (name == "peak-allocated") {
    d.counts[name] = value;
  } else if (d.settings.count(name) != 0) {
    d.settings[name] = value;
  } else {
    fprintf(stderr, "cuda-simulator: there's no setting %s\n", key);
    abort();
  }
}

extern "C" __attribute__((visibility("default"))) long long simulatorGet(const char* key) {
  Driver& d = driver();
  std::lock_guard<std::recursive_mutex> lock(d.mutex);
  std::string name = key;
  if (name == "live-allocations") {
    return (long long)(d.allocations.size());
  }
  if (name == "host-allocations") {
    return (long long)(d.hostAllocations.size());
  }
  if (name == "streams") {
    return (long long)(d.streams.size());
  }
  if (name == "events") {
    return (long long)(d.events.size());
  }
  if (name == "modules") {
    return (long long)(d.modules.size());
  }
  if (name == "graphs") {
    return (long long)(d.graphs.size() + d.graphExecutables.size());
  }
  if (name == "retained") {
    return d.retained;
  }
  if (d.settings.count(name) != 0) {
    return d.settings[name];
  }
  if (d.counts.count(name) == 0) {
    fprintf(stderr, "cuda-simulator: there's no count %s\n", key);
    abort();
  }
  return d.counts[name];
}

// For the simulated cublasLt: does something in a stream's order, again and again where it's captured.
extern "C" __attribute__((visibility("default"))) int simulatorEnqueue(void* stream, const char* name,
                                                                      int (*run)(void*), void* argument,
                                                                      void (*release)(void*)) {
  std::shared_ptr<void> owned(argument, release);
  ENTER(CONTEXT)
  std::string what = name;
  return enqueue(static_cast<Stream*>(stream), [=] {
    int result = run(owned.get());
    return result != 0 ? result : checkGuards(what);
  });
}

extern "C" __attribute__((visibility("default"))) int simulatorIsDevice(const void* address, size_t bytes) {
  std::lock_guard<std::recursive_mutex> lock(driver().mutex);
  return isDevice(reinterpret_cast<Device>(address), bytes);
}

// ---- device and context ----

API cuInit(unsigned flags) {
  ENTER(NOTHING)
  if (flags != 0) {
    return INVALID_VALUE;
  }
  if (driver().settings["device-count"] == 0) {
    return NO_DEVICE;
  }
  driver().initialized = true;
  return SUCCESS;
}

API cuDriverGetVersion(int* version) {
  ENTER(NOTHING)
  *version = int(driver().settings["driver-version"]);
  return SUCCESS;
}

API cuDeviceGetCount(int* count) {
  ENTER(INITIALIZED)
  *count = int(driver().settings["device-count"]);
  return SUCCESS;
}

API cuDeviceGet(int* device, int ordinal) {
  ENTER(INITIALIZED)
  if (ordinal < 0 || ordinal >= driver().settings["device-count"]) {
    return INVALID_DEVICE;
  }
  *device = ordinal;
  return SUCCESS;
}

API cuDeviceGetName(char* name, int length, int device) {
  ENTER(INITIALIZED)
  if (device < 0 || device >= driver().settings["device-count"]) {
    return INVALID_DEVICE;
  }
  snprintf(name, size_t(length), "Simulated device %d", device);
  return SUCCESS;
}

API cuDeviceGetAttribute(int* value, int attribute, int device) {
  ENTER(INITIALIZED)
  auto& settings = driver().settings;
  if (device < 0 || device >= settings["device-count"]) {
    return INVALID_DEVICE;
  }
  switch (attribute) {
    case 1: *value = 1024; break;                                // threads in a block
    case 2: case 3: *value = 1024; break;                        // a block's sides
    case 4: *value = 64; break;
    case 5: *value = 0x7fffffff; break;                          // a grid's sides
    case 6: case 7: *value = 65535; break;
    case 8: *value = SHARED_WITHOUT_ASKING; break;               // shared memory of a block
    case 9: *value = 65536; break;                               // constant memory
    case 10: *value = 32; break;                                 // lanes of a warp
    case 12: case 82: *value = 65536; break;                     // registers
    case 13: *value = 1000000; break;                            // kHz
    case 16: *value = int(settings["multiprocessors"]); break;
    case 17: *value = 0; break;                                  // a limit to a kernel's time
    case 18: *value = 0; break;                                  // part of the chipset
    case 19: *value = 1; break;                                  // maps host memory
    case 20: *value = int(settings["compute-mode"]); break;
    case 31: *value = 1; break;                                  // kernels at the same time
    case 32: *value = int(settings["ecc"]); break;
    case 33: case 34: case 50: *value = 0; break;                // where on the PCI bus
    case 36: *value = 1000000; break;                            // memory's kHz
    case 37: *value = 256; break;                                // memory's bits
    case 38: *value = 4 << 20; break;                            // L2
    case 39: *value = 2048; break;                               // threads on a multiprocessor
    case 40: *value = 1; break;                                  // copy engines
    case 41: *value = 1; break;                                  // one address space
    case 75: *value = int(settings["capability-major"]); break;
    case 76: *value = int(settings["capability-minor"]); break;
    case 81: *value = SHARED_AT_MOST + 1024; break;              // shared memory of a multiprocessor
    case 83: *value = 1; break;                                  // managed memory
    case 97: *value = SHARED_AT_MOST; break;                     // shared memory of a block, if asked for
    case 106: *value = 32; break;                                // blocks on a multiprocessor
    case 111: *value = 1024; break;                              // shared memory kept by the driver
    case 115: *value = 0; break;                                 // pools of memory
    default:
      fprintf(stderr, "cuda-simulator: the device's attribute %d isn't simulated\n", attribute);
      return INVALID_VALUE;
  }
  return SUCCESS;
}

API cuDeviceTotalMem_v2(size_t* bytes, int device) {
  ENTER(INITIALIZED)
  if (device < 0 || device >= driver().settings["device-count"]) {
    return INVALID_DEVICE;
  }
  *bytes = size_t(driver().settings["total-memory"]);
  return SUCCESS;
}

API cuDevicePrimaryCtxRetain(void** context, int device) {
  ENTER(INITIALIZED)
  if (device < 0 || device >= driver().settings["device-count"]) {
    return INVALID_DEVICE;
  }
  driver().retained++;
  *context = contextHandle(driver().generation);
  return SUCCESS;
}

API cuDevicePrimaryCtxRelease_v2(int device) {
  ENTER(INITIALIZED)
  Driver& d = driver();
  if (device < 0 || device >= d.settings["device-count"]) {
    return INVALID_DEVICE;
  }
  if (d.retained == 0) {
    return INVALID_CONTEXT;
  }
  if (--d.retained == 0) {
    endContext();
  }
  return SUCCESS;
}

API cuCtxSetCurrent(void* context) {
  ENTER(INITIALIZED)
  if (context == nullptr) {
    currentContext = 0;
    return SUCCESS;
  }
  if (context != contextHandle(driver().generation) || driver().retained == 0) {
    return INVALID_CONTEXT;
  }
  currentContext = driver().generation;
  return SUCCESS;
}

API cuCtxGetCurrent(void** context) {
  ENTER(INITIALIZED)
  *context = currentContext == 0 ? nullptr : contextHandle(currentContext);
  return SUCCESS;
}

API cuCtxSynchronize() {
  ENTER(CONTEXT)
  UNSAFE_WHILE_CAPTURING()
  return runEverything();
}

API cuGetErrorName(int error, const char** name) {
  auto found = ERRORS.find(error);
  *name = found == ERRORS.end() ? nullptr : found->second.first;
  return found == ERRORS.end() ? INVALID_VALUE : SUCCESS;
}

API cuGetErrorString(int error, const char** text) {
  auto found = ERRORS.find(error);
  *text = found == ERRORS.end() ? nullptr : found->second.second;
  return found == ERRORS.end() ? INVALID_VALUE : SUCCESS;
}

// ---- the rest ----

#include "driver_memory.h"
#include "driver_modules.h"
#include "driver_streams.h"
