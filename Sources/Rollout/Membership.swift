/// The peers that have joined, when they were last heard of, and what the workers among them want.
struct Membership: Sendable {
  private struct Member: Sendable {
    var hello: Hello
    var lastHeard: Instant
    var credit = 0
    /// Leases issued and not yet reported as generated or ended.
    var lent = 0
    var version: UInt64?
  }

  let timeout: Duration
  private var members: [PeerID: Member] = [:]

  init(timeout: Duration) {
    self.timeout = timeout
  }

  var isEmpty: Bool { members.isEmpty }
  var peers: [PeerID] { members.keys.sorted() }
  var workers: [PeerID] { peers.filter { members[$0]?.hello.role == .worker } }
  var hasWorkers: Bool { members.values.contains { $0.hello.role == .worker } }

  var scorers: [ScorerAddress] {
    peers.compactMap { peer in
      guard let hello = members[peer]?.hello, hello.role == .scorer else { return nil }
      return ScorerAddress(name: peer.name, endpoint: hello.endpoint, publicKey: hello.publicKey)
    }
  }

  /// The worker with the most unused credit, the first by name among equals; nil if nobody wants more.
  var hungriestWorker: PeerID? {
    var best: (peer: PeerID, wanted: Int)?
    for peer in peers {
      guard let member = members[peer], member.credit > member.lent else { continue }
      let wanted = member.credit - member.lent
      if best.map({ wanted > $0.wanted }) ?? true { best = (peer, wanted) }
    }
    return best?.peer
  }

  /// - Returns: false if the peer was a member already and only says hello again.
  mutating func join(_ peer: PeerID, _ hello: Hello, at now: Instant) -> Bool {
    members.updateValue(Member(hello: hello, lastHeard: now), forKey: peer) == nil
  }

  /// - Returns: false if the peer is not a member.
  mutating func heard(from peer: PeerID, at now: Instant) -> Bool {
    guard members[peer] != nil else { return false }
    members[peer]?.lastHeard = now
    return true
  }

  mutating func update(_ peer: PeerID, credit: Int, version: UInt64?) {
    members[peer]?.credit = min(max(credit, 0), Limits.standard.credit)
    members[peer]?.version = version
  }

  mutating func lend(to peer: PeerID) {
    members[peer]?.lent += 1
  }

  mutating func returnLease(of peer: PeerID) {
    guard let lent = members[peer]?.lent, lent > 0 else { return }
    members[peer]?.lent = lent - 1
  }

  mutating func leave(_ peer: PeerID) -> Role? {
    members.removeValue(forKey: peer)?.hello.role
  }

  func silent(at now: Instant) -> [PeerID] {
    guard members.contains(where: { now - $0.value.lastHeard > timeout }) else { return [] }
    return peers.filter { members[$0].map { now - $0.lastHeard > timeout } ?? false }
  }
}
