// What layers of a transformer are made of. Where libtorch's CPU build composes an operation from many small ones
// (root-mean-square norm, rotary embedding, log-probabilities of chosen tokens), it is one pass here, with its derivative.
#include "Guard.h"
#include "Parallel.h"

#include <ATen/Dispatch.h>
#include <ATen/TensorOperators.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/embedding.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/mul.h>
#include <ATen/ops/rms_norm.h>
#include <ATen/ops/scaled_dot_product_attention.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/silu_backward.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <cmath>
#include <optional>

using namespace ctorch;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

namespace {

/// Whether the fused passes below serve this tensor; other devices and dtypes take libtorch's own operations.
bool isFused(const at::Tensor &a) {
  return a.is_cpu() && (a.scalar_type() == at::kFloat || a.scalar_type() == at::kDouble);
}

/// `const_data_ptr<T>()`, whose name libtorch's compiler and clang spell differently in the library.
template <class T>
const T *read(const at::Tensor &a) {
  return static_cast<const T *>(a.const_data_ptr());
}

int64_t rowsPerTask(int64_t width) { return std::max<int64_t>(1, 16384 / std::max<int64_t>(1, width)); }

// MARK: Root-mean-square norm

struct RMSNorm : torch::autograd::Function<RMSNorm> {
  /// Sums over rows are taken in this many parts whatever the number of threads, so that the bits stay the same.
  static constexpr int64_t parts = 16;

  static at::Tensor forward(AutogradContext *context, const at::Tensor &input, const at::Tensor &weight, double epsilon) {
    const auto x = input.contiguous();
    const auto w = weight.contiguous();
    const int64_t width = x.size(-1), rows = width ? x.numel() / width : 0;
    auto y = at::empty_like(x);
    auto inverse = at::empty({rows}, x.options());
    AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "rms_norm", [&] {
      const scalar_t *xs = read<scalar_t>(x), *ws = read<scalar_t>(w);
      scalar_t *ys = y.mutable_data_ptr<scalar_t>(), *inverses = inverse.mutable_data_ptr<scalar_t>();
      parallelFor(0, rows, rowsPerTask(width), [&](long begin, long end) {
        for (int64_t row = begin; row < end; row++) {
          const scalar_t *__restrict xr = xs + row * width;
          scalar_t *__restrict yr = ys + row * width;
          scalar_t lanes[16] = {};
          int64_t i = 0;
          for (; i + 16 <= width; i += 16)
            for (int lane = 0; lane < 16; lane++) lanes[lane] += xr[i + lane] * xr[i + lane];
          scalar_t sum = 0;
          for (; i < width; i++) sum += xr[i] * xr[i];
          for (int lane = 0; lane < 16; lane++) sum += lanes[lane];
          const scalar_t scale = 1 / std::sqrt(sum / width + static_cast<scalar_t>(epsilon));
          for (int64_t j = 0; j < width; j++) yr[j] = xr[j] * scale * ws[j];
          inverses[row] = scale;
        }
      });
    });
    context->save_for_backward({x, w, inverse});
    return y;
  }

