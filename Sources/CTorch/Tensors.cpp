// Handles, making and reading, shapes, elementwise operations, reductions.
#include "Guard.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/maximum.h>
#include <ATen/ops/minimum.h>
#include <ATen/ops/one_hot.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cstring>
#include <type_traits>

using namespace ctorch;

// MARK: Handles

CTorchHandle ctorch_retain(CTorchHandle tensor) { return give(borrow(tensor)); }

void ctorch_release(CTorchHandle tensor) { c10::raw::intrusive_ptr::decref(impl(tensor)); }

long ctorch_rank(CTorchHandle tensor) { return impl(tensor)->dim(); }

long ctorch_count(CTorchHandle tensor) { return impl(tensor)->numel(); }

void ctorch_shape(CTorchHandle tensor, long *shape) {
  const auto sizes = impl(tensor)->sizes();
  std::copy(sizes.begin(), sizes.end(), shape);
}

long ctorch_size(CTorchHandle tensor, long dimension) {
  const auto sizes = impl(tensor)->sizes();
  const long rank = static_cast<long>(sizes.size());
  if (dimension < 0) dimension += rank;
  return dimension >= 0 && dimension < rank ? sizes[dimension] : 1;
}

int ctorch_dtype(CTorchHandle tensor) { return static_cast<int>(c10::typeMetaToScalarType(impl(tensor)->dtype())); }

int ctorch_device(CTorchHandle tensor) {
  const auto device = impl(tensor)->device();
  return device.is_cpu() ? -1 : static_cast<int>(device.index());
}

// MARK: Making and reading

int ctorch_full(const long *shape, long rank, double value, int dtype, int device, CTorchHandle *out) {
  return making(out, [&] {
    return value == 0 ? at::zeros(list(shape, rank), options(dtype, device))
                      : at::full(list(shape, rank), value, options(dtype, device));
  });
}

int ctorch_empty(const long *shape, long rank, int dtype, int device, CTorchHandle *out) {
  return making(out, [&] { return at::empty(list(shape, rank), options(dtype, device)); });
}

int ctorch_arange(long count, int dtype, int device, CTorchHandle *out) {
  return making(out, [&] { return at::arange(count, options(dtype, device)); });
}

int ctorch_from_bytes(
    const void *bytes, long byteCount, const long *shape, long rank, int dtype, int device, CTorchHandle *out) {
  return making(out, [&] {
    auto tensor = at::empty(list(shape, rank), options(dtype, -1));
    TORCH_CHECK(
        static_cast<long>(tensor.nbytes()) == byteCount, "the shape ", tensor.sizes(), " takes ", tensor.nbytes(),
        " bytes, but ", byteCount, " were given");
    if (byteCount > 0) std::memcpy(tensor.mutable_data_ptr(), bytes, byteCount);
    return device < 0 ? tensor : tensor.to(ctorch::device(device));
  });
}

int ctorch_copy_to_host(CTorchHandle a, int dtype, void *bytes, long byteCount) {
  return guarded([&] {
    const c10::NoGradGuard noGradient;
    const auto tensor = borrow(a).to(at::kCPU, static_cast<at::ScalarType>(dtype)).contiguous();
    TORCH_CHECK(static_cast<long>(tensor.nbytes()) == byteCount, "the buffer has ", byteCount, " bytes");
    if (byteCount > 0) std::memcpy(bytes, tensor.const_data_ptr(), byteCount);
  });
}

int ctorch_data(CTorchHandle a, void **data) {
  return guarded([&] {
    const auto tensor = borrow(a);
    TORCH_CHECK(tensor.is_cpu() && tensor.is_contiguous(), "only a contiguous tensor on the host can be seen in place");
    *data = tensor.mutable_data_ptr();
  });
}

int ctorch_item(CTorchHandle a, double *value) {
  return guarded([&] { *value = borrow(a).item().toDouble(); });
}

// MARK: Elementwise

