/// Exponential back-off with full jitter and a ceiling; the jitter is drawn from a seed, so that a simulated or
/// replayed process waits the same times.
package struct Backoff: Sendable {
  package let first: Duration
  package let ceiling: Duration
  private let random: CounterRandom
  package private(set) var attempts: UInt32 = 0

  package init(first: Duration, ceiling: Duration, seed: UInt64) {
    self.first = first
    self.ceiling = ceiling
    random = CounterRandom(seed: seed, epoch: 0, prompt: 0, sample: 0)
  }

  /// How long to wait before the next attempt: uniform between half and the whole of `first` doubled per attempt.
  package mutating func next() -> Duration {
    let doubled = first * Double(UInt64(1) << min(UInt64(attempts), 30))
    let bound = min(doubled, ceiling)
    let wait = bound * (0.5 + 0.5 * random.uniform(at: attempts))
    attempts &+= 1
    return wait
  }

  package mutating func reset() {
    attempts = 0
  }
}
