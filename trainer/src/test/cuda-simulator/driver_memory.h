// Test code: the simulated driver's functions for memory. A part of cuda.cpp.
#pragma once

#include "driver.h"

API cuMemGetInfo_v2(size_t* free, size_t* total) {
  ENTER(CONTEXT)
  Driver& d = driver();
  long long left = d.settings["total-memory"] - d.settings["free-memory-taken-by-others"] - d.counts["allocated"];
  *free = size_t(std::max(left, 0LL));
  *total = size_t(d.settings["total-memory"]);
  return SUCCESS;
}

API cuMemAlloc_v2(Device* address, size_t bytes) {
  ENTER(CONTEXT)
  UNSAFE_WHILE_CAPTURING()
  Driver& d = driver();
  if (bytes == 0) {
    return INVALID_VALUE;
  }
  long long left = d.settings["total-memory"] - d.settings["free-memory-taken-by-others"] - d.counts["allocated"];
  if (left < 0 || bytes > size_t(left)) {
    return OUT_OF_MEMORY;
  }
  size_t mapped = (bytes + 2 * simulator::GUARD_BYTES + 4095) / 4096 * 4096;
  void* memory = mmap(nullptr, mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) {
    return OUT_OF_MEMORY;
  }
  Allocation allocation{static_cast<char*>(memory), bytes, mapped};
  memset(memory, simulator::POISON, simulator::GUARD_BYTES);
  memset(allocation.begin() + bytes, simulator::POISON, simulator::GUARD_BYTES);
  // what is larger would cost the machine's memory before it's used
  memset(allocation.begin(), simulator::POISON, std::min(bytes, size_t(256) << 20));
  *address = reinterpret_cast<Device>(allocation.begin());
  d.allocations[*address] = allocation;
  d.counts["allocated"] += (long long)(bytes);
  d.counts["peak-allocated"] = std::max(d.counts["peak-allocated"], d.counts["allocated"]);
  return SUCCESS;
}

API cuMemFree_v2(Device address) {
  ENTER(CONTEXT)
  if (address == 0) {
    return SUCCESS;
  }
  UNSAFE_WHILE_CAPTURING()
  Driver& d = driver();
  auto found = d.allocations.find(address);
  if (found == d.allocations.end()) {
    return INVALID_VALUE;
  }
  int result = runEverything();
  d.counts["allocated"] -= (long long)(found->second.bytes);
  release(found->second);
  d.allocations.erase(found);
  return result;
}

API cuMemHostAlloc(void** address, size_t bytes, unsigned flags) {
  ENTER(CONTEXT)
  UNSAFE_WHILE_CAPTURING()
  if (bytes == 0 || (flags & ~7u) != 0) {
    return INVALID_VALUE;
  }
  *address = aligned_alloc(4096, (bytes + 4095) / 4096 * 4096);
  if (*address == nullptr) {
    return OUT_OF_MEMORY;
  }
  memset(*address, simulator::POISON, bytes);
  driver().hostAllocations[static_cast<char*>(*address)] = bytes;
  return SUCCESS;
}

API cuMemFreeHost(void* address) {
  ENTER(CONTEXT)
  UNSAFE_WHILE_CAPTURING()
  auto found = driver().hostAllocations.find(static_cast<char*>(address));
  if (found == driver().hostAllocations.end()) {
    return INVALID_VALUE;
  }
  int result = runEverything();
  free(found->first);
  driver().hostAllocations.erase(found);
  return result;
}

namespace {

// Memory that isn't pinned is read at the call, except into a graph, which keeps the address.
Operation copyFromHost(Stream* stream, Device to, const void* from, size_t bytes) {
  bool pinned = isPinned(from, bytes);
  if (pinned || (stream != nullptr && stream->capture)) {
    return [=] {
      NEEDS_DEVICE(to, bytes)
      if (pinned && !isPinned(from, bytes)) {
        return gone("a stream reads pinned memory");
      }
      memcpy(pointer(to), from, bytes);
      return 0;
    };
  }
  const char* begin = static_cast<const char*>(from);
  return [to, bytes, staged = std::make_shared<std::vector<char>>(begin, begin + bytes)] {
    NEEDS_DEVICE(to, bytes)
    memcpy(pointer(to), staged->data(), bytes);
    return 0;
  };
}

int waitFor(Stream* stream) {
  if (stream == nullptr) {
    return runBlocking();
  }
  return runAll(stream);
}

}  // namespace

