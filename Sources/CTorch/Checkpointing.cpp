// Gradient checkpointing: a part of the graph that is worked out again when its gradient is asked for.
#include "Guard.h"

#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/engine.h>
#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/functions/utils.h>

#include <memory>
#include <mutex>
#include <stdexcept>

using namespace ctorch;
using torch::autograd::variable_list;

namespace {

/// A function of the caller, and the context that it takes over and gives back once.
class Block {
 public:
  Block(CTorchBlock run, void (*release)(void *), void *context, long outputs)
      : run_(run), release_(release), context_(context), outputs_(outputs) {}
  Block(const Block &) = delete;
  ~Block() { release_(context_); }

  variable_list operator()(const variable_list &inputs) const {
    std::vector<CTorchHandle> given, made(outputs_, nullptr);
    for (const auto &input : inputs) given.push_back(give(at::Tensor(input)));
    const int status = run_(context_, given.data(), static_cast<long>(given.size()), made.data());
    variable_list results;
    for (auto *handle : made)
      if (handle) results.emplace_back(Pointer::reclaim(impl(handle)));
    // The text is the last error of this thread, which in the backward pass may be one of libtorch's own.
    if (status != 0) throw std::runtime_error(ctorch_last_error());
    return results;
  }

 private:
  CTorchBlock run_;
  void (*release_)(void *);
  void *context_;
  long outputs_;
};

/// Keeps the inputs and the function, not what lies between. Its gradient runs the function again, with a graph of its own
/// that ends at the inputs, and goes back through that: parameters that the function uses get their gradients there.
struct Recomputation : torch::autograd::Node {
  std::mutex mutex;
  std::unique_ptr<Block> block;
  variable_list inputs;  // outside of the graph

  variable_list apply(variable_list &&gradients) override {
    const std::lock_guard<std::mutex> lock(mutex);
    TORCH_CHECK(
        torch::autograd::Engine::get_default_engine().is_checkpoint_valid(),
        "a part that is worked out again has gradients by backward() alone");
    TORCH_CHECK(block, "its graph was freed by the first backward()");
    variable_list leaves;
    for (size_t i = 0; i < inputs.size(); i++)
      leaves.push_back(inputs[i].detach().set_requires_grad(task_should_compute_output(i)));
    variable_list roots, slopes;
    {
      const c10::AutoGradMode recording(true);
      auto outputs = (*block)(leaves);
      TORCH_CHECK(outputs.size() == gradients.size(), "it gave other outputs than before");
      for (size_t i = 0; i < outputs.size(); i++) {
        if (!gradients[i].defined() || !outputs[i].requires_grad()) continue;
        roots.push_back(std::move(outputs[i]));
        slopes.push_back(std::move(gradients[i]));
      }
    }
    if (!roots.empty()) torch::autograd::backward(roots, slopes);
    variable_list result;
    for (const auto &leaf : leaves) result.push_back(leaf.grad());
    return result;
  }

  void release_variables() override {
    const std::lock_guard<std::mutex> lock(mutex);
    block.reset();
    inputs.clear();
  }

  std::string name() const override { return "Recomputation"; }
};

}  // namespace

int ctorch_recomputed(
    CTorchBlock run, void (*release)(void *), void *context, const CTorchHandle *inputs, long count, CTorchHandle *outputs,
    long outputCount) {
  return guarded([&] {
    auto block = std::make_unique<Block>(run, release, context, outputCount);
    const auto given = borrowAll(inputs, count);
    variable_list kept, results;
    for (const auto &input : given) kept.push_back(input.detach());
    {
      const c10::NoGradGuard noGradient;
      results = (*block)(kept);
    }
    TORCH_CHECK(static_cast<long>(results.size()) == outputCount, "expected ", outputCount, " outputs");
    std::shared_ptr<Recomputation> node(new Recomputation(), torch::autograd::deleteNode);
    node->set_next_edges(torch::autograd::collect_next_edges(given));
    node->block = std::move(block);
    node->inputs = std::move(kept);
    for (long i = 0; i < outputCount; i++) {
      // An output may share an input's memory, or be an input; the graph's edge belongs to a tensor of its own.
      auto result = results[i].detach();
      torch::autograd::set_history(result, node);
      outputs[i] = give(std::move(result));
    }
  });
}
