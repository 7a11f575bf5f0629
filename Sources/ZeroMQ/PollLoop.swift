/// The one thread that touches sockets, and the executor of the actors that live on it.
///
/// An actor is pinned to the loop by returning `unownedExecutor` as its own. Its methods then run between polls, on the
/// loop's thread, and may use the loop's channels directly. Jobs come from any thread, those of each in its order.
/// Sockets, timers and jobs take turns in bounded batches, so that none of them starves the others; a job must be short.
///
/// `stop` closes the sockets; jobs are run as long as anyone holds the loop.
package final class PollLoop: Sendable {
  package let context: ZeroMQContext
  private let thread: PollLoopThread

  /// - Parameter name: shown by debuggers and `top -H`, at most 15 characters.
  package init(name: String = "zeromq", context: ZeroMQContext) throws(ZeroMQError) {
    self.context = context
    thread = try PollLoopThread(context: context)
    thread.start(name: name)
  }

  deinit {
    thread.finish()
  }

  package var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

  /// Whether the caller is on the loop's thread.
  package var isCurrent: Bool { thread.isCurrent }

  /// Runs `body` on the loop's thread, after what has been added before.
  package func submit(_ body: @escaping @Sendable () -> Void) {
    thread.add(.closure(body))
  }

  // MARK: On the loop's thread only

  /// Hands a socket over to the loop, which polls it from now on and closes it when it stops.
  ///
  /// - Parameter queue: what may wait in the process, for each destination, while libzmq takes no more.
  package func register<Pattern>(
    _ socket: consuming Socket<Pattern>, queue: QueueLimits = QueueLimits()
  ) -> Channel<Pattern> {
    let channel = Channel(socket, on: self, queue: queue)
    thread.add(channel)
    return channel
  }

  /// Runs `body` once, at least `delay` from now by the monotonic clock.
  @discardableResult
  package func schedule(after delay: Duration, _ body: @escaping () -> Void) -> PollTimer {
    thread.schedule(at: .now + delay, body)
  }

  package func cancel(_ timer: PollTimer) {
    thread.cancel(timer)
  }

  /// Stops polling a channel that has been closed.
  func forget(_ channel: some PolledSocket) {
    thread.remove(channel)
  }

  func retry(_ channel: some PolledSocket, after delay: Duration) {
    schedule(after: delay) { [weak channel] in channel?.retry() }
  }

  // MARK: From anywhere

  /// Sends what is queued, in the process and in libzmq, for at most `grace`; closes all sockets and terminates the
  /// context. A second call waits for the first.
  ///
  /// - Throws: `zeromq.sockets-open` if sockets of the context are in use outside the loop.
  package func stop(within grace: Duration = .seconds(1)) async throws(ZeroMQError) {
    let result = await withCheckedContinuation { continuation in
      submit { [thread] in thread.stop(within: grace) { continuation.resume(returning: $0) } }
    }
    try result.get()
  }
}

/// A timer that has been set.
package struct PollTimer: Hashable, Comparable, Sendable {
  let deadline: ContinuousClock.Instant
  let number: UInt64

  package static func < (a: PollTimer, b: PollTimer) -> Bool { (a.deadline, a.number) < (b.deadline, b.number) }
}
