internal import Synchronization

/// A program of the user's that scores responses, in whatever language: it reads lines and writes lines.
///
/// It runs as a child process, is started with the first call, and reads from standard input one JSON object a line, UTF-8,
/// for each response:
///
///     {"id": 7, "images": ["/data/bars/1.png"], "problem": "red + blue ?", "problem_type": "numerical",
///      "response": "<think>…</think><answer>8</answer>", "solution": "<answer>8</answer>"}
///
/// (here in two lines). `id` is a positive integer that no other request has; `images` is left out where there are none. The
/// requests of a call come at once, so that a program can score them together. For each it writes one line to standard output,
/// in any order, at most 64 KiB long, and flushes it:
///
///     {"id": 7, "reward": 0.73}
///
/// with a number from 0 to 1, or, if it cannot tell,
///
///     {"id": 7, "error": "why"}
///
/// which fails the call. Other keys are ignored. A reward that is missing or out of range fails its call and is never put
/// right. A line that is not such an object, or has an id that was not asked or has been answered, fails all calls under
/// way, and the program is killed. So does and is one that is late. It starts again with the next call, as often as the limits
/// allow; ids go on counting, so that an answer never is taken for another's.
///
/// Standard error is for people: its lines go to the log, and the last ones into the error if the program dies. At the end of
/// its input the program is to end. It has the environment and the working folder of this process, no descriptors but the
/// three, and a process group of its own; whatever is left of the group when the program ends is killed. If this process dies,
/// the kernel kills the program, and what the program started has to see to itself.
///
/// `cluster/examples/exact_reward.py` is one.
package final class RewardProgram: Sendable {
  private let loop: ProgramLoop
  private let calls = Atomic<CallNumber>(0)

  /// - Parameters:
  ///   - command: the program, by its path or found in PATH, and its arguments.
  ///   - log: gets each line of the program's standard error, cut to 4 KiB, on a thread that reads no further meanwhile.
  package init(command: [String], limits: RewardProgramLimits, log: @escaping @Sendable (String) -> Void) {
    loop = ProgramLoop(command, limits, log: log)
  }

  deinit {
    _ = loop.post(.abandon)
  }

  /// Calls may be under way at once.
  ///
  /// A call returns within the time limit after its requests have gone to the program, which the pause before a restart
  /// may delay, and at once when its task is cancelled.
  ///
  /// - Returns: the reward of each request, in [0, 1].
  package func rewards(_ requests: [RewardRequest]) async throws(RewardProgramError) -> [Double] {
    guard !requests.isEmpty else { return [] }
    let number = calls.add(1, ordering: .relaxed).newValue
    return try await withTaskCancellationHandler {
      await withCheckedContinuation { caller in
        guard loop.post(.call(number, requests, caller)) else { return caller.resume(returning: .failure(.stopped)) }
        // The handler may have run before there was a call.
        if Task.isCancelled { _ = loop.post(.cancel(number)) }
      }
    } onCancel: {
      _ = loop.post(.cancel(number))
    }.get()
  }

  /// Ends the program's input, waits for its end, and kills it if that takes long. Calls fail from now on, those under way
  /// too.
  package func stop() async {
    await withCheckedContinuation { stopper in
      if !loop.post(.stop(stopper)) { stopper.resume() }
    }
  }
}
