// Test code: runs a kernel's blocks one after another, and the threads of a block as fibers on one
// thread of the processor.
//
// A fiber runs until it has to wait for others: at a barrier, or where a warp's lanes do something
// together. Which one runs next is drawn by a seed (GRAFT_SIMULATOR_SEED), and a warp runs as far
// ahead of the others as it can, so that a missing barrier is noticed.
#pragma once

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <ucontext.h>

#include <functional>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "simulator.h"

namespace simulator {

// The driver's error codes for what goes wrong in a kernel.
constexpr int ILLEGAL_ADDRESS = 700;
constexpr int ILLEGAL_INSTRUCTION = 715;
constexpr int MISALIGNED_ADDRESS = 716;
constexpr int LAUNCH_FAILED = 719;

constexpr unsigned char POISON = 0xff;
constexpr size_t STACK_BYTES = 256 << 10;
constexpr size_t STACKS = 1024;  // a block has no more threads
constexpr size_t GUARD_BYTES = 512;

// Saves the registers that a call keeps and the stack's pointer, and goes on at another.
__attribute__((naked, noinline)) inline void switchStack(void** /* from */, void* /* to */) {
  asm("pushq %rbp\n\t"
      "pushq %rbx\n\t"
      "pushq %r12\n\t"
      "pushq %r13\n\t"
      "pushq %r14\n\t"
      "pushq %r15\n\t"
      "movq %rsp, (%rdi)\n\t"
      "movq %rsi, %rsp\n\t"
      "popq %r15\n\t"
      "popq %r14\n\t"
      "popq %r13\n\t"
      "popq %r12\n\t"
      "popq %rbx\n\t"
      "popq %rbp\n\t"
      "ret");
}

struct Copy {
  void* shared;
  const void* global;
  size_t bytes;
  bool there;
};

// Lanes of a warp by what they do: wait for each other, wait for the block, have returned, or don't
// exist.
struct Warp {
  unsigned waiting, atBarrier, finished, missing;
};

enum class Wait { NOT_STARTED, READY, BARRIER, WARP, FINISHED };

struct Thread {
  void* stackPointer;
  char* stack;
  SimulatorIndex index;
  unsigned number;
  Wait wait;
  SimulatorBarrier barrier;
  bool predicate;
  unsigned mask;
  const char* togetherName;
  SimulatorTogether together;
  void* mine;
  std::vector<Copy> copies;          // begun, not awaited
  std::vector<size_t> copiesToGroup;  // how many of them were begun when a group ended
};

struct Launch {
  std::string name;
  std::function<void()> thread;  // one thread of the kernel
  SimulatorState* state;
  SimulatorSpan staticShared;
  SimulatorIndex grid, block;
  size_t sharedBytes;
  // The allocation with these bytes, or of no bytes; and where else they are, in words. Both empty
  // where that isn't known.
  std::function<SimulatorRange(const void*, size_t)> allocationOf;
  std::function<std::string(const void*)> describe;
};

class Engine {
 public:
  static Engine& get() {
    static Engine engine;
    return engine;
  }

  const SimulatorEngine* functions() const { return &functions_; }
  const std::string& problem() const { return problem_; }

  void seed(uint64_t seed) { random_ = seed * 0x9e3779b97f4a7c15u + 0x2545f4914f6cdd1du; }

  void seedFromEnvironment() {
    const char* given = getenv("GRAFT_SIMULATOR_SEED");
    seed(given == nullptr ? 1 : strtoull(given, nullptr, 10));
  }

