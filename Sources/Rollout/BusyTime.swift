/// How much of the time something works.
struct BusyTime: Sendable {
  private var isBusy = false
  private var busy = Duration.zero
  /// When it last changed, and when the share was last taken.
  private var since: Instant
  private var takenAt: Instant

  init(at now: Instant) {
    since = now
    takenAt = now
  }

  mutating func note(_ isBusy: Bool, at now: Instant) {
    guard self.isBusy != isBusy else { return }
    if self.isBusy { busy += now - since }
    self.isBusy = isBusy
    since = now
  }

  /// - Returns: the busy share, in [0, 1], of the time since this was last asked.
  mutating func take(at now: Instant) -> Float {
    if isBusy { busy += now - since }
    let whole = now - takenAt
    defer { (busy, since, takenAt) = (.zero, now, now) }
    return whole > .zero ? Float(min(1, busy / whole)) : isBusy ? 1 : 0
  }
}

/// A share or rate over about the last half minute; what was last counts most.
struct RecentMean: Sendable {
  private static let memory = Duration.seconds(30)
  private(set) var value: Double?

  /// - Parameter duration: the time that `sample` is the mean of.
  mutating func add(_ sample: Double, over duration: Duration) {
    guard let value else { return self.value = sample }
    self.value = value + (sample - value) * min(1, duration / Self.memory)
  }
}
