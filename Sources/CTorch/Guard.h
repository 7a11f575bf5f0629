// What every file of the shim shares: handles, statuses and the text of the last error.
#pragma once

// Parsing libtorch's headers is nearly all the time that the shim takes to compile, and <ATen/ATen.h> declares every operator:
// each file names the operators it calls as functions, and this macro makes libtorch's own headers do the same.
#define AT_PER_OPERATOR_HEADERS

#include <ATen/core/Tensor.h>

#include <exception>
#include <utility>
#include <vector>

#include "include/CTorch.h"

namespace ctorch {

void setLastError(const char *text) noexcept;

/// Runs `body`; an exception becomes status 1 and its text the last error.
template <class Body>
inline int guarded(Body &&body) noexcept {
  try {
    body();
    return 0;
  } catch (const c10::Error &error) {
    setLastError(error.what_without_backtrace());
  } catch (const std::exception &error) {
    setLastError(error.what());
  } catch (...) {
    setLastError("an error of unknown type");
  }
  return 1;
}

using Pointer = c10::intrusive_ptr<at::TensorImpl, at::UndefinedTensorImpl>;

/// The tensor behind a handle, which keeps its own reference.
inline at::Tensor borrow(CTorchHandle handle) {
  return at::Tensor(Pointer::unsafe_reclaim_from_nonowning(reinterpret_cast<at::TensorImpl *>(handle)));
}

/// A handle that owns the reference `tensor` held.
inline CTorchHandle give(at::Tensor &&tensor) {
  return reinterpret_cast<CTorchHandle>(tensor.unsafeReleaseTensorImpl());
}

inline at::TensorImpl *impl(CTorchHandle handle) { return reinterpret_cast<at::TensorImpl *>(handle); }

/// Runs an expression that makes a tensor and leaves its handle in `out`.
template <class Body>
inline int making(CTorchHandle *out, Body &&body) noexcept {
  return guarded([&] { *out = give(body()); });
}

inline std::vector<at::Tensor> borrowAll(const CTorchHandle *handles, long count) {
  std::vector<at::Tensor> tensors;
  tensors.reserve(count);
  for (long i = 0; i < count; i++) tensors.push_back(borrow(handles[i]));
  return tensors;
}

inline at::IntArrayRef list(const long *values, long count) { return {values, static_cast<size_t>(count)}; }

inline at::Device device(int index) {
  return index < 0 ? at::Device(at::kCPU) : at::Device(at::kCUDA, static_cast<c10::DeviceIndex>(index));
}

inline at::TensorOptions options(int dtype, int deviceIndex) {
  return at::TensorOptions().dtype(static_cast<at::ScalarType>(dtype)).device(device(deviceIndex));
}

}  // namespace ctorch