  static variable_list backward(AutogradContext *context, variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const auto &x = saved[0], &w = saved[1], &inverse = saved[2];
    const auto g = gradients[0].contiguous();
    const int64_t width = x.size(-1), rows = width ? x.numel() / width : 0;
    auto dx = at::empty_like(x);
    auto partial = at::zeros({parts, width}, w.options());
    AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "rms_norm_backward", [&] {
      const scalar_t *xs = read<scalar_t>(x), *ws = read<scalar_t>(w);
      const scalar_t *gs = read<scalar_t>(g), *inverses = read<scalar_t>(inverse);
      scalar_t *dxs = dx.mutable_data_ptr<scalar_t>(), *sums = partial.mutable_data_ptr<scalar_t>();
      const int64_t share = (rows + parts - 1) / parts;
      parallelFor(0, parts, std::max<int64_t>(1, rowsPerTask(width) / std::max<int64_t>(1, share)), [&](long from, long to) {
        for (int64_t row = from * share; row < std::min(rows, to * share); row++) {
          const scalar_t *__restrict xr = xs + row * width, *__restrict gr = gs + row * width;
          scalar_t *__restrict dxr = dxs + row * width, *__restrict dw = sums + row / share * width;
          scalar_t lanes[16] = {};
          int64_t i = 0;
          for (; i + 16 <= width; i += 16)
            for (int lane = 0; lane < 16; lane++) lanes[lane] += gr[i + lane] * ws[i + lane] * xr[i + lane];
          scalar_t dot = 0;
          for (; i < width; i++) dot += gr[i] * ws[i] * xr[i];
          for (int lane = 0; lane < 16; lane++) dot += lanes[lane];
          const scalar_t scale = inverses[row], shift = dot * scale * scale * scale / width;
          for (int64_t j = 0; j < width; j++) {
            dxr[j] = gr[j] * ws[j] * scale - xr[j] * shift;
            dw[j] += gr[j] * xr[j] * scale;
          }
        }
      });
    });
    return {dx, partial.sum(0), at::Tensor()};
  }
};

// MARK: Rotary embedding

/// One pass over a [.., tokens, width] of any strides but a dense last dimension: the turn of each pair
/// (x[i], x[i + width/2]), or the turn back.
at::Tensor turn(const at::Tensor &input, const at::Tensor &cosine, const at::Tensor &sine, bool isBack) {
  const auto x = input.stride(-1) == 1 ? input : input.contiguous();
  const auto c = cosine.expand(x.sizes()), s = sine.expand(x.sizes());
  TORCH_CHECK(c.stride(-1) == 1 && s.stride(-1) == 1, "cosine and sine must be dense in the last dimension");
  TORCH_CHECK(x.dim() == 4 && x.size(-1) % 2 == 0, "expected [batch, heads, tokens, even width]");
  auto y = at::empty_like(x);
  const int64_t heads = x.size(1), tokens = x.size(2), half = x.size(3) / 2;
  AT_DISPATCH_FLOATING_TYPES(x.scalar_type(), "rotate", [&] {
    const scalar_t *xs = read<scalar_t>(x), *cs = read<scalar_t>(c);
    const scalar_t *ss = read<scalar_t>(s);
    scalar_t *ys = y.mutable_data_ptr<scalar_t>();
    const auto offset = [](const at::Tensor &t, int64_t b, int64_t h, int64_t k) {
      return b * t.stride(0) + h * t.stride(1) + k * t.stride(2);
    };
    parallelFor(0, x.size(0) * tokens, rowsPerTask(2 * half * heads), [&](long begin, long end) {
      for (int64_t i = begin; i < end; i++) {
        const int64_t b = i / tokens, k = i % tokens;
        for (int64_t h = 0; h < heads; h++) {
          const scalar_t *__restrict x1 = xs + offset(x, b, h, k), *__restrict x2 = x1 + half;
          const scalar_t *__restrict c1 = cs + offset(c, b, h, k), *__restrict c2 = c1 + half;
          const scalar_t *__restrict s1 = ss + offset(s, b, h, k), *__restrict s2 = s1 + half;
          scalar_t *__restrict y1 = ys + offset(y, b, h, k), *__restrict y2 = y1 + half;
          if (isBack) {
            for (int64_t j = 0; j < half; j++) {
              y1[j] = x1[j] * c1[j] + x2[j] * s2[j];
              y2[j] = x2[j] * c2[j] - x1[j] * s1[j];
            }
          } else {
            for (int64_t j = 0; j < half; j++) {
              y1[j] = x1[j] * c1[j] - x2[j] * s1[j];
              y2[j] = x2[j] * c2[j] + x1[j] * s2[j];
            }
          }
        }
      }
    });
  });
  return y;
}

struct Rotation : torch::autograd::Function<Rotation> {
  static at::Tensor forward(
      AutogradContext *context, const at::Tensor &x, const at::Tensor &cosine, const at::Tensor &sine) {
    context->save_for_backward({cosine, sine});
    return turn(x, cosine, sine, false);
  }