int ctorch_unary(CTorchUnary operation, CTorchHandle handle, CTorchHandle *out) {
  return making(out, [&]() -> at::Tensor {
    const auto a = borrow(handle);
    switch (operation) {
      case CTORCH_NEG: return a.neg();
      case CTORCH_EXP: return a.exp();
      case CTORCH_LOG: return a.log();
      case CTORCH_SQRT: return a.sqrt();
      case CTORCH_RSQRT: return a.rsqrt();
      case CTORCH_SIN: return a.sin();
      case CTORCH_COS: return a.cos();
      case CTORCH_TANH: return a.tanh();
      case CTORCH_SILU: return at::silu(a);
      case CTORCH_GELU: return at::gelu(a);
      case CTORCH_RELU: return a.relu();
      case CTORCH_SIGMOID: return a.sigmoid();
      case CTORCH_ABS: return a.abs();
      case CTORCH_SIGN: return a.sign();
      case CTORCH_FLOOR: return a.floor();
      case CTORCH_IS_FINITE: return a.isfinite();
      case CTORCH_NOT: return a.logical_not();
      case CTORCH_CLONE: return a.clone();
      case CTORCH_CONTIGUOUS: return a.contiguous();
      case CTORCH_DETACH: return a.detach();
      case CTORCH_ZEROS_LIKE: return at::zeros_like(a);
    }
    TORCH_CHECK(false, "unknown operation ", static_cast<int>(operation));
  });
}

namespace {
/// `b` is a tensor or a scalar.
template <class B>
at::Tensor combine(CTorchBinary operation, const at::Tensor &a, const B &b) {
  switch (operation) {
    case CTORCH_ADD: return a.add(b);
    case CTORCH_SUB: return a.sub(b);
    case CTORCH_MUL: return a.mul(b);
    case CTORCH_DIV: return a.div(b);
    case CTORCH_POW: return a.pow(b);
    case CTORCH_EQ: return a.eq(b);
    case CTORCH_NE: return a.ne(b);
    case CTORCH_LT: return a.lt(b);
    case CTORCH_LE: return a.le(b);
    case CTORCH_GT: return a.gt(b);
    case CTORCH_GE: return a.ge(b);
    default: break;
  }
  if constexpr (std::is_same_v<B, at::Tensor>) {
    switch (operation) {
      case CTORCH_MINIMUM: return at::minimum(a, b);
      case CTORCH_MAXIMUM: return at::maximum(a, b);
      case CTORCH_AND: return a.logical_and(b);
      case CTORCH_OR: return a.logical_or(b);
      case CTORCH_MATMUL: return at::matmul(a, b);
      default: break;
    }
  }
  TORCH_CHECK(false, "no such operation on these operands: ", static_cast<int>(operation));
}
}  // namespace

int ctorch_binary(CTorchBinary operation, CTorchHandle a, CTorchHandle b, CTorchHandle *out) {
  return making(out, [&] { return combine(operation, borrow(a), borrow(b)); });
}

int ctorch_binary_scalar(CTorchBinary operation, CTorchHandle a, double b, CTorchHandle *out) {
  return making(out, [&] {
    const auto tensor = borrow(a);
    // An integer stays one: dividing is the only operation that leaves the integers.
    const bool whole = !tensor.is_floating_point() && b == static_cast<double>(static_cast<long>(b));
    return combine(operation, tensor, whole ? at::Scalar(static_cast<int64_t>(b)) : at::Scalar(b));
  });
}

int ctorch_clamp(CTorchHandle a, double lower, double upper, CTorchHandle *out) {
  return making(out, [&] { return borrow(a).clamp(lower, upper); });
}

int ctorch_where(CTorchHandle condition, CTorchHandle a, CTorchHandle b, CTorchHandle *out) {
  return making(out, [&] { return at::where(borrow(condition), borrow(a), borrow(b)); });
}

int ctorch_masked_fill(CTorchHandle a, CTorchHandle mask, double value, CTorchHandle *out) {
  return making(out, [&] { return borrow(a).masked_fill(borrow(mask), value); });
}

int ctorch_cast(CTorchHandle a, int dtype, CTorchHandle *out) {
  return making(out, [&] { return borrow(a).to(static_cast<at::ScalarType>(dtype)); });
}

