internal import Limits

/// Which policy versions the learner keeps the bytes of, with the deltas that lead to them: the newest, and those that a
/// peer is fetching. No more than a bound of them: beyond it the oldest go, and who was fetching one goes on to the
/// newest.
struct WeightShelf: Sendable {
  private struct Version: Sendable {
    let number: UInt64
    /// One that was resumed has none.
    let hasDelta: Bool
    /// When each peer that fetches it was last told of it or asked for a part of it.
    var uses = IndexedHeap<Instant>()

    /// A peer that has been silent for longer than `patience` is not fetching it any more.
    mutating func isFetched(at now: Instant, patience: Duration) -> Bool {
      while let use = uses.firstKey, now - use > patience, let peer = uses.first { uses.remove(peer) }
      return !uses.isEmpty
    }
  }

  /// Ascending; the last is the newest.
  private var kept: [Version]
  private var peers = NumberedTable<PeerID, Void>()
  private let patience: Duration
  private let bound: Int

  /// - Parameter patience: silence after which a peer is not fetching a version any more.
  init(newest: UInt64, patience: Duration, bound: Int = Limits.standard.messages.keptVersions) {
    kept = [Version(number: newest, hasDelta: false)]
    self.patience = patience
    self.bound = bound
  }

  /// Ascending; the last is the newest.
  var versions: [UInt64] { kept.map(\.number) }

  mutating func publish(_ version: UInt64, hasDelta: Bool = false) {
    kept.append(Version(number: version, hasDelta: hasDelta))
  }

  func hasDelta(to version: UInt64) -> Bool { kept.contains { $0.number == version && $0.hasDelta } }

  /// The peer is told of the newest version, and will begin to fetch it.
  mutating func offer(to peer: PeerID, at now: Instant) {
    guard let newest = kept.indices.last else { return }
    kept[newest].uses.set(number(of: peer), to: now)
  }

  /// - Returns: whether the peer may have a part of the version. Who asks for one has done with those before it.
  mutating func serve(_ version: UInt64, to peer: PeerID, at now: Instant) -> Bool {
    guard let served = kept.firstIndex(where: { $0.number == version }) else { return false }
    let number = number(of: peer)
    kept[served].uses.set(number, to: now)
    for earlier in kept[..<served].indices { kept[earlier].uses.remove(number) }
    return true
  }

  mutating func leave(_ peer: PeerID) {
    guard let number = peers.remove(peer) else { return }
    for index in kept.indices { kept[index].uses.remove(number) }
  }

  /// - Returns: the versions whose bytes can go.
  mutating func release(at now: Instant) -> [UInt64] {
    guard kept.count > 1 else { return [] }
    let newest = kept.count - 1
    var free = bound
    var released: [UInt64] = []
    for index in kept.indices.reversed() {
      if free > 0, index == newest || kept[index].isFetched(at: now, patience: patience) {
        free -= 1
      } else {
        released.append(kept.remove(at: index).number)
      }
    }
    return released.reversed()
  }

  private mutating func number(of peer: PeerID) -> Int { peers.number(of: peer) ?? peers.add((), for: peer) }
}
