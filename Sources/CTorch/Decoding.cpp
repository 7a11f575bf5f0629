// Decoding: attention of one new token a row to the keys and values cached so far. Where libtorch would take a dozen calls
// on a handful of numbers each, it is one pass here.
#include "Guard.h"

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

using namespace ctorch;

namespace {

struct Sizes {
  long heads, keyHeads, width, slots, slot;
};

typedef float Lanes __attribute__((vector_size(32), aligned(4)));
constexpr long lanes = sizeof(Lanes) / sizeof(float);

/// y[0 ..< width] = x turned by the angles; the pairs are (i, i + width / 2).
inline void turn(const float *x, const float *cosine, const float *sine, float *y, long width) {
  const long half = width / 2;
  for (long i = 0; i < half; i++) {
    y[i] = x[i] * cosine[i] - x[i + half] * sine[i];
    y[i + half] = x[i + half] * cosine[i + half] + x[i] * sine[i + half];
  }
}

/// One row: adds its key and value to the caches [keyHeads, slots, width] and attends to all of them.
///
/// - projected: queries, keys and values [heads + 2 * keyHeads, width]; mask: added to the scores [slots], or null.
/// - scratch: width + slot + 1 numbers.
__attribute__((target_clones("arch=x86-64-v3", "default"))) void attendRow(
    const float *projected, const float *cosine, const float *sine, float *keys, float *values, const float *mask,
    float *found, float *scratch, Sizes s) {
  const long width = s.width, whole = width / lanes * lanes, count = s.slot + 1;
  const float scale = 1 / std::sqrt(static_cast<float>(width));
  for (long head = 0; head < s.keyHeads; head++) {
    const long place = (head * s.slots + s.slot) * width;
    turn(projected + (s.heads + head) * width, cosine, sine, keys + place, width);
    std::copy_n(projected + (s.heads + s.keyHeads + head) * width, width, values + place);
  }
  float *query = scratch, *scores = scratch + width;
  for (long head = 0; head < s.heads; head++) {
    const long start = head / (s.heads / s.keyHeads) * s.slots * width;
    turn(projected + head * width, cosine, sine, query, width);
    float largest = -INFINITY;
    for (long slot = 0; slot < count; slot++) {
      const float *key = keys + start + slot * width;
      Lanes sums = {};
      for (long i = 0; i < whole; i += lanes)
        sums += *reinterpret_cast<const Lanes *>(query + i) * *reinterpret_cast<const Lanes *>(key + i);
      float score = 0;
      for (long i = 0; i < lanes; i++) score += sums[i];
      for (long i = whole; i < width; i++) score += query[i] * key[i];
      score = score * scale + (mask ? mask[slot] : 0);
      scores[slot] = score;
      largest = std::max(largest, score);
    }
    float total = 0;
    for (long slot = 0; slot < count; slot++) total += scores[slot] = std::exp(scores[slot] - largest);
    float *result = found + head * width;
    std::fill_n(result, width, 0);
    for (long slot = 0; slot < count; slot++) {
      const float *value = values + start + slot * width;
      const float weight = scores[slot] / total;
      for (long i = 0; i < whole; i += lanes)
        *reinterpret_cast<Lanes *>(result + i) += weight * *reinterpret_cast<const Lanes *>(value + i);
      for (long i = whole; i < width; i++) result[i] += weight * value[i];
    }
  }
}

/// The same out of libtorch's operations, for other devices and dtypes.
at::Tensor attendComposed(
    const at::Tensor &projected, const at::Tensor &cosine, const at::Tensor &sine, const at::Tensor &cache,
    const std::optional<at::Tensor> &mask, long step, Sizes s) {
  const long rows = projected.size(0);
  const auto all = projected.view({rows, s.heads + 2 * s.keyHeads, 1, s.width});
  const auto x = all.narrow(1, 0, s.heads + s.keyHeads);
  const auto halves = x.chunk(2, -1);
  const auto turned =
      x * cosine.narrow(2, step, 1) + at::cat({halves[1].neg(), halves[0]}, -1) * sine.narrow(2, step, 1);
  cache.select(0, 0).narrow(2, s.slot, 1).copy_(turned.narrow(1, s.heads, s.keyHeads));
  cache.select(0, 1).narrow(2, s.slot, 1).copy_(all.narrow(1, s.heads + s.keyHeads, s.keyHeads));
  const auto seen = cache.narrow(3, 0, s.slot + 1);
  const auto queries = turned.narrow(1, 0, s.heads).reshape({rows, s.keyHeads, s.heads / s.keyHeads, s.width});
  return at::scaled_dot_product_attention(
             queries, seen.select(0, 0), seen.select(0, 1),
             mask ? std::optional(mask->narrow(3, 0, s.slot + 1)) : std::nullopt)
      .reshape({rows, s.heads * s.width});
}

}  // namespace

