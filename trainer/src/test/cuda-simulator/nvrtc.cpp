// Test code: the compiler's library, libnvrtc.so.13, by a C++ compiler with simulator.h in front of
// the source. What it calls a cubin is a library for the processor, which cuda.cpp loads.
#include <dlfcn.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#define API extern "C" __attribute__((visibility("default"))) int

#ifndef SIMULATOR_FOLDER
#define SIMULATOR_FOLDER "."
#endif

extern char** environ;

namespace {

namespace fs = std::filesystem;

enum Result {
  SUCCESS = 0,
  PROGRAM_CREATION_FAILURE = 2,
  INVALID_INPUT = 3,
  INVALID_PROGRAM = 4,
  INVALID_OPTION = 5,
  COMPILATION = 6,
  INTERNAL_ERROR = 11,
};

const int ARCHITECTURES[] = {75, 80, 86, 87, 88, 89, 90, 100, 103, 110, 120, 121};

struct Program {
  std::string source, name;
  std::vector<std::pair<std::string, std::string>> headers;  // by the name that includes them
  std::string log, library;
  bool isPtx = false;
};

struct Options {
  int architecture = 75;
  bool isPtx = true;  // for compute_NN
  std::string standard = "c++17";
  std::vector<std::string> defines;
};

// ---- options ----

bool takes(const std::string& option, std::initializer_list<const char*> names, const std::vector<std::string>& all,
           size_t* at, std::string* value) {
  for (std::string name : names) {
    if (option == name && *at + 1 < all.size()) {
      *value = all[++*at];
      return true;
    }
    if (option.rfind(name + "=", 0) == 0) {
      *value = option.substr(name.size() + 1);
      return true;
    }
  }
  return false;
}

bool parse(const std::vector<std::string>& all, Options* options, std::string* log) {
  for (size_t i = 0; i < all.size(); i++) {
    const std::string& option = all[i];
    std::string value;
    if (takes(option, {"--gpu-architecture", "-arch"}, all, &i, &value)) {
      options->isPtx = value.rfind("compute_", 0) == 0;
      bool known = options->isPtx || value.rfind("sm_", 0) == 0;
      options->architecture = known ? atoi(value.c_str() + value.find('_') + 1) : 0;
      if (std::find(std::begin(ARCHITECTURES), std::end(ARCHITECTURES), options->architecture)
          == std::end(ARCHITECTURES)) {
        *log = "nvrtc: error: invalid value for --gpu-architecture (-arch)\n";
        return false;
      }
    } else if (takes(option, {"--std", "-std"}, all, &i, &value)) {
      options->standard = value;
    } else if (takes(option, {"--define-macro"}, all, &i, &value)) {
      options->defines.push_back("-D" + value);
    } else if (option == "-D" && i + 1 < all.size()) {
      options->defines.push_back("-D" + all[++i]);
    } else if (option.rfind("-D", 0) == 0 && option.size() > 2) {
      options->defines.push_back(option);
    } else if (takes(option,
                     {"--fmad", "-fmad", "--ftz", "-ftz", "--prec-div", "-prec-div", "--prec-sqrt", "-prec-sqrt",
                      "--maxrregcount", "-maxrregcount", "--split-compile", "-split-compile",
                              "--relocatable-device-code", "-rdc"},
                     all, &i, &value)) {
      // of no consequence here
    } else if (option == "--use_fast_math" || option == "-use_fast_math" || option == "-default-device"
               || option == "--device-as-default-execution-space" || option == "-lineinfo"
               || option == "--generate-line-info" || option == "--device-debug" || option == "-G"
               || option == "--extra-device-vectorization" || option == "-extra-device-vectorization"
               || option == "--disable-warnings" || option == "-w" || option == "--restrict" || option == "-restrict"
               || option == "--minimal" || option == "-minimal") {
      // likewise
    } else {
      *log = "nvrtc: error: unrecognized option " + option + " found\n";
      return false;
    }
  }
  return true;
}

// ---- files ----

std::string read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

bool write(const fs::path& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.close();
  return bool(file);
}

fs::path libraryFolder() {
  Dl_info info;
  static int here;
  return dladdr(&here, &info) != 0 ? fs::absolute(info.dli_fname).parent_path() : fs::path(".");
}

// Where simulator.h is: beside the library, or where it was when this was compiled.
fs::path headerFolder() {
  std::error_code ignored;
  fs::path beside = libraryFolder();
  return fs::exists(beside / "simulator.h", ignored) ? beside : fs::path(SIMULATOR_FOLDER);
}

std::string hash(const std::string& text) {
  unsigned __int128 hash = (static_cast<unsigned __int128>(0x6c62272e07bb0142u) << 64) | 0x62b821756295c58du;
  const unsigned __int128 prime = (static_cast<unsigned __int128>(1) << 88) | 0x13b;
  for (unsigned char each : text) {
    hash = (hash ^ each) * prime;  // FNV-1a
  }
  char hex[33];
  snprintf(hex, sizeof hex, "%016llx%016llx", (unsigned long long)(hash >> 64), (unsigned long long)(hash));
  return hex;
}

// Runs a command without a shell; what it says goes to a file.
bool run(const std::vector<std::string>& command, const fs::path& output) {
  std::vector<char*> arguments;
  for (const std::string& argument : command) {
    arguments.push_back(const_cast<char*>(argument.c_str()));
  }
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, output.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  posix_spawn_file_actions_adddup2(&actions, 1, 2);
  pid_t child;
  int failed = posix_spawnp(&child, arguments[0], &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  int status = 1;
  if (failed == 0) {
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
  }
  return failed == 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

// ---- kernels ----

bool isName(char c) { return isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

// The position behind blanks and the lines that say which file is meant.
size_t skipBlanks(const std::string& text, size_t at) {
  while (at < text.size()) {
    if (isspace(static_cast<unsigned char>(text[at])) != 0) {
      at++;
    } else if (text[at] == '#' && (at == 0 || text[at - 1] == '\n')) {
      at = std::min(text.find('\n', at), text.size());
    } else {
      break;
    }
  }
  return at;
}

// The position behind a parenthesis that's closed.
size_t skipParentheses(const std::string& text, size_t at) {
  int depth = 0;
  for (; at < text.size(); at++) {
    depth += text[at] == '(' ? 1 : text[at] == ')' ? -1 : 0;
    if (depth == 0) {
      return at + 1;
    }
  }
  return at;
}

// Whether extern "C" stands right before a position.
bool isExternC(const std::string& text, size_t at) {
  const std::string words = "extern\"C\"";
  size_t left = words.size();
  while (at > 0 && left > 0) {
    char c = text[at - 1];
    if (isspace(static_cast<unsigned char>(c)) == 0) {
      if (c != words[left - 1]) {
        return false;
      }
      left--;
    }
    at--;
  }
  return left == 0;
}

// What is added behind the preprocessed text: a table for each kernel that has a C name.
std::string tables(const std::string& text) {
  const std::string keyword = "__global__";
  std::stringstream tables;
  std::vector<std::string> known;
  for (size_t at = text.find(keyword); at != std::string::npos; at = text.find(keyword, at + 1)) {
    if ((at > 0 && isName(text[at - 1])) || isName(text[at + keyword.size()]) || !isExternC(text, at)) {
      continue;
    }
    std::string name, bounds = "1024";
    size_t next = at + keyword.size();
    for (;;) {
      next = skipBlanks(text, next);
      size_t end = next;
      while (end < text.size() && isName(text[end])) {
        end++;
      }
      std::string word = text.substr(next, end - next);
      size_t after = skipBlanks(text, end);
      if (word == "__launch_bounds__" || word == "__attribute__") {
        size_t close = skipParentheses(text, after);
        if (word == "__launch_bounds__") {
          bounds = text.substr(after + 1, close - after - 2);
        }
        next = close;
      } else if (!word.empty() && text[after] == '(') {
        name = word;
        break;
      } else if (word.empty()) {
        break;
      } else {
        next = end;
      }
    }
    if (!name.empty() && std::find(known.begin(), known.end(), name) == known.end()) {
      known.push_back(name);
      tables << "extern \"C\" __attribute__((visibility(\"default\"))) const SimulatorKernel simulatorKernel_" << name
             << " = SimulatorCall<&" << name << ">::kernel(\"" << name << "\", simulatorFirst(" << bounds << "));\n";
    }
  }
  return tables.str();
}

Result compile(Program* program, const Options& options) {
  program->isPtx = options.isPtx;
  fs::path headers = headerFolder();
  std::string everything = program->name + '\0' + program->source + '\0' + options.standard + '\0'
      + std::to_string(options.architecture) + (options.isPtx ? "ptx" : "") + '\0' + read(headers / "simulator.h");
  for (const std::string& define : options.defines) {
    everything += '\0' + define;
  }
  for (const auto& [name, text] : program->headers) {
    everything += '\0' + name + '\0' + text;
  }
  std::error_code ignored;
  fs::path cache = libraryFolder() / "compiled";
  fs::create_directories(cache, ignored);
  fs::path known = cache / (hash(everything) + ".so");
  program->library = read(known);
  if (!program->library.empty()) {
    return SUCCESS;
  }

  std::string pattern = (fs::temp_directory_path() / "cuda-simulator-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) {
    program->log = "no temporary folder\n";
    return INTERNAL_ERROR;
  }
  struct Folder {
    fs::path path;
    ~Folder() {
      std::error_code ignored;
      fs::remove_all(path, ignored);
    }
  } folder{pattern};
  fs::path source = folder.path / (program->name.empty() ? "default_program" : fs::path(program->name).filename());
  write(source, program->source);
  for (const auto& [name, text] : program->headers) {
    fs::create_directories((folder.path / name).parent_path(), ignored);
    write(folder.path / name, text);
  }
  std::string compiler = getenv("CXX") == nullptr ? "g++" : getenv("CXX");
  std::string standard = "-std=" + options.standard;
  std::vector<std::string> command = {compiler, "-E", "-x", "c++", standard, "-DCUDA_SIMULATOR",
                                      "-DSIMULATOR_KEEPS_GLOBAL", "-DSIMULATOR_CHECKS_ACCESSES", "-D__CUDACC__",
                                      "-D__CUDACC_RTC__",
                                      "-D__CUDA_ARCH__=" + std::to_string(10 * options.architecture)};
  command.insert(command.end(), options.defines.begin(), options.defines.end());
  fs::path preprocessed = folder.path / "simulator-preprocessed.cpp";
  fs::path log = folder.path / "simulator-log.txt";
  command.insert(command.end(), {"-I", folder.path, "-include", headers / "simulator.h", source, "-o", preprocessed});
  if (!run(command, log)) {
    program->log = read(log);
    return COMPILATION;
  }
  std::string text = read(preprocessed);
  std::stringstream all;
  all << text << "\n# 1 \"simulator-tables\"\n"
      << "constexpr int simulatorFirst(int first, ...) { return first; }\n"
      << tables(text)
      << "extern \"C\" __attribute__((visibility(\"default\"))) const int simulatorArchitecture = "
      << options.architecture << ";\n"
      << "extern \"C\" __attribute__((visibility(\"default\"))) const bool simulatorIsPtx = " << options.isPtx << ";\n"
      << "extern \"C\" __attribute__((visibility(\"default\"), no_sanitize(\"kernel-address\")))"
         " void simulatorBind(const SimulatorEngine* engine, SimulatorState** state, SimulatorSpan (**staticShared)()) {"
         " simulatorEngine = *engine; *state = &simulatorState; *staticShared = simulatorStaticShared; }\n";
  write(preprocessed, all.str());
  fs::path library = folder.path / "simulator-library.so";
  command = {compiler,        "-x",           "c++",           standard,
             "-O1",           "-w",           "-fPIC",         "-shared",
             "-fvisibility=hidden", "-fno-gnu-unique", "-ffp-contract=off", "-fstack-clash-protection",
             "-fsanitize=kernel-address,alignment,bounds", "-fsanitize-undefined-trap-on-error",
             "--param=asan-instrumentation-with-call-threshold=0", "--param=asan-stack=0", "--param=asan-globals=0",
             "-D__global__=", "-D__launch_bounds__(...)=", "-static-libgcc"};
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    command.insert(command.end(), {"-mavx2", "-mfma"});
  }
  command.insert(command.end(), {preprocessed, "-o", library});
  if (!run(command, log)) {
    program->log = read(log);
    return COMPILATION;
  }
  program->log = read(log);
  program->library = read(library);
  // others may read the cache at the same time
  static std::atomic<int> compilations = 0;
  std::string suffix = "." + std::to_string(getpid()) + "." + std::to_string(compilations++);
  fs::path mine = cache / (known.filename().string() + suffix);
  if (write(mine, program->library)) {
    fs::rename(mine, known, ignored);
  }
  return SUCCESS;
}

}  // namespace

// ---- the interface ----

API nvrtcVersion(int* major, int* minor) {
  *major = 13;
  *minor = 0;
  return SUCCESS;
}

API nvrtcGetNumSupportedArchs(int* count) {
  *count = int(std::size(ARCHITECTURES));
  return SUCCESS;
}

API nvrtcGetSupportedArchs(int* architectures) {
  std::copy(std::begin(ARCHITECTURES), std::end(ARCHITECTURES), architectures);
  return SUCCESS;
}

extern "C" __attribute__((visibility("default"))) const char* nvrtcGetErrorString(int result) {
  switch (result) {
    case 0: return "NVRTC_SUCCESS";
    case 1: return "NVRTC_ERROR_OUT_OF_MEMORY";
    case 2: return "NVRTC_ERROR_PROGRAM_CREATION_FAILURE";
    case 3: return "NVRTC_ERROR_INVALID_INPUT";
    case 4: return "NVRTC_ERROR_INVALID_PROGRAM";
    case 5: return "NVRTC_ERROR_INVALID_OPTION";
    case 6: return "NVRTC_ERROR_COMPILATION";
    case 7: return "NVRTC_ERROR_BUILTIN_OPERATION_FAILURE";
    case 11: return "NVRTC_ERROR_INTERNAL_ERROR";
    default: return "NVRTC_ERROR unknown";
  }
}

API nvrtcCreateProgram(Program** program, const char* source, const char* name, int headerCount,
                       const char* const* headers, const char* const* includeNames) {
  if (program == nullptr || source == nullptr || headerCount < 0
      || (headerCount > 0 && (headers == nullptr || includeNames == nullptr))) {
    return INVALID_INPUT;
  }
  *program = new Program;
  (*program)->source = source;
  (*program)->name = name == nullptr ? "" : name;
  for (int i = 0; i < headerCount; i++) {
    (*program)->headers.emplace_back(includeNames[i], headers[i]);
  }
  return SUCCESS;
}

API nvrtcCompileProgram(Program* program, int count, const char* const* given) {
  if (program == nullptr) {
    return INVALID_PROGRAM;
  }
  Options options;
  if (!parse(std::vector<std::string>(given, given + count), &options, &program->log)) {
    return INVALID_OPTION;
  }
  return compile(program, options);
}

// For a virtual architecture, compute_NN, there's PTX; for a real one, sm_NN, a cubin.
API nvrtcGetCUBINSize(Program* program, size_t* bytes) {
  if (program == nullptr) {
    return INVALID_PROGRAM;
  }
  *bytes = program->isPtx ? 0 : program->library.size();
  return SUCCESS;
}

API nvrtcGetCUBIN(Program* program, char* cubin) {
  if (program == nullptr || program->isPtx || program->library.empty()) {
    return INVALID_PROGRAM;
  }
  memcpy(cubin, program->library.data(), program->library.size());
  return SUCCESS;
}

API nvrtcGetPTXSize(Program* program, size_t* bytes) {
  if (program == nullptr || !program->isPtx) {
    return INVALID_PROGRAM;
  }
  *bytes = program->library.size();
  return SUCCESS;
}

API nvrtcGetPTX(Program* program, char* ptx) {
  if (program == nullptr || !program->isPtx || program->library.empty()) {
    return INVALID_PROGRAM;
  }
  memcpy(ptx, program->library.data(), program->library.size());
  return SUCCESS;
}

API nvrtcGetProgramLogSize(Program* program, size_t* bytes) {
  if (program == nullptr) {
    return INVALID_PROGRAM;
  }
  *bytes = program->log.size() + 1;
  return SUCCESS;
}

API nvrtcGetProgramLog(Program* program, char* log) {
  if (program == nullptr) {
    return INVALID_PROGRAM;
  }
  memcpy(log, program->log.c_str(), program->log.size() + 1);
  return SUCCESS;
}

API nvrtcDestroyProgram(Program** program) {
  if (program == nullptr || *program == nullptr) {
    return INVALID_PROGRAM;
  }
  delete *program;
  *program = nullptr;
  return SUCCESS;
}
