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
  var count: Int { members.count }
  var peers: [PeerID] { members.keys.sorted() }
  var workers: [PeerID] { peers.filter { members[$0]?.hello.role == .worker } }
  var hasWorkers: Bool { members.values.contains { $0.hello.role == .worker } }

  /// By name. A scorer that was started again at the same endpoint counts once, as it was heard of last.
  var scorers: [ScorerAddress] {
    var newest: [String: PeerID] = [:]
    for peer in peers {
      guard let member = members[peer], member.hello.role == .scorer else { continue }
      let rival = newest[member.hello.endpoint].flatMap { members[$0]?.lastHeard }
      if rival.map({ $0 < member.lastHeard }) ?? true { newest[member.hello.endpoint] = peer }
    }
    return newest.values.sorted().compactMap { peer in
      members[peer].map {
        ScorerAddress(name: peer.name, endpoint: $0.hello.endpoint, publicKey: $0.hello.publicKey)
      }
    }
  }

  /// The worker with the most unused credit, the first by name among equals; nil if nobody wants more.
  ///
  /// - Parameter other: a worker that is passed over, by whatever connection.
  func hungriestWorker(besides other: PeerID? = nil) -> PeerID? {
    var best: (peer: PeerID, wanted: Int)?
    for (peer, member) in members where member.credit > member.lent && peer.name != other?.name {
      let wanted = member.credit - member.lent
      if best.map({ (wanted, $0.peer) > ($0.wanted, peer) }) ?? true { best = (peer, wanted) }
    }
    return best?.peer
  }

  func isMember(_ peer: PeerID) -> Bool { members[peer] != nil }

  /// Leases that `peer` holds and has not reported as generated.
  func lent(to peer: PeerID) -> Int { members[peer]?.lent ?? 0 }

  /// Whether `hello` comes from another process than the one that joined by this name and connection.
  func isReplaced(_ peer: PeerID, by hello: Hello) -> Bool {
    members[peer].map { $0.hello.processID != hello.processID || $0.hello.host != hello.host } ?? false
  }

  /// A member that only says hello again keeps its credit and its leases.
  ///
  /// - Returns: false if the peer was a member already.
  mutating func join(_ peer: PeerID, _ hello: Hello, at now: Instant) -> Bool {
    guard members[peer] != nil else {
      members[peer] = Member(hello: hello, lastHeard: now)
      return true
    }
    members[peer]?.hello = hello
    members[peer]?.lastHeard = now
    return false
  }

  /// - Returns: false if the peer is not a member.
  mutating func heard(from peer: PeerID, at now: Instant) -> Bool {
    guard members[peer] != nil else { return false }
    members[peer]?.lastHeard = now
    return true
  }

  /// Only workers hold leases: what another role says that it wants is not counted.
  mutating func update(_ peer: PeerID, credit: Int, version: UInt64?) {
    guard members[peer]?.hello.role == .worker else { return }
    members[peer]?.credit = credit
    members[peer]?.version = version
  }

  /// Nothing more is lent to `peer` until it says again what it wants.
  mutating func pause(_ peer: PeerID) {
    members[peer]?.credit = 0
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
