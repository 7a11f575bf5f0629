package import DurableFiles
internal import Limits

package enum ScorerEvent: Sendable {
  case message(LearnerMessage)
  indirect case group(PeerID, role: Role, ResponseGroup)
  case found([SHA256Digest])
  /// The thinking-reward model (if there is one) is loaded.
  case prepared(ScoringPace)
  indirect case scored(ScoredGroup)
  /// The group cannot be scored; its lease runs out or is declined by its worker.
  case scoringFailed(LeaseID, reason: String)
  case failed(String)
  /// Nothing can be scored until somebody changes a setting.
  case misconfigured(String)
  case stop(reason: String)
  case tick
}

package enum ScorerAction: Sendable {
  case send(PeerMessage)
  indirect case connect(Welcome)
  /// Give up all connections, whatever state they seem to be in, and make them again.
  case connectAnew
  case find([Artifact])
  indirect case keep(Artifact, bytes: [UInt8])
  indirect case prepare(Welcome)
  indirect case score(ResponseGroup)
  indirect case push(ScoredGroup)
  case log(LogLevel, String)
  case finish(RunEnd)
}

/// A reward scorer without its clock, sockets and tensors. It keeps nothing that matters: a group that is lost here is
/// pushed again by its worker and scored again, with the same result.
package struct ScorerRole: Sendable {
  package struct Settings: Sendable, Hashable {
    package var link: LearnerLink.Settings
    /// Groups waiting to be scored; more are dropped, and come again.
    package var queueLimit: Int
    /// The same, in bytes.
    package var queueBytes: Int
    package var transfer: TransferSettings

    package init(
      link: LearnerLink.Settings, queueLimit: Int = Limits.standard.messages.waiting,
      queueBytes: Int = Limits.standard.queuedGroupBytes, transfer: TransferSettings = TransferSettings()
    ) {
      self.link = link
      self.queueLimit = queueLimit
      self.queueBytes = queueBytes
      self.transfer = transfer
    }
  }

  package let settings: Settings
  package private(set) var dropped = 0
  private var link: LearnerLink
  private var fetcher: ArtifactFetcher?
  /// Of the engine; nil until it is prepared.
  private var pace: ScoringPace?
  private var queue: GroupQueue
  /// What the engine is at, in the order in which it was given.
  private var current: [(lease: LeaseID, worker: String, since: Instant)] = []
  /// Whether all that the engine is at takes it too long: it may hang. It gets no more until it is done with some of it.
  private var isStuck = false
  /// Leases whose groups could not be scored. Pushed again, they would fail again; the unit comes back with its next lease.
  private var failed = RecentLeases()
  private var isFinished = false
  private var busy: BusyTime

  package init(hello: Hello, settings: Settings, seed: UInt64, now: Instant) {
    self.settings = settings
    busy = BusyTime(at: now)
    queue = GroupQueue(count: settings.queueLimit, bytes: settings.queueBytes)
    link = LearnerLink(hello: hello, settings: settings.link, seed: seed, now: now)
  }

  /// When the machine wants a `tick`.
  package var wakeAt: Instant { link.wakeAt }

  package mutating func receive(_ event: ScorerEvent, at now: Instant) -> [ScorerAction] {
    guard !isFinished else { return [] }
    var actions: [ScorerAction] = []
    switch event {
    case .message(let message):
      link.heard(at: now)
      receive(message, at: now, &actions)
    case .group(let peer, let role, let group): receive(group, from: peer, role: role, &actions)
    case .found(let digests):
      if let progress = fetcher?.begin(without: digests) { note(progress, &actions) }
    case .prepared(let pace):
      self.pace = pace
      link.beatSoon(at: now)
    case .scored(var group):
      // The engine is at one group of a lease at a time.
      guard let index = current.firstIndex(where: { $0.lease == group.lease }) else { break }
      group.worker = current.remove(at: index).worker
      actions.append(.push(group))
    case .scoringFailed(let lease, let reason):
      guard let index = current.firstIndex(where: { $0.lease == lease }) else { break }
      failed.insert(RecentLeases.Push(lease: lease, worker: current.remove(at: index).worker))
      actions.append(.log(.error, "the group of lease \(lease) cannot be scored: \(reason)"))
    case .failed(let reason): end(.failed(reason: reason), saying: reason, &actions)
    case .misconfigured(let reason): end(.misconfigured(reason: reason), saying: reason, &actions)
    case .stop(let reason): end(.interrupted(reason: reason), saying: reason, &actions)
    case .tick: break
    }
    advance(at: now, &actions)
    return actions
  }

  private mutating func receive(_ message: LearnerMessage, at now: Instant, _ actions: inout [ScorerAction]) {
    switch message {
    case .welcome(let welcome):
      // A learner that was replaced may not know it yet.
      if let known = link.incarnation, welcome.incarnation < known { return }
      link.welcomed(welcome, at: now)
      actions.append(.connect(welcome))
      if fetcher == nil {
        fetcher = ArtifactFetcher(welcome: welcome, settings: settings.transfer)
        actions.append(.find(welcome.artifacts))
      }
    case .refused(let reason): end(.failed(reason: "the learner refused this scorer: \(reason)"), saying: nil, &actions)
    case .helloWanted: link.forgotten(at: now)
    case .chunk(let chunk):
      if let progress = fetcher?.take(chunk, at: now) { note(progress, &actions) }
    case .gone(let source): if let progress = fetcher?.missed(source) { note(progress, &actions) }
    case .shutdown(let reason, let isComplete):
      end(isComplete ? .completed : .abandoned(reason: reason), saying: reason, &actions)
    case .heartbeat, .lease, .durable, .revoked, .scorers, .cluster, .story: break
    }
  }

  private mutating func receive(
    _ group: ResponseGroup, from peer: PeerID, role: Role, _ actions: inout [ScorerAction]
  ) {
    guard role == .worker else {
      return actions.append(.log(.warning, "refused a group from \(peer), which is not a worker"))
    }
    let (id, worker) = (group.lease.id, peer.name)
    // Another worker may say that it answers the same lease: the learner knows whose it is.
    if current.contains(where: { $0.lease == id && $0.worker == worker }) || queue.contains(id, of: worker)
      || failed.contains(RecentLeases.Push(lease: id, worker: worker))
    {
      return
    }
    for (lease, worker) in queue.add(group, from: worker) {
      dropped += 1
      actions.append(
        .log(
          .warning, "dropped the group of lease \(lease) of \(worker): \(queue.count) groups are waiting; it will be pushed again"))
    }
  }

  private mutating func note(_ progress: ArtifactFetcher.Progress, _ actions: inout [ScorerAction]) {
    for (artifact, bytes) in progress.whole { actions.append(.keep(artifact, bytes: bytes)) }
    if let failure = progress.failure { return end(.failed(reason: failure), saying: failure, &actions) }
    if let welcome = fetcher?.finished() { actions.append(.prepare(welcome)) }
  }

  private mutating func advance(at now: Instant, _ actions: inout [ScorerAction]) {
    guard !isFinished else { return }
    if let pace {
      while current.count < pace.atOnce, let (group, worker) = queue.next(besides: { id in current.contains { $0.lease == id } }) {
        current.append((group.lease.id, worker, now))
        actions.append(.score(group))
      }
      noteStuck(pace, at: now, &actions)
    }
    busy.note(!current.isEmpty, at: now)
    for fetch in fetcher?.due(at: now) ?? [] { actions.append(.send(.fetch(fetch))) }
    switch link.step(at: now) {
    case .sayHello(let connectingAnew):
      if connectingAnew { actions.append(.connectAnew) }
      actions.append(.send(.hello(link.hello)))
    case .beat:
      actions.append(
        .send(
          .heartbeat(
            Heartbeat(
              incarnation: link.incarnation ?? 0, version: nil, credit: pace == nil || isStuck ? 0 : 1, held: [],
              busy: busy.take(at: now), waiting: queue.count))))
    case .giveUp(let waited):
      let reason = "waited \(Int(waited.inSeconds)) s for the learner without a word from it"
      end(.failed(reason: reason), saying: nil, &actions)
    case nil: break
    }
  }

  /// Ready from when its engine is, while it is welcome and the engine does not seem to hang.
  package var condition: RoleCondition {
    let doing =
      if !link.isWelcome {
        link.incarnation == nil ? "waits for the learner's welcome" : "greets the learner again"
      } else if pace == nil {
        "fetches model files"
      } else {
        isStuck ? "its engine seems to hang" : "scores \(current.count) groups, \(queue.count) wait"
      }
    return RoleCondition(isReady: link.isWelcome && pace != nil && !isStuck, isJoined: link.isWelcome, text: doing)
  }

  /// Times its patience after which an engine is given up, and the process with it: whoever started it starts it again.
  private static let hopeless = 4

  private mutating func noteStuck(_ pace: ScoringPace, at now: Instant, _ actions: inout [ScorerAction]) {
    if let first = current.first, now - first.since > pace.patience * Self.hopeless {
      let reason = "the engine has not been done with the group of lease \(first.lease) for \(Int((now - first.since).inSeconds)) s"
      return end(.failed(reason: reason), saying: reason, &actions)
    }
    let wasStuck = isStuck
    isStuck = current.count >= pace.atOnce && current.allSatisfy { now - $0.since > pace.patience }
    guard isStuck != wasStuck else { return }
    link.beatSoon(at: now)
    guard isStuck, let lease = current.first?.lease else { return }
    actions.append(
      .log(.warning, "the group of lease \(lease) takes very long to score: until one is done, others get what is pushed"))
  }

  private mutating func end(_ end: RunEnd, saying reason: String?, _ actions: inout [ScorerAction]) {
    guard !isFinished else { return }
    isFinished = true
    if let reason { actions.append(.send(.bye(reason: reason))) }
    actions.append(.finish(end))
  }
}

/// The leases that were put in last.
private struct RecentLeases: Sendable {
  struct Push: Hashable, Sendable {
    let lease: LeaseID
    let worker: String
  }

  private static let limit = 1024
  private var known: Set<Push> = []
  private var order: [Push] = []

  func contains(_ push: Push) -> Bool { known.contains(push) }

  mutating func insert(_ push: Push) {
    guard known.insert(push).inserted else { return }
    order.append(push)
    if order.count > Self.limit { known.remove(order.removeFirst()) }
  }
}