int ctorch_to_device(CTorchHandle a, int device, CTorchHandle *out) {
  return making(out, [&] { return borrow(a).to(ctorch::device(device)); });
}

int ctorch_copy_(CTorchHandle a, CTorchHandle source) {
  return guarded([&] { borrow(a).copy_(borrow(source)); });
}

int ctorch_add_(CTorchHandle a, CTorchHandle b, double scale) {
  return guarded([&] { borrow(a).add_(borrow(b), scale); });
}

int ctorch_fill_(CTorchHandle a, double value) {
  return guarded([&] { borrow(a).fill_(value); });
}

// MARK: Shapes and indices

int ctorch_reshape(CTorchHandle a, const long *shape, long rank, CTorchHandle *out) {
  return making(out, [&] { return borrow(a).reshape(list(shape, rank)); });
}

int ctorch_transpose(CTorchHandle a, long first, long second, CTorchHandle *out) {
  return making(out, [&] { return borrow(a).transpose(first, second); });
}

int ctorch_permute(CTorchHandle a, const long *order, long rank, CTorchHandle *out) {
  return making(out, [&] { return borrow(a).permute(list(order, rank)); });
}

int ctorch_expand(CTorchHandle a, const long *shape, long rank, CTorchHandle *out) {
  return making(out, [&] { return borrow(a).expand(list(shape, rank)); });
}

int ctorch_unsqueeze(CTorchHandle a, long dimension, CTorchHandle *out) {
  return making(out, [&] { return borrow(a).unsqueeze(dimension); });
}

int ctorch_squeeze(CTorchHandle a, long dimension, CTorchHandle *out) {
  return making(out, [&] { return borrow(a).squeeze(dimension); });
}

int ctorch_flatten(CTorchHandle a, long from, long through, CTorchHandle *out) {
  return making(out, [&] { return borrow(a).flatten(from, through); });
}

int ctorch_narrow(CTorchHandle a, long dimension, long start, long length, CTorchHandle *out) {
  return making(out, [&] { return borrow(a).narrow(dimension, start, length); });
}

int ctorch_slice(CTorchHandle a, long dimension, long start, long end, long step, CTorchHandle *out) {
  return making(out, [&] { return borrow(a).slice(dimension, start, end, step); });
}

int ctorch_select(CTorchHandle a, long dimension, long index, CTorchHandle *out) {
  return making(out, [&] { return borrow(a).select(dimension, index); });
}

int ctorch_cat(const CTorchHandle *tensors, long count, long dimension, CTorchHandle *out) {
  return making(out, [&] { return at::cat(borrowAll(tensors, count), dimension); });
}

int ctorch_stack(const CTorchHandle *tensors, long count, long dimension, CTorchHandle *out) {
  return making(out, [&] { return at::stack(borrowAll(tensors, count), dimension); });
}

int ctorch_split(CTorchHandle a, const long *lengths, long count, long dimension, CTorchHandle *out) {
  return guarded([&] {
    auto parts = borrow(a).split_with_sizes(list(lengths, count), dimension);
    for (long i = 0; i < count; i++) out[i] = give(std::move(parts[i]));
  });
}

int ctorch_index_select(CTorchHandle a, long dimension, CTorchHandle index, CTorchHandle *out) {
  return making(out, [&] { return borrow(a).index_select(dimension, borrow(index)); });
}

int ctorch_gather(CTorchHandle a, long dimension, CTorchHandle index, CTorchHandle *out) {
  return making(out, [&] { return borrow(a).gather(dimension, borrow(index)); });
}

int ctorch_scatter(CTorchHandle a, long dimension, CTorchHandle index, CTorchHandle source, CTorchHandle *out) {
  return making(out, [&] { return borrow(a).scatter(dimension, borrow(index), borrow(source)); });
}

int ctorch_index_copy(CTorchHandle a, long dimension, CTorchHandle index, CTorchHandle source, CTorchHandle *out) {
  return making(out, [&] { return borrow(a).index_copy(dimension, borrow(index), borrow(source)); });
}

