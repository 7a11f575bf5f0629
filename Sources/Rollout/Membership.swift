/// The peers that have joined, when they were last heard of, and what the workers among them want.
struct Membership: Sendable {
  fileprivate struct Member: Sendable {
    let peer: PeerID
    var hello: Hello
    var lastHeard: Instant
    var credit = 0
    /// Leases issued and not yet reported as generated or ended.
    var lent = 0
    var version: UInt64?
    /// Its engine may hang while it goes on sending heartbeats. A worker's: a lease has run out in its hands, and it has
    /// done nothing since. A scorer's: it says so, or that it is not prepared yet.
    var isDoubted = false
    /// What only observers ask for.
    var record = PeerRecord()

    mutating func returnLease() { if lent > 0 { lent -= 1 } }

    /// What follows from a heartbeat.
    enum News { case nothing, worksOrNot, wantsOtherwise }

    mutating func note(credit said: Int, version sampled: UInt64?) -> News {
      if hello.role == .scorer {
        guard isDoubted != (said == 0) else { return .nothing }
        isDoubted = said == 0
        return .worksOrNot
      }
      guard credit != said || version != sampled else { return .nothing }
      credit = said
      if version != sampled { isDoubted = false }
      version = sampled
      return .wantsOtherwise
    }
  }

  /// The most unused credit comes first, and by name among equals.
  private struct Hunger: Comparable, Sendable {
    let wanted: Int
    let peer: PeerID

    static func < (left: Self, right: Self) -> Bool {
      left.wanted == right.wanted ? left.peer < right.peer : left.wanted > right.wanted
    }
  }

  let timeout: Duration
  private var members = NumberedTable<PeerID, Member>()
  /// In order: they are told to every peer that joins.
  private var scorerPeers: [PeerID] = []
  /// The members that want more.
  private var hungry = IndexedHeap<Hunger>()
  /// Those that want more and are doubted.
  private var doubted = IndexedHeap<Hunger>()
  /// Members with credit, used or not, that are not doubted.
  private var trusted: Set<Int> = []
  /// By when each member was last heard of. A sign of life leaves it as it is, because there are many: what it says is
  /// brought up to date when the member seems to have been silent for too long.
  private var heard = IndexedHeap<Instant>()

  init(timeout: Duration) {
    self.timeout = timeout
  }

  var isEmpty: Bool { members.isEmpty }
  var count: Int { members.count }
  var peers: [PeerID] { members.values.map(\.peer).sorted() }
  var workers: [PeerID] { members.values.compactMap { $0.hello.role == .worker ? $0.peer : nil }.sorted() }
  var hasWorkers: Bool { members.values.contains { $0.hello.role == .worker } }

  /// By name. A scorer that was started again at the same endpoint counts once, as it was heard of last. One that is
  /// doubted is among them only where all are.
  var scorers: [ScorerAddress] {
    let scorers = scorerPeers.compactMap { members.number(of: $0) }
    var newest: [String: Int] = [:]
    for scorer in scorers {
      let endpoint = members.byNumber[scorer].hello.endpoint
      if let other = newest[endpoint], members.byNumber[other].lastHeard >= members.byNumber[scorer].lastHeard { continue }
      newest[endpoint] = scorer
    }
    let present = scorers.filter { newest[members.byNumber[$0].hello.endpoint] == $0 }
    let trusted = present.filter { !members.byNumber[$0].isDoubted }
    return (trusted.isEmpty ? present : trusted).map { scorer in
      ScorerAddress(
        name: members.byNumber[scorer].peer.name, endpoint: members.byNumber[scorer].hello.endpoint,
        publicKey: members.byNumber[scorer].hello.publicKey)
    }
  }

  /// The worker with the most unused credit, the first by name among equals; nil if nobody wants more. One that is
  /// doubted comes into question only where all are.
  ///
  /// - Parameter other: a worker that is passed over, by whatever connection.
  func hungriestWorker(besides other: PeerID? = nil) -> PeerID? {
    for number in trusted.isEmpty ? doubted.ascending : hungry.ascending {
      if let other, isOneProcess(number, other) { continue }
      return members.byNumber[number].peer
    }
    return nil
  }

  /// Several processes may share a key, and one process may have come back by another connection. Nothing is known of a peer
  /// that has gone but its name.
  private func isOneProcess(_ number: Int, _ peer: PeerID) -> Bool {
    guard members.byNumber[number].peer.name == peer.name else { return false }
    guard let other = members[peer]?.hello else { return true }
    let hello = members.byNumber[number].hello
    return hello.host == other.host && hello.processID == other.processID
  }

  func isMember(_ peer: PeerID) -> Bool { members.number(of: peer) != nil }

  /// Leases that `peer` holds and has not reported as generated.
  func lent(to peer: PeerID) -> Int { members.number(of: peer).map { members.byNumber[$0].lent } ?? 0 }

  /// Whether `hello` comes from another process than the one that joined by this name and connection.
  func isReplaced(_ peer: PeerID, by hello: Hello) -> Bool {
    members[peer].map { $0.hello.processID != hello.processID || $0.hello.host != hello.host } ?? false
  }

  /// A member that only says hello again keeps its credit and its leases.
  ///
  /// - Returns: false if the peer was a member already.
  mutating func join(_ peer: PeerID, _ hello: Hello, at now: Instant) -> Bool {
    scorerPeers.removeAll { $0 == peer }
    if hello.role == .scorer {
      scorerPeers.insert(peer, at: scorerPeers.firstIndex { peer < $0 } ?? scorerPeers.count)
    }
    if let number = members.number(of: peer) {
      members.byNumber[number].hello = hello
      members.byNumber[number].lastHeard = now
      return false
    }
    heard.set(members.add(Member(peer: peer, hello: hello, lastHeard: now), for: peer), to: now)
    return true
  }

