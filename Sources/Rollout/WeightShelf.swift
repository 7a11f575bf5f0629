/// Which policy versions the learner keeps the bytes of, with the deltas that lead to them: the newest, and those that a
/// peer is fetching. No more than a bound of them: beyond it the oldest go, and who was fetching one goes on to the
/// newest.
struct WeightShelf: Sendable {
  /// Ascending; the last is the newest.
  private(set) var versions: [UInt64]
  /// The versions among them that have a delta. One that was resumed has none.
  private var deltas: Set<UInt64> = []
  /// When each peer was last told of a version or asked for a part of it.
  private var uses: [PeerID: [UInt64: Instant]] = [:]
  private let patience: Duration
  private let bound: Int

  /// - Parameter patience: silence after which a peer is not fetching a version any more.
  init(newest: UInt64, patience: Duration, bound: Int = Limits.standard.keptVersions) {
    versions = [newest]
    self.patience = patience
    self.bound = bound
  }

  mutating func publish(_ version: UInt64, hasDelta: Bool = false) {
    versions.append(version)
    if hasDelta { deltas.insert(version) }
  }

  func hasDelta(to version: UInt64) -> Bool { deltas.contains(version) }

  /// The peer is told of the newest version, and will begin to fetch it.
  mutating func offer(to peer: PeerID, at now: Instant) {
    if let newest = versions.last { uses[peer, default: [:]][newest] = now }
  }

  /// - Returns: whether the peer may have a part of the version. Who asks for one has done with those before it.
  mutating func serve(_ version: UInt64, to peer: PeerID, at now: Instant) -> Bool {
    guard versions.contains(version) else { return false }
    uses[peer, default: [:]][version] = now
    uses[peer] = uses[peer]?.filter { $0.key >= version }
    return true
  }

  mutating func leave(_ peer: PeerID) {
    uses[peer] = nil
  }

  /// - Returns: the versions whose bytes can go.
  mutating func release(at now: Instant) -> [UInt64] {
    guard versions.count > 1 else { return [] }
    uses = uses.mapValues { $0.filter { now - $0.value <= patience } }
    let used = uses.values.reduce(into: Set(versions.suffix(1))) { $0.formUnion($1.keys) }
    let kept = versions.filter(used.contains).suffix(bound)
    let released = versions.filter { !kept.contains($0) }
    versions = Array(kept)
    deltas.subtract(released)
    return released
  }
}
