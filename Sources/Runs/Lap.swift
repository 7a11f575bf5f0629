internal import Foundation

/// What something took.
struct Lap: Sendable {
  let duration: Duration
  /// Of all cores, on behalf of this process.
  let processor: Duration

  struct Start: Sendable {
    fileprivate let instant: ContinuousClock.Instant
    fileprivate let processor: Duration

    static var now: Start { Start(instant: .now, processor: .usedByThisProcess) }

    var lap: Lap { Lap(duration: .now - instant, processor: .usedByThisProcess - processor) }
  }
}

extension Duration {
  fileprivate static var usedByThisProcess: Duration {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return .seconds(Int64(time.tv_sec)) + .nanoseconds(Int64(time.tv_nsec))
  }
}