int ctorch_attend_step(
    CTorchHandle projectedHandle, CTorchHandle cosineHandle, CTorchHandle sineHandle, CTorchHandle cacheHandle,
    CTorchHandle maskHandle, long step, long slot, long heads, CTorchHandle *out) {
  return making(out, [&] {
    const at::NoGradGuard noGradient;
    const auto projected = borrow(projectedHandle).contiguous();
    const auto cosine = borrow(cosineHandle), sine = borrow(sineHandle), cache = borrow(cacheHandle);
    const auto mask = maskHandle ? std::optional(borrow(maskHandle)) : std::nullopt;
    TORCH_CHECK(
        cache.dim() == 5 && cache.size(0) == 2 && cache.is_contiguous(),
        "the cache must be a contiguous [2, rows, keyHeads, slots, width]");
    const long rows = cache.size(1);
    const Sizes s{heads, cache.size(2), cache.size(4), cache.size(3), slot};
    TORCH_CHECK(
        heads > 0 && s.keyHeads > 0 && heads % s.keyHeads == 0 && s.width % 2 == 0 && projected.dim() == 2 &&
            projected.size(0) == rows && projected.size(1) == (heads + 2 * s.keyHeads) * s.width,
        "the projections must be [rows, (heads + 2 keyHeads) width], fitting the cache");
    TORCH_CHECK(slot >= 0 && slot < s.slots, "slot ", slot, " is outside of the cache of ", s.slots);
    for (const auto &angles : {cosine, sine})
      TORCH_CHECK(
          angles.dim() == 4 && (angles.size(0) == 1 || angles.size(0) == rows) && angles.size(1) == 1 && step >= 0 &&
              step < angles.size(2) && angles.size(3) == s.width && angles.is_contiguous(),
          "the angles must be a contiguous [rows or 1, 1, more than ", step, ", width]");
    TORCH_CHECK(
        !mask || (mask->dim() == 4 && mask->size(0) == rows && mask->size(3) == s.slots && mask->is_contiguous() &&
                  mask->numel() == rows * s.slots),
        "the mask must be a contiguous [rows, 1, 1, slots]");
    const auto isPlain = [](const at::Tensor &t) { return t.is_cpu() && t.scalar_type() == at::kFloat; };
    if (!(isPlain(projected) && isPlain(cosine) && isPlain(sine) && isPlain(cache) && (!mask || isPlain(*mask))))
      return attendComposed(projected, cosine, sine, cache, mask, step, s);

    auto found = at::empty({rows, heads * s.width}, projected.options());
    const auto read = [](const at::Tensor &t) { return static_cast<const float *>(t.const_data_ptr()); };
    const auto write = [](const at::Tensor &t) { return static_cast<float *>(t.mutable_data_ptr()); };
    const float *xs = read(projected), *cs = read(cosine), *ss = read(sine), *ms = mask ? read(*mask) : nullptr;
    float *keys = write(cache), *ys = write(found);
    const long rowOfCache = s.keyHeads * s.slots * s.width, rowOfAngles = cosine.size(2) * s.width;
    at::parallel_for(0, rows, std::max<long>(1, 32768 / (heads * s.width * (slot + 1))), [&](long begin, long end) {
      std::vector<float> scratch(s.width + slot + 1);
      for (long row = begin; row < end; row++) {
        const long angle = (cosine.size(0) == 1 ? 0 : row) * rowOfAngles + step * s.width;
        attendRow(
            xs + row * projected.size(1), cs + angle, ss + angle, keys + row * rowOfCache,
            keys + (rows + row) * rowOfCache, ms ? ms + row * s.slots : nullptr, ys + row * heads * s.width, scratch.data(),
            s);
      }
    });
    return found;
  });
}