  static variable_list backward(AutogradContext *context, variable_list gradients) {
    const auto saved = context->get_saved_variables();
    return {turn(gradients[0], saved[0], saved[1], true), at::Tensor(), at::Tensor()};
  }
};

// MARK: Gated unit

/// Gate and up stand side by side, so that they can be one product; their gradients are written side by side too.
struct GatedUnit : torch::autograd::Function<GatedUnit> {
  static at::Tensor forward(AutogradContext *context, const at::Tensor &both) {
    context->save_for_backward({both});
    const auto halves = both.chunk(2, -1);
    return at::silu(halves[0]).mul_(halves[1]);
  }

  static variable_list backward(AutogradContext *context, variable_list gradients) {
    const auto both = context->get_saved_variables()[0];
    const auto &g = gradients[0];
    const auto halves = both.chunk(2, -1);
    auto result = at::empty_like(both);
    auto toGate = result.chunk(2, -1)[0], toUp = result.chunk(2, -1)[1];
    at::silu_backward_out(toGate, g * halves[1], halves[0]);
    at::mul_out(toUp, at::silu(halves[0]), g);
    return {result};
  }
};

// MARK: Log-probabilities of chosen tokens

/// Logits and their softmax are single precision whatever the model's dtype. A table of all tokens and the whole vocabulary
/// can outgrow everything else: past `tableLimit` it is worked out part by part, and again for the derivative.
struct LogProbabilities : torch::autograd::Function<LogProbabilities> {
  /// Entries, of 4 bytes.
  static constexpr int64_t tableLimit = 1 << 24;

  static int64_t rowsPerPart(const at::Tensor &head) { return std::max<int64_t>(1, tableLimit / head.size(0)); }

  static at::Tensor table(const at::Tensor &hidden, const at::Tensor &head) {
    const auto logits = at::linear(hidden, head);
    return at::log_softmax(logits.scalar_type() == at::kDouble ? logits : logits.to(at::kFloat), -1);
  }

  static variable_list forward(
      AutogradContext *context, const at::Tensor &hidden, const at::Tensor &head, const at::Tensor &ids) {
    const auto index = ids.unsqueeze(-1);
    const int64_t rows = hidden.size(0), share = rowsPerPart(head);
    std::vector<at::Tensor> chosen, entropies;
    at::Tensor probabilities;
    for (int64_t first = 0; first == 0 || first < rows; first += share) {
      const int64_t count = std::min(share, rows - first);
      const auto all = table(hidden.narrow(0, first, count), head);
      probabilities = all.exp();
      chosen.push_back(all.gather(-1, index.narrow(0, first, count)).squeeze(-1));
      entropies.push_back((all * probabilities).sum(-1).neg_());
    }
    if (rows > share) probabilities = at::Tensor();
    context->save_for_backward({hidden, head, index, probabilities});
    auto spread = at::cat(entropies);
    context->mark_non_differentiable({spread});
    return {at::cat(chosen), spread};
  }

  static variable_list backward(AutogradContext *context, variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const auto &hidden = saved[0], &head = saved[1], &index = saved[2], &known = saved[3];
    const int64_t rows = hidden.size(0), share = rowsPerPart(head);
    // A head that is not trained (beside adapters) is spared the largest product of all.
    const bool isHeadTrained = context->needs_input_grad(1);
    std::vector<at::Tensor> toHidden;
    at::Tensor toHead;
    for (int64_t first = 0; first == 0 || first < rows; first += share) {
      const int64_t count = std::min(share, rows - first);
      const auto part = hidden.narrow(0, first, count);
      const auto g = gradients[0].narrow(0, first, count).unsqueeze(-1);
      // d log p[id] / d logit[v] = [v == id] - p[v]
      auto logits = known.defined() ? known * g.neg() : table(part, head).exp_().mul_(g.neg());
      logits.scatter_add_(-1, index.narrow(0, first, count), g.contiguous());
      logits = logits.to(hidden.scalar_type());
      toHidden.push_back(at::mm(logits, head));
      if (isHeadTrained) toHead = toHead.defined() ? toHead.addmm_(logits.t(), part) : at::mm(logits.t(), part);
    }
    return {at::cat(toHidden), toHead, at::Tensor()};
  }
};

}  // namespace