API cuMemcpyHtoDAsync_v2(Device to, const void* from, size_t bytes, Stream* stream) {
  ENTER(CONTEXT)
  if (bytes == 0) {
    return SUCCESS;
  }
  if (!isDevice(to, bytes) || from == nullptr) {
    return INVALID_VALUE;
  }
  if (!isStream(stream)) {
    return INVALID_HANDLE;
  }
  return enqueue(stream, copyFromHost(stream, to, from, bytes));
}

API cuMemcpyDtoHAsync_v2(void* to, Device from, size_t bytes, Stream* stream) {
  ENTER(CONTEXT)
  if (bytes == 0) {
    return SUCCESS;
  }
  if (!isDevice(from, bytes) || to == nullptr) {
    return INVALID_VALUE;
  }
  bool pinned = isPinned(to, bytes);
  int result = enqueue(stream, [=] {
    NEEDS_DEVICE(from, bytes)
    if (pinned && !isPinned(to, bytes)) {
      return gone("a stream writes pinned memory");
    }
    memcpy(to, pointer(from), bytes);
    return 0;
  });
  if (result == 0 && !pinned && !(stream != nullptr && stream->capture)) {
    return waitFor(stream);  // into memory that isn't pinned it copies before it returns
  }
  return result;
}

API cuMemcpyDtoDAsync_v2(Device to, Device from, size_t bytes, Stream* stream) {
  ENTER(CONTEXT)
  if (bytes == 0) {
    return SUCCESS;
  }
  if (!isDevice(to, bytes) || !isDevice(from, bytes)) {
    return INVALID_VALUE;
  }
  return enqueue(stream, [=] {
    NEEDS_DEVICE(to, bytes)
    NEEDS_DEVICE(from, bytes)
    memmove(pointer(to), pointer(from), bytes);
    return 0;
  });
}

API cuMemcpyHtoD_v2(Device to, const void* from, size_t bytes) {
  ENTER(CONTEXT)
  UNSAFE_WHILE_CAPTURING()
  if (bytes == 0) {
    return SUCCESS;
  }
  if (!isDevice(to, bytes) || from == nullptr) {
    return INVALID_VALUE;
  }
  if (int result = runBlocking()) {
    return result;
  }
  memcpy(pointer(to), from, bytes);
  return SUCCESS;
}

API cuMemcpyDtoH_v2(void* to, Device from, size_t bytes) {
  ENTER(CONTEXT)
  UNSAFE_WHILE_CAPTURING()
  if (bytes == 0) {
    return SUCCESS;
  }
  if (!isDevice(from, bytes) || to == nullptr) {
    return INVALID_VALUE;
  }
  if (int result = runBlocking()) {
    return result;
  }
  memcpy(to, pointer(from), bytes);
  return SUCCESS;
}

struct CUDA_MEMCPY2D {
  size_t srcXInBytes, srcY;
  unsigned srcMemoryType;
  const void* srcHost;
  Device srcDevice;
  void* srcArray;
  size_t srcPitch;
  size_t dstXInBytes, dstY;
  unsigned dstMemoryType;
  void* dstHost;
  Device dstDevice;
  void* dstArray;
  size_t dstPitch;
  size_t WidthInBytes, Height;
};
static_assert(sizeof(CUDA_MEMCPY2D) == 128, "as in cuda.h");