int ctorch_index_copy_(CTorchHandle a, long dimension, CTorchHandle index, CTorchHandle source) {
  return guarded([&] { borrow(a).index_copy_(dimension, borrow(index), borrow(source)); });
}

int ctorch_index_add(CTorchHandle a, long dimension, CTorchHandle index, CTorchHandle source, CTorchHandle *out) {
  return making(out, [&] { return borrow(a).index_add(dimension, borrow(index), borrow(source)); });
}

int ctorch_masked_scatter(CTorchHandle a, CTorchHandle mask, CTorchHandle source, CTorchHandle *out) {
  return making(out, [&] { return borrow(a).masked_scatter(borrow(mask), borrow(source)); });
}

int ctorch_repeat_interleave(CTorchHandle a, long times, long dimension, CTorchHandle *out) {
  return making(out, [&] { return borrow(a).repeat_interleave(times, dimension); });
}

int ctorch_tril(CTorchHandle a, long diagonal, CTorchHandle *out) {
  return making(out, [&] { return borrow(a).tril(diagonal); });
}

int ctorch_one_hot(CTorchHandle a, long classes, CTorchHandle *out) {
  return making(out, [&] { return at::one_hot(borrow(a), classes); });
}

// MARK: Reductions and orders

int ctorch_reduce(CTorchReduction operation, CTorchHandle handle, long dimension, int keep, CTorchHandle *out) {
  return making(out, [&]() -> at::Tensor {
    const auto a = borrow(handle);
    switch (operation) {
      case CTORCH_SUM: return a.sum(dimension, keep != 0);
      case CTORCH_MEAN: return a.mean(dimension, keep != 0);
      case CTORCH_AMAX: return a.amax(dimension, keep != 0);
      case CTORCH_AMIN: return a.amin(dimension, keep != 0);
      case CTORCH_ARGMAX: return a.argmax(dimension, keep != 0);
      case CTORCH_LOGSUMEXP: return a.logsumexp(dimension, keep != 0);
      case CTORCH_ALL: return a.all(dimension, keep != 0);
      case CTORCH_ANY: return a.any(dimension, keep != 0);
    }
    TORCH_CHECK(false, "unknown reduction ", static_cast<int>(operation));
  });
}

int ctorch_reduce_all(CTorchReduction operation, CTorchHandle handle, CTorchHandle *out) {
  return making(out, [&]() -> at::Tensor {
    const auto a = borrow(handle);
    switch (operation) {
      case CTORCH_SUM: return a.sum();
      case CTORCH_MEAN: return a.mean();
      case CTORCH_AMAX: return a.amax();
      case CTORCH_AMIN: return a.amin();
      case CTORCH_ALL: return a.all();
      case CTORCH_ANY: return a.any();
      case CTORCH_ARGMAX: return a.argmax();
      case CTORCH_LOGSUMEXP: break;
    }
    TORCH_CHECK(false, "unknown reduction ", static_cast<int>(operation));
  });
}

int ctorch_cumsum(CTorchHandle a, long dimension, CTorchHandle *out) {
  return making(out, [&] { return borrow(a).cumsum(dimension); });
}

int ctorch_softmax(CTorchHandle a, long dimension, CTorchHandle *out) {
  return making(out, [&] { return borrow(a).softmax(dimension); });
}

int ctorch_log_softmax(CTorchHandle a, long dimension, CTorchHandle *out) {
  return making(out, [&] { return borrow(a).log_softmax(dimension); });
}

int ctorch_sort(CTorchHandle a, long dimension, int descending, CTorchHandle *values, CTorchHandle *indices) {
  return guarded([&] {
    auto [sorted, order] = borrow(a).sort(/*stable=*/true, dimension, descending != 0);
    *values = give(std::move(sorted));
    *indices = give(std::move(order));
  });
}

int ctorch_topk(CTorchHandle a, long count, long dimension, CTorchHandle *values, CTorchHandle *indices) {
  return guarded([&] {
    auto [sorted, order] = borrow(a).topk(count, dimension);
    *values = give(std::move(sorted));
    *indices = give(std::move(order));
  });
}