int ctorch_linear(CTorchHandle a, CTorchHandle weight, CTorchHandle bias, CTorchHandle *out) {
  return making(out, [&] {
    return bias ? at::linear(borrow(a), borrow(weight), borrow(bias)) : at::linear(borrow(a), borrow(weight));
  });
}

int ctorch_addmm(CTorchHandle a, CTorchHandle b, CTorchHandle c, CTorchHandle *out) {
  return making(out, [&] { return at::addmm(borrow(a), borrow(b), borrow(c)); });
}

int ctorch_embedding(CTorchHandle table, CTorchHandle ids, CTorchHandle *out) {
  return making(out, [&] { return at::embedding(borrow(table), borrow(ids)); });
}

int ctorch_rms_norm(CTorchHandle handle, CTorchHandle weightHandle, double epsilon, CTorchHandle *out) {
  return making(out, [&] {
    const auto a = borrow(handle), weight = borrow(weightHandle);
    TORCH_CHECK(
        weight.dim() == 1 && a.dim() > 0 && a.size(-1) == weight.size(0), "the weight must be as long as the last dimension");
    return isFused(a) && weight.scalar_type() == a.scalar_type() && weight.is_cpu()
        ? RMSNorm::apply(a, weight, epsilon)
        : at::rms_norm(a, weight.sizes(), weight, epsilon);
  });
}

int ctorch_layer_norm(CTorchHandle a, CTorchHandle weight, CTorchHandle bias, double epsilon, CTorchHandle *out) {
  return making(out, [&] {
    const auto w = borrow(weight);
    return at::layer_norm(borrow(a), w.sizes(), w, borrow(bias), epsilon);
  });
}

int ctorch_swiglu(CTorchHandle gateAndUp, CTorchHandle *out) {
  return making(out, [&] {
    const auto both = borrow(gateAndUp);
    TORCH_CHECK(both.dim() > 0 && both.size(-1) % 2 == 0, "the last dimension must hold gate and up, equally long");
    return GatedUnit::apply(both);
  });
}

int ctorch_rotate(CTorchHandle handle, CTorchHandle cosine, CTorchHandle sine, CTorchHandle *out) {
  return making(out, [&] {
    const auto a = borrow(handle), c = borrow(cosine), s = borrow(sine);
    if (isFused(a) && c.scalar_type() == a.scalar_type() && s.scalar_type() == a.scalar_type())
      return Rotation::apply(a, c, s);
    const auto halves = a.chunk(2, -1);
    return a * c + at::cat({halves[1].neg(), halves[0]}, -1) * s;
  });
}

int ctorch_attention(
    CTorchHandle queries, CTorchHandle keys, CTorchHandle values, CTorchHandle mask, int isCausal, double scale,
    int groupedQueries, CTorchHandle *out) {
  return making(out, [&] {
    return at::scaled_dot_product_attention(
        borrow(queries), borrow(keys), borrow(values), mask ? std::optional(borrow(mask)) : std::nullopt,
        /*dropout_p=*/0, isCausal != 0, std::isnan(scale) ? std::nullopt : std::optional(scale), groupedQueries != 0);
  });
}

int ctorch_log_probabilities(
    CTorchHandle hiddenHandle, CTorchHandle headHandle, CTorchHandle idsHandle, CTorchHandle *logProbabilities,
    CTorchHandle *entropies) {
  return guarded([&] {
    const auto hidden = borrow(hiddenHandle), head = borrow(headHandle), ids = borrow(idsHandle);
    TORCH_CHECK(
        hidden.dim() == 2 && head.dim() == 2 && ids.dim() == 1 && hidden.size(0) == ids.size(0) &&
            hidden.size(1) == head.size(1),
        "expected hidden [rows, width], head [vocabulary, width], ids [rows]");
    auto results = LogProbabilities::apply(hidden, head, ids);
    *logProbabilities = give(std::move(results[0]));
    *entropies = give(std::move(results[1]));
  });
}
