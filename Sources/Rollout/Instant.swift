/// A moment on the monotonic clock of one process, in nanoseconds since an arbitrary start.
///
/// Leases and deadlines use only this; the wall clock appears in logs and nowhere else.
package struct Instant: Sendable, Hashable, Comparable {
  package var nanoseconds: UInt64

  package init(nanoseconds: UInt64) {
    self.nanoseconds = nanoseconds
  }

  package static func < (left: Self, right: Self) -> Bool { left.nanoseconds < right.nanoseconds }

  package static func + (instant: Self, duration: Duration) -> Self {
    let delta = Int64(truncatingIfNeeded: duration.attoseconds / 1_000_000_000)
    return Self(nanoseconds: instant.nanoseconds &+ UInt64(bitPattern: delta))
  }

  /// The time from `earlier` to `later`; negative if they are the other way round.
  package static func - (later: Self, earlier: Self) -> Duration {
    .nanoseconds(Int64(bitPattern: later.nanoseconds &- earlier.nanoseconds))
  }
}

extension Duration {
  package var inSeconds: Double {
    Double(components.seconds) + Double(components.attoseconds) * 1e-18
  }
}
