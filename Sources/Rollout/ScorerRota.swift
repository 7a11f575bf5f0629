/// Which scorer a worker pushes a group to: each in its turn, except that one whose groups do not become durable is left out
/// for a while, each time twice as long. A scorer whose engine hangs goes on beating its heart, so the learner goes on
/// naming it; only those who push to it see that nothing comes of it.
struct ScorerRota: Sendable {
  private struct Doubt: Sendable {
    var until: Instant
    var length: Duration
  }

  private(set) var scorers: [ScorerAddress] = []
  private var doubts: [ScorerAddress: Doubt] = [:]

  mutating func update(_ scorers: [ScorerAddress]) {
    self.scorers = scorers
    doubts = doubts.filter { scorers.contains($0.key) }
  }

  /// - Returns: the scorer at `turn`, or the next one that is not in doubt; if all are, the one at `turn`. Nil if there is
  ///   none.
  func scorer(at turn: UInt64, _ now: Instant) -> ScorerAddress? {
    guard !scorers.isEmpty else { return nil }
    let first = Int(turn % UInt64(scorers.count))
    guard !doubts.isEmpty else { return scorers[first] }
    let order = scorers[first...] + scorers[..<first]
    return order.first { !isInDoubt($0, now) } ?? scorers[first]
  }

  private func isInDoubt(_ scorer: ScorerAddress, _ now: Instant) -> Bool { doubts[scorer].map { now < $0.until } ?? false }

  /// A group that was pushed to `scorer` is not durable, although it should be.
  ///
  /// - Parameter patience: after which that is so; the first doubt is twice as long.
  mutating func doubt(_ scorer: ScorerAddress, at now: Instant, patience: Duration) {
    // Several groups that were pushed before it was in doubt tell the same thing.
    guard !isInDoubt(scorer, now) else { return }
    let length = min(patience * 32, doubts[scorer].map { $0.length * 2 } ?? patience * 2)
    doubts[scorer] = Doubt(until: now + length, length: length)
  }

  /// A group that was pushed to `scorer` alone is durable.
  mutating func trust(_ scorer: ScorerAddress) {
    doubts[scorer] = nil
  }
}
