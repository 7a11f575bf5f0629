// The process: threads, determinism, the CUDA half, the last error.
#include "Guard.h"
#include "Parallel.h"

#include <ATen/Context.h>
#include <ATen/DeviceAccelerator.h>
#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>
#include <dlfcn.h>
#include <malloc.h>
#include <torch/version.h>

#include <algorithm>
#include <stdexcept>
#include <string>

namespace {
thread_local std::string lastError;

// Swift's `DType.scalarType` counts on these.
static_assert(static_cast<int>(at::kByte) == 0 && static_cast<int>(at::kChar) == 1);
static_assert(static_cast<int>(at::kShort) == 2 && static_cast<int>(at::kInt) == 3);
static_assert(static_cast<int>(at::kLong) == 4 && static_cast<int>(at::kHalf) == 5);
static_assert(static_cast<int>(at::kFloat) == 6 && static_cast<int>(at::kDouble) == 7);
static_assert(static_cast<int>(at::kBool) == 11 && static_cast<int>(at::kBFloat16) == 15);
}  // namespace

/// Keeps the first line: libtorch appends hints for its own developers.
void ctorch::setLastError(const char *text) noexcept {
  try {
    lastError.assign(text);
    lastError.resize(std::min(lastError.find('\n'), lastError.size()));
  } catch (...) {
    lastError.clear();
  }
}

void ctorch::onEachThread(void (*run)(void *context, long thread, long threads), void *context) {
  // Those of OpenMP's runtime that libtorch has brought with it.
  static const auto parallel = reinterpret_cast<void (*)(void (*)(void *), void *, unsigned, unsigned)>(dlsym(RTLD_DEFAULT, "GOMP_parallel"));
  static const auto thread = reinterpret_cast<int (*)()>(dlsym(RTLD_DEFAULT, "omp_get_thread_num"));
  static const auto threads = reinterpret_cast<int (*)()>(dlsym(RTLD_DEFAULT, "omp_get_num_threads"));
  if (!parallel || !thread || !threads || at::get_num_threads() == 1 || at::in_parallel_region()) return run(context, 0, 1);
  struct Call {
    void (*run)(void *, long, long);
    void *context;
  } call{run, context};
  parallel(
      [](void *argument) {
        const Call &call = *static_cast<Call *>(argument);
        call.run(call.context, thread(), threads());
      },
      &call, /*threads: as many as are set*/ 0, /*flags=*/0);
}

const char *ctorch_last_error(void) { return lastError.c_str(); }

const char *ctorch_version(void) { return TORCH_VERSION; }

int ctorch_set_threads(int threads) {
  return ctorch::guarded([&] {
    static const bool once = [] {
      at::set_num_interop_threads(1);
      // Activations come and go by the megabyte: keeping their pages saves an eighth of a training step in page faults.
      mallopt(M_MMAP_THRESHOLD, 32 << 20);
      mallopt(M_TRIM_THRESHOLD, 1 << 30);
      return true;
    }();
    (void)once;
    at::set_num_threads(threads);
  });
}

int ctorch_threads(void) { return at::get_num_threads(); }

int ctorch_set_deterministic(int flag) {
  return ctorch::guarded([&] {
    at::globalContext().setDeterministicAlgorithms(flag != 0, /*warn_only=*/false);
    // Filling fresh memory would hide no bit here: every operation of the shim writes what it returns.
    at::globalContext().setDeterministicFillUninitializedMemory(false);
  });
}

int ctorch_open_cuda(int *devices) {
  return ctorch::guarded([&] {
    // libtorch remembers whether CUDA is there when first asked: the library must be open before that.
    static const std::string failure = []() -> std::string {
      if (dlopen("libtorch_cuda.so", RTLD_NOW | RTLD_GLOBAL)) return "";
      std::string first = dlerror();
      Dl_info info;
      if (dladdr(reinterpret_cast<const void *>(&at::get_num_threads), &info) && info.dli_fname) {
        std::string path = info.dli_fname;
        path = path.substr(0, path.rfind('/') + 1) + "libtorch_cuda.so";
        if (dlopen(path.c_str(), RTLD_NOW | RTLD_GLOBAL)) return "";
        first = dlerror();
      }
      return first;
    }();
    if (!failure.empty()) throw std::runtime_error(failure);
    if (!at::globalContext().hasCUDA()) throw std::runtime_error("no CUDA device answers");
    *devices = static_cast<int>(at::globalContext().getAcceleratorHooksInterface(at::kCUDA).deviceCount());
  });
}

void ctorch_set_last_error(const char *text) { ctorch::setLastError(text); }

int ctorch_grad_enabled(void) { return c10::GradMode::is_enabled(); }
int ctorch_cuda_free_memory(int device, long *bytes) {
  return ctorch::guarded([&] {
    *bytes = static_cast<long>(at::accelerator::getMemoryInfo(static_cast<c10::DeviceIndex>(device)).first);
  });
}

int ctorch_set_grad_enabled(int flag) {
  const int before = c10::GradMode::is_enabled();
  c10::GradMode::set_enabled(flag != 0);
  return before;
}
