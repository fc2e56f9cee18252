// Test code: the simulated driver's functions for modules and launches. A part of cuda.cpp.
#pragma once

#include "driver.h"

API cuModuleLoadData(Module** module, const void* image) {
  ENTER(CONTEXT)
  UNSAFE_WHILE_CAPTURING()
  Elf64_Ehdr header;
  memcpy(&header, image, sizeof header);
  if (memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_machine != EM_X86_64) {
    return INVALID_IMAGE;
  }
  size_t bytes = header.e_shoff + size_t(header.e_shentsize) * header.e_shnum;
  int file = memfd_create("cuda-simulator-module", MFD_CLOEXEC);
  for (size_t done = 0; done < bytes;) {
    ssize_t written = write(file, static_cast<const char*>(image) + done, bytes - done);
    if (written <= 0) {
      close(file);
      return OUT_OF_MEMORY;
    }
    done += size_t(written);
  }
  // the loader takes files for the same that have the same name, or device and number: none has
  static int modules = 0;
  std::string link = "/tmp/cuda-simulator-" + std::to_string(getpid()) + "-" + std::to_string(modules++);
  std::string target = "/proc/" + std::to_string(getpid()) + "/fd/" + std::to_string(file);
  unlink(link.c_str());
  void* library = symlink(target.c_str(), link.c_str()) == 0
      ? dlopen(link.c_str(), RTLD_NOW | RTLD_LOCAL)
      : nullptr;
  unlink(link.c_str());
  close(file);
  if (library == nullptr) {
    fprintf(stderr, "cuda-simulator: %s\n", dlerror());
    return INVALID_IMAGE;
  }
  auto bind = reinterpret_cast<void (*)(const SimulatorEngine*, SimulatorState**, SimulatorSpan (**)())>(
      dlsym(library, "simulatorBind"));
  auto architecture = static_cast<const int*>(dlsym(library, "simulatorArchitecture"));
  if (bind == nullptr || architecture == nullptr || dlsym(library, "simulatorIsPtx") == nullptr) {
    dlclose(library);
    return INVALID_IMAGE;
  }
  // code for a capability runs on the same major one with a minor one at least as high; PTX, which
  // the driver translates, on whatever isn't older
  long long major = driver().settings["capability-major"];
  long long minor = driver().settings["capability-minor"];
  auto isPtx = static_cast<const bool*>(dlsym(library, "simulatorIsPtx"));
  if (*isPtx ? *architecture > 10 * major + minor : *architecture / 10 != major || *architecture % 10 > minor) {
    dlclose(library);
    return NO_BINARY_FOR_GPU;
  }
  *module = new Module;
  (*module)->library = library;
  bind(simulator::Engine::get().functions(), &(*module)->state, &(*module)->staticShared);
  driver().modules.insert(*module);
  return SUCCESS;
}

API cuModuleUnload(Module* module) {
  ENTER(CONTEXT)
  if (driver().modules.count(module) == 0) {
    return INVALID_HANDLE;
  }
  int result = runEverything();
  unload(module);
  return result;
}

API cuModuleGetFunction(Function** function, Module* module, const char* name) {
  ENTER(CONTEXT)
  if (driver().modules.count(module) == 0) {
    return INVALID_HANDLE;
  }
  Function*& known = module->functions[name];
  if (known == nullptr) {
    void* kernel = dlsym(module->library, (std::string("simulatorKernel_") + name).c_str());
    if (kernel == nullptr) {
      module->functions.erase(name);
      return NOT_FOUND;
    }
    known = new Function{static_cast<const SimulatorKernel*>(kernel), module, SHARED_WITHOUT_ASKING};
    driver().functions.insert(known);
  }
  *function = known;
  return SUCCESS;
}

API cuFuncSetAttribute(Function* function, int attribute, int value) {
  ENTER(CONTEXT)
  if (driver().functions.count(function) == 0) {
    return INVALID_HANDLE;
  }
  switch (attribute) {
    case 8:  // MAX_DYNAMIC_SHARED_SIZE_BYTES
      if (value < 0 || size_t(value) > SHARED_AT_MOST) {
        return INVALID_VALUE;
      }
      function->mostDynamicShared = value;
      return SUCCESS;
    case 9:  // PREFERRED_SHARED_MEMORY_CARVEOUT
      return value >= -1 && value <= 100 ? SUCCESS : INVALID_VALUE;
    default:
      return INVALID_VALUE;
  }
}

API cuFuncGetAttribute(int* value, int attribute, Function* function) {
  ENTER(CONTEXT)
  if (driver().functions.count(function) == 0) {
    return INVALID_HANDLE;
  }
  switch (attribute) {
    case 0: *value = function->kernel->mostThreads; break;
    case 1: case 2: case 3: *value = 0; break;  // static shared, constant and local memory: not known
    case 4: *value = 32; break;                 // registers
    case 5: case 6:
      *value = int(10 * driver().settings["capability-major"] + driver().settings["capability-minor"]);
      break;
    case 8: *value = function->mostDynamicShared; break;
    default: return INVALID_VALUE;
  }
  return SUCCESS;
}

API cuLaunchKernel(Function* function, unsigned gridX, unsigned gridY, unsigned gridZ, unsigned blockX, unsigned blockY,
                   unsigned blockZ, unsigned shared, Stream* stream, void** parameters, void** extra) {
  ENTER(CONTEXT)
  if (driver().functions.count(function) == 0) {
    return INVALID_HANDLE;
  }
  uint64_t threads = uint64_t(blockX) * blockY * blockZ;
  if (gridX == 0 || gridY == 0 || gridZ == 0 || gridX > 0x7fffffffu || gridY > 65535 || gridZ > 65535 || threads == 0
      || blockX > 1024 || blockY > 1024 || blockZ > 64 || threads > uint64_t(function->kernel->mostThreads)
      || shared > size_t(function->mostDynamicShared) || extra != nullptr || function->kernel->count > 256
      || (parameters == nullptr && function->kernel->count != 0)) {
    return INVALID_VALUE;
  }
  std::vector<std::vector<char>> values;
  for (int i = 0; i < function->kernel->count; i++) {
    const char* value = static_cast<const char*>(parameters[i]);
    values.emplace_back(value, value + function->kernel->sizes[i]);
  }
  return enqueue(stream, [=]() mutable {
    return runKernel(function, {gridX, gridY, gridZ}, {blockX, blockY, blockZ}, shared, values);
  });
}
