/// How long leases take from being issued to being generated, so that a straggler can be told from a slow run.
struct LeasePace: Sendable {
  /// Leases that are looked back on.
  private static let window = 64
  /// Fewer say nothing.
  private static let least = 8

  private var durations: [Duration] = []
  private var next = 0

  mutating func note(_ duration: Duration) {
    if durations.count < Self.window {
      durations.append(duration)
    } else {
      durations[next] = duration
      next = (next + 1) % Self.window
    }
  }

  /// The median of the last leases; nil before there are enough.
  var typical: Duration? {
    durations.count < Self.least ? nil : durations.sorted()[durations.count / 2]
  }
}