  // 0, or the driver's code for what went wrong; problem() says more.
  int run(const Launch& launch) {
    launch_ = &launch;
    error_ = 0;
    problem_.clear();
    threads_ = launch.block.x * launch.block.y * launch.block.z;
    while (all_.size() < threads_) {
      all_.push_back(std::make_unique<Thread>());
      all_.back()->stack = nullptr;
    }
    reserveShared(launch.sharedBytes);
    launch.state->blockSize = launch.block;
    launch.state->gridSize = launch.grid;
    launch.state->dynamicShared = shared_;
    stacks_.push_back(takeStack());  // so that there are any
    launch.state->stacks = {stacksBegin_, STACKS * STACK_BYTES};
    launch.state->shared = {shared_, launch.sharedBytes};
    launch.state->staticShared = {launch.staticShared.begin, launch.staticShared.bytes};
    memset(launch.state->global, 0, sizeof launch.state->global);
    uint64_t blocks = uint64_t(launch.grid.x) * launch.grid.y * launch.grid.z;
    uint64_t step = blocks > 1 ? random() % blocks : 1;
    while (std::gcd(step, blocks) != 1) {
      step = step % blocks + 1;
    }
    uint64_t at = random() % blocks;
    struct sigaction before[3];
    stack_t stackBefore;
    catchSignals(before, &stackBefore);
    for (uint64_t i = 0; i < blocks && error_ == 0; i++, at = (at + step) % blocks) {
      launch.state->block = {unsigned(at % launch.grid.x), unsigned(at / launch.grid.x % launch.grid.y),
                             unsigned(at / launch.grid.x / launch.grid.y)};
      runBlock();
    }
    sigaction(SIGSEGV, &before[0], nullptr);
    sigaction(SIGBUS, &before[1], nullptr);
    sigaction(SIGILL, &before[2], nullptr);
    sigaltstack(&stackBefore, nullptr);
    launch_ = nullptr;
    return error_;
  }

 private:
  Engine() {
    seedFromEnvironment();
    functions_ = {
        [](SimulatorBarrier kind, bool predicate) { return get().barrier(kind, predicate); },
        [](unsigned mask, const char* name, SimulatorTogether what, void* mine) {
          get().together(mask, name, what, mine);
        },
        [](const void* address, size_t bytes, const char* name) {
          get().checkShared(address, bytes, name);
        },
        [](void* shared, const void* global, size_t bytes, bool there) {
          get().beginCopy({shared, global, bytes, there});
        },
        [] { get().commitCopies(); },
        [](int newest) { get().awaitCopies(newest); },
        [](int error, const char* message) { get().fail(error, "%s", message); },
        [](const void* address, size_t bytes, bool writes) {
          return get().rangeOf(address, bytes, writes ? "writes" : "reads");
        },
    };
  }

  uint64_t random() {
    random_ ^= random_ << 13;
    random_ ^= random_ >> 7;
    random_ ^= random_ << 17;
    return random_ >> 8;
  }

  // ---- memory ----

  // The block's dynamic shared memory, between guards.
  void reserveShared(size_t bytes) {
    if (sharedBytes_ < bytes || shared_ == nullptr) {
      free(sharedBegin_);
      sharedBytes_ = bytes;
      sharedBegin_ = static_cast<char*>(aligned_alloc(1024, (bytes + 4096 + 1023) / 1024 * 1024));
      shared_ = sharedBegin_ + 1024;
    }
  }

