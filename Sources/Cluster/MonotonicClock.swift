package import Rollout

/// The monotonic clock of this process.
package struct MonotonicClock: Sendable {
  private let start = ContinuousClock.now

  package init() {}

  package var now: Rollout.Instant {
    Rollout.Instant(nanoseconds: 1_000_000_000) + (ContinuousClock.now - start)
  }
}
