// Drawing tokens from logits, each row by itself: its token and log-probability depend on no other row.
#include "Guard.h"
#include "Lanes.h"
#include "Parallel.h"

#include <c10/core/GradMode.h>

#include <algorithm>
#include <utility>
#include <vector>

using namespace ctorch;

namespace {

/// Weights are summed in single precision within a section, in double precision over sections.
constexpr long section = 16 * lanes;

struct Row {
  std::vector<float> weights;    // e^((logit - the largest) * scale), [vocabulary]
  std::vector<double> sections;  // sums of the weights
  double total = 0;
};

/// Index of the largest number, the first of equals.
FOR_EACH_PROCESSOR long likeliest(const float *x, long count) {
  float most = -INFINITY;
  long i = 0;
  Lanes seen = Lanes{} - INFINITY;
  for (; i + lanes <= count; i += lanes) {
    const Lanes next = load(x + i);
    seen = next > seen ? next : seen;
  }
  most = largest(seen);
  for (; i < count; i++) most = std::max(most, x[i]);
  for (long j = 0; j < count; j++)
    if (x[j] == most) return j;
  return -1;
}

FOR_EACH_PROCESSOR void weigh(const float *x, long count, float most, float scale, float *weights, double *sections) {
  for (long start = 0; start < count; start += section) {
    const long end = std::min(count, start + section);
    Lanes sums = {};
    long i = start;
    for (; i + lanes <= end; i += lanes) {
      Lanes weight;
      exponential((load(x + i) - most) * scale, weight);
      store(weights + i, weight);
      sums += weight;
    }
    double found = sum(sums);
    if (i < end) {
      float rest[lanes];
      std::fill_n(rest, lanes, -INFINITY);
      std::copy(x + i, x + end, rest);
      Lanes weight;
      exponential((load(rest) - most) * scale, weight);
      for (long j = i; j < end; j++) found += weights[j] = weight[j - i];
    }
    *sections++ = found;
  }
}

/// The token at which the running sum of the weights, in the order of ids, passes `target`.
long walk(const Row &row, double target) {
  double running = 0;
  long last = 0;
  const long count = static_cast<long>(row.weights.size());
  for (size_t s = 0; s < row.sections.size(); s++) {
    if (running + row.sections[s] <= target && s + 1 < row.sections.size()) {
      running += row.sections[s];
      continue;
    }
    const long begin = static_cast<long>(s) * section;
    for (long i = begin; i < std::min(count, begin + section); i++) {
      if (!(row.weights[i] > 0)) continue;
      running += row.weights[i];
      last = i;
      if (running > target) return i;
    }
  }
  // Rounding left the sum short of the target: the last token that can be drawn.
  for (long i = count - 1; i > last; i--)
    if (row.weights[i] > 0) return i;
  return last;
}

/// Drawn from the `topK` likeliest (0: all) and of those from the fewest whose share is `topP`; equals in the order of ids.
long cut(const Row &row, long topK, double topP, double draw) {
  std::vector<std::pair<float, long>> heap;
  for (size_t i = 0; i < row.weights.size(); i++)
    if (row.weights[i] > 0) heap.emplace_back(row.weights[i], -static_cast<long>(i));
  std::make_heap(heap.begin(), heap.end());
  std::vector<std::pair<long, float>> kept;
  const auto take = [&] {
    std::pop_heap(heap.begin(), heap.end());
    kept.emplace_back(-heap.back().second, heap.back().first);
    heap.pop_back();
  };
  double sum = row.total;
  if (topK > 0) {
    sum = 0;
    while (!heap.empty() && static_cast<long>(kept.size()) < topK) {
      take();
      sum += kept.back().second;
    }
  }
  if (topP < 1) {
    double running = 0;
    if (topK > 0) {
      size_t count = 0;
      while (count < kept.size() && running < topP * sum) running += kept[count++].second;
      kept.resize(count);
    } else {
      while (!heap.empty() && running < topP * sum) {
        take();
        running += kept.back().second;
      }
    }
    sum = running;
  }
  std::sort(kept.begin(), kept.end());
  double running = 0;
  for (const auto &[token, weight] : kept) {
    running += weight;
    if (running > draw * sum) return token;
  }
  return kept.back().first;
}

}  // namespace

int ctorch_sample(
    CTorchHandle handle, const long *rows, const double *draws, long count, double temperature, long topK, double topP,
    int *tokens, float *logProbabilities) {
  return guarded([&] {
    const c10::NoGradGuard noGradient;
    const auto logits = borrow(handle).to(at::kCPU, at::kFloat).contiguous();
    TORCH_CHECK(logits.dim() == 2 && logits.size(1) > 0, "expected logits [rows, vocabulary]");
    const long width = logits.size(1);
    for (long i = 0; i < count; i++) TORCH_CHECK(rows[i] >= 0 && rows[i] < logits.size(0), "there is no row ", rows[i]);
    const float *numbers = static_cast<const float *>(logits.const_data_ptr());
    const float scale = temperature > 0 ? static_cast<float>(1 / temperature) : 1;
    parallelFor(0, count, std::max<long>(1, 32768 / width), [&](long begin, long end) {
      Row row;
      row.weights.resize(width);
      row.sections.resize((width + section - 1) / section);
      for (long i = begin; i < end; i++) {
        const float *x = numbers + rows[i] * width;
        const long best = likeliest(x, width);
        tokens[i] = -1;
        if (best < 0) continue;
        weigh(x, width, x[best], scale, row.weights.data(), row.sections.data());
        row.total = 0;
        for (const double part : row.sections) row.total += part;
        if (!std::isfinite(row.total)) continue;
        long token = best;
        if (temperature > 0)
          token = topK == 0 && topP >= 1 ? walk(row, draws[i] * row.total) : cut(row, topK, topP, draws[i]);
        tokens[i] = static_cast<int>(token);
        const double found = (static_cast<double>(x[token]) - x[best]) * scale - std::log(row.total);
        logProbabilities[i] = static_cast<float>(std::min(0.0, found));
      }
    });
  });
}