  char* takeStack() {
    if (!stacks_.empty()) {
      char* stack = stacks_.back();
      stacks_.pop_back();
      return stack;
    }
    if (stacksBegin_ == nullptr) {
      void* memory = mmap(nullptr, STACKS * STACK_BYTES, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
      if (memory == MAP_FAILED) {
        fprintf(stderr, "cuda-simulator: no memory for stacks\n");
        abort();
      }
      stacksBegin_ = static_cast<char*>(memory);
    }
    char* stack = stacksBegin_ + stacksTaken_++ * STACK_BYTES;
    mprotect(stack, 4096, PROT_NONE);
    return stack;
  }

  // The tops of stacks differ in their place within a page, lest they share a cache's set.
  static void* topOf(char* stack) {
    size_t color = reinterpret_cast<uintptr_t>(stack) / STACK_BYTES % 31 * 192;
    return stack + STACK_BYTES - 64 - color / 64 * 64;
  }

  static bool within(const void* address, size_t bytes, const void* begin, size_t size) {
    const char* a = static_cast<const char*>(address);
    const char* b = static_cast<const char*>(begin);
    return a >= b && a + bytes <= b + size;
  }

  void checkShared(const void* address, size_t bytes, const char* name) {
    if (reinterpret_cast<uintptr_t>(address) % bytes != 0) {
      fail(MISALIGNED_ADDRESS, "%s of shared memory at %p, not aligned to %zu bytes", name, address,
           bytes);
    }
    if (!within(address, bytes, shared_, launch_->sharedBytes)
        && !within(address, bytes, launch_->staticShared.begin, launch_->staticShared.bytes)) {
      fail(ILLEGAL_ADDRESS, "%s at %p is outside of shared memory (byte %td of %zu dynamic ones)", name,
           address, static_cast<const char*>(address) - shared_, launch_->sharedBytes);
    }
  }

  // ---- the threads ----

  void runBlock() {
    memset(sharedBegin_, POISON, 1024 + launch_->sharedBytes + GUARD_BYTES);
    if (launch_->staticShared.bytes != 0) {
      memset(launch_->staticShared.begin, POISON, launch_->staticShared.bytes);
    }
    for (unsigned i = 0; i < threads_; i++) {
      Thread& thread = *all_[i];
      thread.number = i;
      thread.index = {i % launch_->block.x, i / launch_->block.x % launch_->block.y,
                      i / launch_->block.x / launch_->block.y};
      thread.wait = Wait::NOT_STARTED;
      thread.copies.clear();
      thread.copiesToGroup.clear();
    }
    warps_.assign((threads_ + 31) / 32, Warp{});
    warps_.back().missing = threads_ % 32 == 0 ? 0 : ~((1u << threads_ % 32) - 1);
    finished_ = 0;
    atBarrier_ = 0;
    ready_.clear();
    makeAllReady();
    current_ = nextReady();
    begin(*current_);
    switchStack(&main_, current_->stackPointer);
    if (error_ == 0 && finished_ != threads_) {
      tellWhoWaits();
    }
    if (error_ == 0) {
      checkSharedGuards();
    }
    if (error_ != 0) {
      for (unsigned i = 0; i < threads_; i++) {
        releaseStack(*all_[i]);
      }
    }
  }

  void checkSharedGuards() {
    const unsigned char* begin = reinterpret_cast<unsigned char*>(sharedBegin_);
    size_t end = 1024 + launch_->sharedBytes;
    for (size_t i = 1024 - GUARD_BYTES; i < end + GUARD_BYTES; i++) {
      if (i == 1024) {
        i = end;
      }
      if (begin[i] != POISON) {
        report(ILLEGAL_ADDRESS, "byte %td of %zu bytes of dynamic shared memory was written",
               ptrdiff_t(i) - 1024, launch_->sharedBytes);
        return;
      }
    }
  }

  // Every thread, in an order that's drawn: warps, and the lanes within each.
  void makeAllReady() {
    unsigned warps = (threads_ + 31) / 32;
    order_.resize(warps);
    for (unsigned i = 0; i < warps; i++) {
      unsigned j = unsigned(random() % (i + 1));
      order_[i] = order_[j];
      order_[j] = i;
    }
    for (unsigned warp : order_) {
      makeReady(32 * warp, std::min(32u, threads_ - 32 * warp), ALL);
    }
  }

  void makeReady(unsigned first, unsigned count, unsigned mask) {
    unsigned order[32];
    unsigned chosen = 0;
    uint64_t draw = random();
    for (unsigned i = 0; i < count; i++) {
      if ((mask >> i) & 1) {
        if (chosen % 4 == 3) {
          draw = random();
        }
        unsigned j = (unsigned(draw & 0x3fff) * (chosen + 1)) >> 14;
        draw >>= 14;
        order[chosen] = order[j];
        order[j] = first + i;
        chosen++;
      }
    }
    for (unsigned i = 0; i < chosen; i++) {
      Thread* thread = all_[order[i]].get();
      if (thread->wait != Wait::NOT_STARTED) {
        thread->wait = Wait::READY;
      }
      ready_.push_back(thread);
    }
  }

  Thread* nextReady() {
    if (ready_.empty()) {
      return nullptr;
    }
    Thread* next = ready_.back();
    ready_.pop_back();
    launch_->state->thread = next->index;
    return next;
  }

  void begin(Thread& thread) {
    thread.stack = takeStack();
    thread.wait = Wait::READY;
    void** top = static_cast<void**>(topOf(thread.stack));
    *--top = nullptr;  // where a caller would go on
    *--top = reinterpret_cast<void*>(&Engine::threadMain);
    for (int i = 0; i < 6; i++) {
      *--top = nullptr;
    }
    thread.stackPointer = top;
  }

  void releaseStack(Thread& thread) {
    if (thread.stack != nullptr) {
      stacks_.push_back(thread.stack);
      thread.stack = nullptr;
    }
  }

  // Goes on with whoever is ready, and comes back when this thread is.
  void giveWay() {
    Thread* self = current_;
    Thread* next = nextReady();
    if (next == self) {
      return;
    }
    current_ = next;
    if (next == nullptr) {
      switchStack(&self->stackPointer, main_);
      return;
    }
    if (next->wait == Wait::NOT_STARTED) {
      begin(*next);
    }
    switchStack(&self->stackPointer, next->stackPointer);
  }

  static void threadMain() { get().runThreads(); }

  // A thread that was begun, and each of those that can begin where one has ended.
  void runThreads() {
    for (;;) {
      launch_->thread();
      Thread* self = current_;
      self->wait = Wait::FINISHED;
      finished_++;
      warps_[self->number / 32].finished |= 1u << self->number % 32;
      Thread* next = nextReady();
      current_ = next;
      if (next != nullptr && next->wait == Wait::NOT_STARTED) {
        next->stack = self->stack;
        next->wait = Wait::READY;
        self->stack = nullptr;
        continue;
      }
      releaseStack(*self);
      switchStack(&self->stackPointer, next == nullptr ? main_ : next->stackPointer);
    }
  }

  int barrier(SimulatorBarrier kind, bool predicate) {
    Thread* self = current_;
    self->wait = Wait::BARRIER;
    self->barrier = kind;
    self->predicate = predicate;
    warps_[self->number / 32].atBarrier |= 1u << self->number % 32;
    if (++atBarrier_ == threads_) {
      atBarrier_ = 0;
      barrierCount_ = 0;
      for (unsigned i = 0; i < threads_; i++) {
        barrierCount_ += all_[i]->predicate;
        if (all_[i]->barrier != kind) {
          fail(LAUNCH_FAILED, "the threads of a block came to different kinds of __syncthreads");
        }
      }
      for (Warp& warp : warps_) {
        warp.atBarrier = 0;
      }
      makeAllReady();
    }
    // Nobody comes to another barrier before each thread has left this one: the count holds.
    giveWay();
    switch (kind) {
      case BARRIER_PLAIN:
        return 0;
      case BARRIER_COUNT:
        return int(barrierCount_);
      case BARRIER_AND:
        return barrierCount_ == threads_;
      case BARRIER_OR:
        return barrierCount_ != 0;
    }
    return 0;
  }

  void together(unsigned mask, const char* name, SimulatorTogether what, void* mine) {
    Thread* self = current_;
    unsigned lane = self->number % 32;
    unsigned first = self->number - lane;
    if (((mask >> lane) & 1) == 0) {
      fail(LAUNCH_FAILED, "%s: the lane isn't one of those named, %08x", name, mask);
    }
    self->wait = Wait::WARP;
    self->mask = mask;
    self->togetherName = name;
    self->together = what;
    self->mine = mine;
    Warp& warp = warps_[self->number / 32];
    warp.waiting |= 1u << lane;
    if ((mask & ~warp.waiting) != 0) {
      unsigned never = mask & (warp.missing | warp.finished | warp.atBarrier);
      if (never != 0) {
        unsigned i = unsigned(__builtin_ctz(never));
        fail(LAUNCH_FAILED, "%s names lane %u, %s", name, i,
             ((warp.missing >> i) & 1) != 0        ? "which the block hasn't"
                 : ((warp.finished >> i) & 1) != 0 ? "whose thread has returned"
                                                   : "which is at __syncthreads");
      }
      giveWay();
      return;
    }
    void* lanes[32] = {};
    for (unsigned left = mask; left != 0; left &= left - 1) {
      unsigned i = unsigned(__builtin_ctz(left));
      Thread& other = *all_[first + i];
      if (other.together != what || other.mask != mask) {
        fail(LAUNCH_FAILED, "%s for lanes %08x, where lane %u is at %s for lanes %08x", name, mask, i,
             other.togetherName, other.mask);
      }
      lanes[i] = other.mine != nullptr ? other.mine : &lanes;
    }
    warp.waiting &= ~mask;
    const char* wrong = what(mask, lanes);
    if (wrong != nullptr) {
      fail(LAUNCH_FAILED, "%s: %s", name, wrong);
    }
    makeReady(first, 32, mask);
    giveWay();
  }

  void tellWhoWaits() {
    unsigned barrier = 0, warp = 0;
    const Thread* first = nullptr;
    for (unsigned i = 0; i < threads_; i++) {
      barrier += all_[i]->wait == Wait::BARRIER;
      warp += all_[i]->wait == Wait::WARP;
      if (first == nullptr && all_[i]->wait == Wait::WARP) {
        first = all_[i].get();
      }
    }
    current_ = nullptr;
    if (first != nullptr) {
      report(LAUNCH_FAILED,
             "of %u threads %u wait at __syncthreads, %u have returned and %u wait for lanes of their "
             "warp, such as thread %u at %s for lanes %08x",
             threads_, barrier, finished_, warp, first->number, first->togetherName, first->mask);
    } else {
      report(LAUNCH_FAILED, "of %u threads only %u came to __syncthreads, %u have returned", threads_,
             barrier, finished_);
    }
  }

  SimulatorRange rangeOf(const void* address, size_t bytes, const char* does) {
    if (launch_ == nullptr) {
      return {nullptr, 0};  // the library's own doing, before a launch
    }
    SimulatorRange range = launch_->allocationOf(address, bytes);
    if (range.bytes == 0) {
      fail(ILLEGAL_ADDRESS, "%s %zu bytes at %p, %s", does, bytes, address, launch_->describe(address).c_str());
    }
    return range;
  }

  // ---- copies that take their time ----

  // Until it's awaited nobody may read the place: it's filled with the poison.
  void beginCopy(const Copy& copy) {
    if (reinterpret_cast<uintptr_t>(copy.global) % copy.bytes != 0) {
      fail(MISALIGNED_ADDRESS, "cp.async from %p, not aligned to %zu bytes", copy.global, copy.bytes);
    }
    if (copy.there && launch_->allocationOf) {
      rangeOf(copy.global, copy.bytes, "copies asynchronously");
    }
    memset(copy.shared, POISON, copy.bytes);
    current_->copies.push_back(copy);
  }

  void commitCopies() { current_->copiesToGroup.push_back(current_->copies.size()); }

  void awaitCopies(int newest) {
    Thread& self = *current_;
    if (self.copiesToGroup.size() <= size_t(newest)) {
      return;
    }
    size_t groups = self.copiesToGroup.size() - size_t(newest);
    size_t done = self.copiesToGroup[groups - 1];
    for (size_t i = 0; i < done; i++) {
      const Copy& copy = self.copies[i];
      if (copy.there) {
        memcpy(copy.shared, copy.global, copy.bytes);
      } else {
        memset(copy.shared, 0, copy.bytes);
      }
    }
    self.copies.erase(self.copies.begin(), self.copies.begin() + ptrdiff_t(done));
    self.copiesToGroup.erase(self.copiesToGroup.begin(),
                             self.copiesToGroup.begin() + ptrdiff_t(groups));
    for (size_t& group : self.copiesToGroup) {
      group -= done;
    }
  }

  // ---- what goes wrong ----

  void report(int error, const char* format, ...) __attribute__((format(printf, 3, 4))) {
    va_list arguments;
    va_start(arguments, format);
    reportAll(error, format, arguments);
    va_end(arguments);
  }

  void reportAll(int error, const char* format, va_list arguments) {
    char message[512], where[256] = "";
    vsnprintf(message, sizeof message, format, arguments);
    const SimulatorIndex& block = launch_->state->block;
    if (current_ != nullptr) {
      const SimulatorIndex& thread = current_->index;
      snprintf(where, sizeof where, ", thread (%u,%u,%u)", thread.x, thread.y, thread.z);
    }
    char all[1024];
    snprintf(all, sizeof all, "kernel %s, block (%u,%u,%u)%s: %s", launch_->name.c_str(), block.x,
             block.y, block.z, where, message);
    error_ = error;
    problem_ = all;
    fprintf(stderr, "cuda-simulator: %s\n", all);
  }

  // Ends the launch; the threads stay where they are, for good.
  [[noreturn]] void fail(int error, const char* format, ...) __attribute__((format(printf, 3, 4))) {
    va_list arguments;
    va_start(arguments, format);
    reportAll(error, format, arguments);
    va_end(arguments);
    void* nobody;
    switchStack(&nobody, main_);
    __builtin_unreachable();
  }

  // ---- signals, which a kernel's bad address gives ----

  // On a stack of their own, since the fiber's may be full.
  static void catchSignals(struct sigaction (&before)[3], stack_t* stackBefore) {
    static char signals[64 << 10];
    stack_t stack = {};
    stack.ss_sp = signals;
    stack.ss_size = sizeof signals;
    sigaltstack(&stack, stackBefore);
    struct sigaction action = {};
    action.sa_sigaction = &Engine::onSignal;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER | SA_RESTART;
    sigemptyset(&action.sa_mask);
    sigaction(SIGSEGV, &action, &before[0]);
    sigaction(SIGBUS, &action, &before[1]);
    sigaction(SIGILL, &action, &before[2]);
    Engine& engine = get();
    engine.before_[0] = before[0];
    engine.before_[1] = before[1];
    engine.before_[2] = before[2];
    engine.runner_ = pthread_self();
  }

  static void onSignal(int number, siginfo_t* info, void* context) {
    Engine& engine = get();
    greg_t* registers = static_cast<ucontext_t*>(context)->uc_mcontext.gregs;
    char* at = reinterpret_cast<char*>(registers[REG_RSP]);
    Thread* thread = engine.current_;
    if (!pthread_equal(engine.runner_, pthread_self()) || thread == nullptr || thread->stack == nullptr
        || at < thread->stack || at > thread->stack + STACK_BYTES) {
      const struct sigaction& before =
          engine.before_[number == SIGSEGV ? 0 : number == SIGBUS ? 1 : 2];
      if ((before.sa_flags & SA_SIGINFO) != 0) {
        before.sa_sigaction(number, info, context);
      } else if (before.sa_handler == SIG_DFL) {
        sigaction(number, &before, nullptr);
      } else if (before.sa_handler != SIG_IGN) {
        before.sa_handler(number);
      }
      return;
    }
    engine.signal_ = number;
    engine.signalAddress_ = info->si_addr;
    // go on in onBadAddress, on the thread's stack from its top: what is there isn't needed any more
    registers[REG_RSP] = reinterpret_cast<greg_t>(topOf(thread->stack)) - 8;
    registers[REG_RIP] = reinterpret_cast<greg_t>(&Engine::onBadAddress);
  }

  static void onBadAddress() {
    Engine& engine = get();
    if (engine.signal_ == SIGILL) {
      engine.fail(MISALIGNED_ADDRESS,
                  "a misaligned address, or an index beyond an array's end, at instruction %p",
                  engine.signalAddress_);
    }
    if (engine.signalAddress_ >= engine.current_->stack
        && engine.signalAddress_ < engine.current_->stack + 4096) {
      engine.fail(LAUNCH_FAILED, "the thread's stack of %zu KiB is full", STACK_BYTES >> 10);
    }
    engine.fail(ILLEGAL_ADDRESS, "no memory at %p (null: perhaps a misaligned address)",
                engine.signalAddress_);
  }

  static constexpr unsigned ALL = 0xffffffffu;

  SimulatorEngine functions_;
  uint64_t random_;
  const Launch* launch_ = nullptr;
  int error_ = 0;
  std::string problem_;
  char* sharedBegin_ = nullptr;
  char* shared_ = nullptr;
  size_t sharedBytes_ = 0;
  std::vector<std::unique_ptr<Thread>> all_;
  std::vector<Warp> warps_;
  unsigned threads_ = 0;
  std::vector<Thread*> ready_;
  std::vector<unsigned> order_;
  std::vector<char*> stacks_;  // free ones
  char* stacksBegin_ = nullptr;
  size_t stacksTaken_ = 0;
  Thread* current_ = nullptr;
  void* main_ = nullptr;
  unsigned finished_ = 0, atBarrier_ = 0, barrierCount_ = 0;
  struct sigaction before_[3];
  pthread_t runner_;
  volatile int signal_ = 0;
  void* volatile signalAddress_ = nullptr;
};

}  // namespace simulator
