// Loops over the threads that libtorch's own operations use. `at::parallel_for` is a header that runs on one thread unless its
// compiler has OpenMP, and the one of the Swift toolchain has not.
#pragma once

#include <algorithm>
#include <exception>

namespace ctorch {

/// Calls `run(context, thread, threads)` on each of libtorch's threads, or once, as thread 0 of 1, where there is one thread, or
/// where the caller is one of several already.
void onEachThread(void (*run)(void *context, long thread, long threads), void *context);

/// Calls `body(from, to)` for parts of `begin` ..< `end` at the same time: as many as there are threads, or fewer where they would
/// be shorter than about `grain`.
template <class Body>
void parallelFor(long begin, long end, long grain, const Body &body) {
  if (begin >= end) return;
  if (end - begin <= grain) return body(begin, end);
  struct Work {
    long begin, end, grain;
    const Body &body;
    std::exception_ptr failure;
    bool hasFailed = false;
  } work{begin, end, grain, body, nullptr};
  onEachThread(
      [](void *context, long thread, long threads) {
        Work &work = *static_cast<Work *>(context);
        const long count = work.end - work.begin, parts = std::min(threads, (count + work.grain - 1) / work.grain);
        const long share = (count + parts - 1) / parts, from = work.begin + thread * share;
        if (thread >= parts || from >= work.end) return;
        try {
          work.body(from, std::min(work.end, from + share));
        } catch (...) {
          if (!__atomic_exchange_n(&work.hasFailed, true, __ATOMIC_ACQ_REL)) work.failure = std::current_exception();
        }
      },
      &work);
  if (work.failure) std::rethrow_exception(work.failure);
}

}  // namespace ctorch