API cuMemcpy2DAsync_v2(const CUDA_MEMCPY2D* given, Stream* stream) {
  ENTER(CONTEXT)
  constexpr unsigned HOST = 1, DEVICE = 2;
  CUDA_MEMCPY2D copy = *given;
  if ((copy.srcMemoryType != HOST && copy.srcMemoryType != DEVICE)
      || (copy.dstMemoryType != HOST && copy.dstMemoryType != DEVICE)) {
    return INVALID_VALUE;
  }
  if (copy.WidthInBytes == 0 || copy.Height == 0) {
    return SUCCESS;
  }
  size_t width = copy.WidthInBytes;
  if ((copy.Height > 1 || copy.srcPitch != 0) && copy.srcXInBytes + width > copy.srcPitch) {
    return INVALID_VALUE;
  }
  if ((copy.Height > 1 || copy.dstPitch != 0) && copy.dstXInBytes + width > copy.dstPitch) {
    return INVALID_VALUE;
  }
  const char* from = (copy.srcMemoryType == HOST ? static_cast<const char*>(copy.srcHost)
                                                 : static_cast<const char*>(pointer(copy.srcDevice)))
      + copy.srcY * copy.srcPitch + copy.srcXInBytes;
  char* to = (copy.dstMemoryType == HOST ? static_cast<char*>(copy.dstHost)
                                         : static_cast<char*>(pointer(copy.dstDevice)))
      + copy.dstY * copy.dstPitch + copy.dstXInBytes;
  size_t fromBytes = (copy.Height - 1) * copy.srcPitch + width;
  size_t toBytes = (copy.Height - 1) * copy.dstPitch + width;
  if ((copy.srcMemoryType == DEVICE && !isDevice(reinterpret_cast<Device>(from), fromBytes))
      || (copy.dstMemoryType == DEVICE && !isDevice(reinterpret_cast<Device>(to), toBytes))) {
    return INVALID_VALUE;
  }
  bool captured = stream != nullptr && isStream(stream) && stream->capture;
  std::shared_ptr<std::vector<char>> staged;
  if (copy.srcMemoryType == HOST && !isPinned(from, fromBytes) && !captured) {
    staged = std::make_shared<std::vector<char>>(from, from + fromBytes);
    from = staged->data();
  }
  int result = enqueue(stream, [=] {
    (void)staged;  // kept until it has been copied
    if (copy.srcMemoryType == DEVICE) {
      NEEDS_DEVICE(reinterpret_cast<Device>(from), fromBytes)
    }
    if (copy.dstMemoryType == DEVICE) {
      NEEDS_DEVICE(reinterpret_cast<Device>(to), toBytes)
    }
    for (size_t row = 0; row < copy.Height; row++) {
      memmove(to + row * copy.dstPitch, from + row * copy.srcPitch, width);
    }
    return 0;
  });
  if (result == 0 && copy.dstMemoryType == HOST && !isPinned(to, toBytes) && !captured) {
    return waitFor(stream);
  }
  return result;
}

API cuMemsetD8Async(Device to, unsigned char value, size_t count, Stream* stream) {
  ENTER(CONTEXT)
  if (count == 0) {
    return SUCCESS;
  }
  if (!isDevice(to, count)) {
    return INVALID_VALUE;
  }
  return enqueue(stream, [=] {
    NEEDS_DEVICE(to, count)
    memset(pointer(to), value, count);
    return 0;
  });
}

API cuMemsetD32Async(Device to, unsigned value, size_t count, Stream* stream) {
  ENTER(CONTEXT)
  if (count == 0) {
    return SUCCESS;
  }
  if (to % 4 != 0 || count > SIZE_MAX / 4 || !isDevice(to, 4 * count)) {
    return INVALID_VALUE;
  }
  return enqueue(stream, [=] {
    NEEDS_DEVICE(to, 4 * count)
    std::fill_n(static_cast<unsigned*>(pointer(to)), count, value);
    return 0;
  });
}

API cuMemsetD2D8Async(Device to, size_t pitch, unsigned char value, size_t width, size_t height, Stream* stream) {
  ENTER(CONTEXT)
  if (width == 0 || height == 0) {
    return SUCCESS;
  }
  if ((height > 1 && width > pitch) || !isDevice(to, (height - 1) * pitch + width)) {
    return INVALID_VALUE;
  }
  return enqueue(stream, [=] {
    NEEDS_DEVICE(to, (height - 1) * pitch + width)
    for (size_t row = 0; row < height; row++) {
      memset(pointer(to + row * pitch), value, width);
    }
    return 0;
  });
}