  /// - Returns: false if the peer is not a member.
  mutating func heard(from peer: PeerID, at now: Instant) -> Bool {
    guard let number = members.number(of: peer) else { return false }
    members.byNumber[number].lastHeard = now
    return true
  }

  /// Only workers hold leases: a scorer says whether its engine works.
  ///
  /// - Parameter credit: what the worker is taken to want, which may be less than what it says.
  /// - Returns: whether a scorer is doubted that was not, or no longer.
  mutating func update(_ peer: PeerID, _ heartbeat: Heartbeat, credit: Int, at now: Instant) -> Bool {
    guard let number = members.number(of: peer) else { return false }
    members.byNumber[number].record.note(heartbeat, at: now)
    let news = members.byNumber[number].note(credit: credit, version: heartbeat.version)
    if news == .wantsOtherwise { rank(number) }
    return news == .worksOrNot
  }

  /// A lease ran out in the hands of `peer`. Nothing more is lent to it until it says again what it wants, and nothing
  /// while others are there until it has done something.
  mutating func doubt(_ peer: PeerID) {
    guard let number = members.number(of: peer) else { return }
    members.byNumber[number].credit = 0
    members.byNumber[number].isDoubted = true
    rank(number)
  }

  /// `peer` has generated a group: its engine works, and it is charged with one lease less.
  mutating func noteGenerated(by peer: PeerID) {
    guard let number = members.number(of: peer) else { return }
    members.byNumber[number].isDoubted = false
    members.byNumber[number].returnLease()
    rank(number)
  }

  mutating func lend(to peer: PeerID) {
    guard let number = members.number(of: peer) else { return }
    members.byNumber[number].lent += 1
    rank(number)
  }

  mutating func returnLease(of peer: PeerID) {
    guard let number = members.number(of: peer) else { return }
    members.byNumber[number].returnLease()
    rank(number)
  }

  mutating func leave(_ peer: PeerID) -> Role? {
    guard let number = members.remove(peer) else { return nil }
    hungry.remove(number)
    doubted.remove(number)
    trusted.remove(number)
    heard.remove(number)
    scorerPeers.removeAll { $0 == peer }
    return members.byNumber[number].hello.role
  }

  /// In order.
  mutating func silent(at now: Instant) -> [PeerID] {
    guard let first = heard.firstKey, now - first > timeout else { return [] }
    var silent: [PeerID] = []
    for number in heard.prefix(while: { now - $0 > timeout }) {
      let lastHeard = members.byNumber[number].lastHeard
      if now - lastHeard > timeout { silent.append(members.byNumber[number].peer) }
      heard.set(number, to: lastHeard)
    }
    return silent.sorted()
  }

  /// A group of `peer` has come through a scorer.
  mutating func noteGroup(of peer: PeerID, tokens: Int) {
    guard let number = members.number(of: peer) else { return }
    members.byNumber[number].record.noteGroup(tokens: tokens)
  }

  /// By role and name, and by connection among those that share a name.
  func observed(at now: Instant) -> [ObservedPeer] {
    members.values.sorted { ($0.hello.role.rawValue, $0.peer) < ($1.hello.role.rawValue, $1.peer) }.map { member in
      ObservedPeer(
        name: member.peer.name, role: member.hello.role, host: member.hello.host, processID: member.hello.processID,
        state: member.state, version: member.version, credit: member.credit, leases: member.lent,
        waiting: member.record.waiting, idleShare: 1 - (member.record.busy.value ?? 0),
        tokensPerSecond: member.record.tokenRate.value ?? 0, groups: member.record.groups,
        silence: (now - member.lastHeard).inSeconds)
    }
  }

  /// Finds the member's place among those that want more.
  private mutating func rank(_ number: Int) {
    // Field by field: a member is large, and this comes with every lease and every group.
    let (credit, lent) = (members.byNumber[number].credit, members.byNumber[number].lent)
    let isDoubted = members.byNumber[number].isDoubted
    if credit > 0, !isDoubted { trusted.insert(number) } else { trusted.remove(number) }
    let hunger = credit > lent ? Hunger(wanted: credit - lent, peer: members.byNumber[number].peer) : nil
    if let hunger, !isDoubted { hungry.set(number, to: hunger) } else { hungry.remove(number) }
    if let hunger, isDoubted { doubted.set(number, to: hunger) } else { doubted.remove(number) }
  }
}

/// What a peer has done, as far as nobody but observers asks.
private struct PeerRecord: Sendable {
  private(set) var busy = RecentMean()
  private(set) var tokenRate = RecentMean()
  private(set) var groups = 0
  private(set) var waiting = 0
  /// Tokens of its groups since the last heartbeat.
  private var tokens = 0
  private var beatAt: Instant?

  mutating func note(_ heartbeat: Heartbeat, at now: Instant) {
    waiting = heartbeat.waiting
    defer { beatAt = now }
    guard let beatAt, now > beatAt else { return }
    busy.add(Double(heartbeat.busy), over: now - beatAt)
    tokenRate.add(Double(tokens) / (now - beatAt).inSeconds, over: now - beatAt)
    tokens = 0
  }

  mutating func noteGroup(tokens: Int) {
    groups += 1
    self.tokens += tokens
  }
}

extension Membership.Member {
  fileprivate var state: ObservedPeer.State {
    if hello.role == .scorer {
      isDoubted ? .doubted : record.waiting > 0 || (record.busy.value ?? 0) > 0.05 ? .working : .idle
    } else if isDoubted {
      .doubted
    } else if version == nil {
      .joining
    } else if lent > 0 {
      .working
    } else {
      credit > 0 ? .idle : .full
    }
  }
}
