// Gradients, gradient clipping, AdamW.
#include "Guard.h"

#include <ATen/ops/_foreach_add.h>
#include <ATen/ops/_foreach_mul.h>
#include <ATen/ops/_foreach_norm.h>
#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/stack.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>

using namespace ctorch;

int ctorch_requires_grad(CTorchHandle a) { return impl(a)->requires_grad(); }

int ctorch_set_requires_grad(CTorchHandle a, int flag) {
  return guarded([&] { borrow(a).requires_grad_(flag != 0); });
}

CTorchHandle ctorch_grad(CTorchHandle a) {
  at::Tensor gradient = borrow(a).grad();
  return gradient.defined() ? give(std::move(gradient)) : nullptr;
}

void ctorch_clear_grad(CTorchHandle a) { borrow(a).mutable_grad().reset(); }

int ctorch_backward(CTorchHandle a) {
  return guarded([&] { borrow(a).backward(); });
}

int ctorch_gradients(CTorchHandle a, const CTorchHandle *inputs, long count, CTorchHandle *out) {
  return guarded([&] {
    auto gradients = torch::autograd::grad({borrow(a)}, borrowAll(inputs, count));
    for (long i = 0; i < count; i++) out[i] = give(std::move(gradients[i]));
  });
}

int ctorch_clip_gradient_norm(const CTorchHandle *tensors, long count, double limit, double *norm) {
  return guarded([&] {
    const c10::NoGradGuard noGradient;
    std::vector<at::Tensor> gradients;
    for (long i = 0; i < count; i++) {
      if (auto gradient = borrow(tensors[i]).grad(); gradient.defined()) gradients.push_back(std::move(gradient));
    }
    *norm = 0;
    if (gradients.empty()) return;
    *norm = at::stack(at::_foreach_norm(gradients, 2)).norm().item().toDouble();
    const double scale = limit / (*norm + 1e-6);
    if (scale < 1) at::_foreach_mul_(gradients, scale);
  });
}

int ctorch_adamw(
    const CTorchHandle *tensors, const CTorchHandle *masters, const CTorchHandle *averages, const CTorchHandle *squares,
    const CTorchHandle *steps, long count, double rate, double beta1, double beta2, double epsilon, double decay) {
  return guarded([&] {
    const c10::NoGradGuard noGradient;
    struct {
      std::vector<at::Tensor> parameters, gradients, first, second, step;
    } all;
    const auto update = [&](auto &on) {
      if (on.parameters.empty()) return;
      at::_foreach_add_(on.step, 1);
      at::_fused_adamw_(
          on.parameters, on.gradients, on.first, on.second, {}, on.step, rate, beta1, beta2, decay, epsilon,
          /*amsgrad=*/false, /*maximize=*/false);
    };
    for (long i = 0; i < count; i++) {
      auto parameter = borrow(tensors[i]);
      auto gradient = parameter.grad();
      if (!gradient.defined()) continue;
      // One master after the other: their gradients are needed in the wider type only here.
      decltype(all) one;
      auto &on = masters[i] ? one : all;
      on.parameters.push_back(masters[i] ? borrow(masters[i]) : parameter);
      on.gradients.push_back(gradient.to(on.parameters.back().scalar_type()));
      on.first.push_back(borrow(averages[i]));
      on.second.push_back(borrow(squares[i]));
      on.step.push_back(borrow(steps[i]));
      if (!masters[i]) continue;
      update(one);
      parameter.copy_(one.parameters.back());
    }
    update(all);
  });
}
