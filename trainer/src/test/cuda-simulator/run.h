// Test code: calls a kernel of a .cu file that a C++ test program includes.
//
//   #include "run.h"
//   #include "../../main/resources/dev/graft/trainer/kernels/cuda/prelude.cuh"
//   #include "../../main/resources/dev/graft/trainer/kernels/cuda/some.cu"
//   int main() {
//     DeviceArray<float> x(100), y(100);            // filled with NaN, between guards
//     simulate(axpy, {1}, {128}, 0, 100, 2.0f, x.data(), y.data());
//   }
//
//   g++ -std=c++17 -O1 -g -fsanitize=alignment,bounds -fsanitize-undefined-trap-on-error
//       -DCUDA_SIMULATOR -DACT_BF16 -I trainer/src/test/cuda-simulator test.cpp
//
// A launch that goes wrong says so on the standard error's stream and ends the program.
#pragma once

#include <algorithm>
#include <tuple>

#include "engine.h"

// A vector as the device's memory: filled with NaN, and with guards that simulate() checks.
template <class T>
class DeviceArray;

class DeviceMemory {
 public:
  explicit DeviceMemory(size_t bytes) : bytes_(bytes) {
    memory_ = static_cast<unsigned char*>(
        aligned_alloc(256, (bytes + 2 * simulator::GUARD_BYTES + 255) / 256 * 256));
    memset(memory_, simulator::POISON, bytes + 2 * simulator::GUARD_BYTES);
    all().push_back(this);
  }
  DeviceMemory(const DeviceMemory&) = delete;
  ~DeviceMemory() {
    all().erase(std::find(all().begin(), all().end(), this));
    free(memory_);
  }

  unsigned char* begin() const { return memory_ + simulator::GUARD_BYTES; }

  static std::vector<DeviceMemory*>& all() {
    static std::vector<DeviceMemory*> all;
    return all;
  }

  bool guardsIntact() const {
    for (size_t i = 0; i < simulator::GUARD_BYTES; i++) {
      if (memory_[i] != simulator::POISON
          || memory_[simulator::GUARD_BYTES + bytes_ + i] != simulator::POISON) {
        return false;
      }
    }
    return true;
  }

 private:
  unsigned char* memory_;
  size_t bytes_;
};

template <class T>
class DeviceArray {
 public:
  explicit DeviceArray(size_t size) : memory_(size * sizeof(T)), size_(size) {}
  explicit DeviceArray(const std::vector<T>& values) : DeviceArray(values.size()) {
    std::copy(values.begin(), values.end(), data());
  }
  T* data() const { return reinterpret_cast<T*>(memory_.begin()); }
  size_t size() const { return size_; }
  T& operator[](size_t i) { return data()[i]; }
  const T& operator[](size_t i) const { return data()[i]; }

 private:
  DeviceMemory memory_;
  size_t size_;
};

// 0, or the driver's code of an error, described on the standard error's stream.
template <class... Types, class... Given>
int trySimulate(void (*kernel)(Types...), dim3 grid, dim3 block, size_t sharedBytes, Given... given) {
  std::tuple<Types...> arguments(given...);
  simulatorEngine = *simulator::Engine::get().functions();
  simulator::Launch launch;
  launch.name = "under test";
  launch.thread = [&] { std::apply(kernel, arguments); };
  launch.state = &simulatorState;
  launch.staticShared = simulatorStaticShared();
  launch.grid = {grid.x, grid.y, grid.z};
  launch.block = {block.x, block.y, block.z};
  launch.sharedBytes = sharedBytes;
  if (block.x * block.y * block.z > 1024 || grid.x * grid.y * grid.z == 0 || sharedBytes > 227 << 10) {
    fprintf(stderr, "cuda-simulator: no such launch\n");
    return 1;
  }
  int error = simulator::Engine::get().run(launch);
  for (DeviceMemory* memory : DeviceMemory::all()) {
    if (error == 0 && !memory->guardsIntact()) {
      fprintf(stderr, "cuda-simulator: the kernel wrote beyond the memory at %p\n", (void*)memory->begin());
      error = simulator::ILLEGAL_ADDRESS;
    }
  }
  return error;
}

template <class... Types, class... Given>
void simulate(void (*kernel)(Types...), dim3 grid, dim3 block, size_t sharedBytes, Given... given) {
  int error = trySimulate(kernel, grid, block, sharedBytes, given...);
  if (error != 0) {
    fprintf(stderr, "cuda-simulator: the launch failed with %d\n", error);
    exit(1);
  }
}
