/// When a program may start: the first time at once, then so many times in a window, each time later after its end.
struct RestartBudget {
  typealias Instant = ContinuousClock.Instant

  enum Verdict: Equatable {
    case now
    case later(Instant)
    /// Not before that; nil: never again.
    case exhausted(Instant?)
  }

  private let limits: RewardProgramLimits
  /// Of the current window, oldest first.
  private var restarts: [Instant] = []
  private var hasStarted = false
  private var endedAt: Instant?

  init(_ limits: RewardProgramLimits) {
    self.limits = limits
  }

  mutating func verdict(at now: Instant) -> Verdict {
    guard hasStarted, let endedAt else { return .now }
    restarts.removeAll { [window = limits.window] in $0 + window <= now }
    guard restarts.count < limits.restarts else { return .exhausted(restarts.first.map { $0 + limits.window }) }
    // Past twenty doublings any delay is the longest.
    let delay = min(limits.longestDelay, limits.firstDelay * (1 << min(restarts.count, 20)))
    return endedAt + delay > now ? .later(endedAt + delay) : .now
  }

  mutating func started(at now: Instant) {
    if hasStarted { restarts.append(now) }
    hasStarted = true
  }

  mutating func ended(at now: Instant) {
    endedAt = now
  }
}
