internal import Synchronization
internal import ZeroMQ

/// An actor that lives on a poll loop.
protocol LoopActor: Actor {
  nonisolated var loop: PollLoop { get }
}

extension LoopActor {
  /// Runs `body` on the actor soon, in the order of the calls, without waiting for it.
  nonisolated func onLoop(_ body: @escaping @Sendable (isolated Self) -> Void) {
    // The loop's thread is the actor's executor.
    loop.submit { self.assumeIsolated(body) }
  }
}

/// Stands for an actor before it exists.
final class Forward<Target: LoopActor>: Sendable {
  private struct Reference: Sendable {
    weak var target: Target?
  }

  private let reference = Mutex(Reference())

  func set(_ target: Target) {
    reference.withLock { $0.target = target }
  }

  func run(_ body: @escaping @Sendable (isolated Target) -> Void) {
    reference.withLock(\.target)?.onLoop(body)
  }
}
