package import Rollout

/// Events for one role, in the order in which they were posted.
package struct Mailbox<Event: Sendable>: Sendable {
  package let events: AsyncStream<Event>
  private let continuation: AsyncStream<Event>.Continuation

  package init() {
    (events, continuation) = AsyncStream.makeStream(of: Event.self)
  }

  package func post(_ event: Event) {
    continuation.yield(event)
  }

  package func close() {
    continuation.finish()
  }
}

/// Runs jobs one after the other, in the order in which they were added, away from the role's own loop.
package struct JobLine: Sendable {
  private let continuation: AsyncStream<@Sendable () async -> Void>.Continuation

  package init() {
    let (jobs, continuation) = AsyncStream.makeStream(of: (@Sendable () async -> Void).self)
    self.continuation = continuation
    Task {
      for await job in jobs { await job() }
    }
  }

  package func add(_ job: @escaping @Sendable () async -> Void) {
    continuation.yield(job)
  }

  package func close() {
    continuation.finish()
  }
}

/// The monotonic clock of this process.
package struct MonotonicClock: Sendable {
  private let start = ContinuousClock.now

  package init() {}

  package var now: Rollout.Instant {
    Rollout.Instant(nanoseconds: 1_000_000_000) + (ContinuousClock.now - start)
  }
}
