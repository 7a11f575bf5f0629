/// How long leases take from being issued to being generated, so that a straggler can be told from a slow run.
struct LeasePace: Sendable {
  /// Leases that are looked back on.
  private static let window = 64
  /// Fewer say nothing.
  private static let least = 8

  private var durations: [Duration] = []
  /// The same, shortest first.
  private var ordered: [Duration] = []
  private var next = 0

  mutating func note(_ duration: Duration) {
    if durations.count < Self.window {
      durations.append(duration)
    } else {
      ordered.remove(at: place(of: durations[next]))
      durations[next] = duration
      next = (next + 1) % Self.window
    }
    ordered.insert(duration, at: place(of: duration))
  }

  /// The median of the last leases; nil before there are enough.
  var typical: Duration? { ordered.count < Self.least ? nil : ordered[ordered.count / 2] }

  /// How many are shorter.
  private func place(of duration: Duration) -> Int {
    var (low, high) = (0, ordered.count)
    while low < high {
      let middle = (low + high) / 2
      if ordered[middle] < duration { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
