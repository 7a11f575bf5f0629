internal import Rollout

/// When a role's loop says how it is.
struct ReportPace {
  private static let interval = Duration.seconds(1)
  private var last: Rollout.Instant?

  mutating func isDue(at now: Rollout.Instant) -> Bool {
    if let last, now - last < Self.interval { return false }
    last = now
    return true
  }
}
