package import DurableFiles
internal import Limits

/// What is large is indirect, here and in the actions: events and actions are moved through several hands.
package enum WorkerEvent: Sendable {
  case message(LearnerMessage)
  indirect case published(Publication)
  /// Which of the wanted artifacts are here already (their hash agrees).
  case found([SHA256Digest])
  /// The model is built and can take weights.
  ///
  /// - resendAfter: how long a group may take to be durable before it is pushed again.
  case prepared(resendAfter: Duration)
  /// What this machine has of the weights, if it was asked.
  indirect case foundWeights(LocalWeights?)
  /// What came out of an `assemble`.
  indirect case assembled(WeightManifest, WeightAssembly.Outcome)
  /// The engine samples from this version now.
  case loaded(version: UInt64)
  indirect case generated(ResponseGroup)
  /// The task of this lease cannot be served.
  case generationFailed(LeaseID, reason: String)
  /// Nothing can be generated any more.
  case failed(String)
  case stop(reason: String)
  case tick
}

package enum WorkerAction: Sendable {
  case send(PeerMessage)
  /// Connect data and broadcast sockets as the welcome says.
  indirect case connect(Welcome)
  /// Give up all connections, whatever state they seem to be in, and make them again.
  case connectAnew
  case connectScorers([ScorerAddress])
  /// Look for these artifacts on this machine; answered by `found`.
  case find([Artifact])
  indirect case keep(Artifact, bytes: [UInt8])
  /// Build the model from the artifacts; answered by `prepared`.
  indirect case prepare(Welcome)
  /// Read the weights that this machine has; answered by `foundWeights`.
  case findWeights
  /// Check, and where it is a delta apply, what has been collected; answered by `assembled`.
  indirect case assemble(WeightAssembly)
  indirect case load(WeightManifest, bytes: [UInt8])
  indirect case generate(Lease)
  indirect case push(ResponseGroup, to: ScorerAddress)
  case log(LogLevel, String)
  case finish(RunEnd)
}

/// A rollout worker without its clock, sockets and tensors: it fetches what it needs, holds leases up to its credit,
/// generates them side by side, and keeps every group until the learner says that it is durable.
package struct WorkerRole: Sendable {
  package struct Settings: Sendable, Hashable {
    package var link: LearnerLink.Settings
    /// Leases not yet generated to hold, and to generate, at once.
    package var credit: Int
    /// How long a worker that is told to stop tries to finish and hand in what it has.
    package var grace: Duration
    package var transfer: TransferSettings
    /// Whether this machine may have the model's weights already.
    package var hasLocalModel: Bool
    /// Set by the simulator's tests only.
    package var planted: PlantedDefect?

    package init(
      link: LearnerLink.Settings, credit: Int, grace: Duration,
      transfer: TransferSettings = TransferSettings(), hasLocalModel: Bool = false
    ) {
      self.hasLocalModel = hasLocalModel
      self.link = link
      self.credit = credit
      self.grace = grace
      self.transfer = transfer
    }
  }

  private struct Held: Sendable {
    let group: ResponseGroup
    /// Nil while there was no scorer to push to.
    var scorer: ScorerAddress?
    var triedAt: Instant
    /// When it should be durable.
    var dueAt: Instant
    var pushes = 0

    /// - Parameter patience: how long it may take to be durable.
    /// - Returns: nil if there is no scorer.
    mutating func push(by rota: ScorerRota, at now: Instant, again patience: Duration) -> WorkerAction? {
      let scorer = rota.scorer(at: group.lease.id.number &+ UInt64(pushes), now)
      triedAt = now
      if let scorer {
        self.scorer = scorer
        pushes += 1
      }
      // Less and less often: the scorers may just be slow.
      dueAt = now + patience * (1 << min(max(pushes - 1, 0), 3))
      return scorer.map { .push(group, to: $0) }
    }
  }

  private enum Interest { case wanted, void }

  /// Groups to hold that are not durable; a worker that holds as many wants no more leases until the learner catches up.
  private static let heldLimit = Limits.standard.messages.waiting - Limits.standard.messages.credit

  package let settings: Settings
  package var version: UInt64? { versions.version }
  package private(set) var discarded = 0
  private var link: LearnerLink
  private var fetcher: ArtifactFetcher?
  private var isPrepared = false
  private var versions: PolicyVersions
  /// Since when the oldest lease waits for a version whose announcement has not come.
  private var missingSince: Instant?
  private var rota = ScorerRota()
  /// A group that is not durable after this long is pushed again, to the next scorer.
  private var resendAfter = Duration.seconds(5)
  /// Leases that have not begun.
  private var queue: [Lease] = []
  /// Leases that are being generated, and whether anybody wants what comes of them.
  private var running: [LeaseID: Interest] = [:]
  private var held: [LeaseID: Held] = [:]
  private var leaving: (reason: String, until: Instant)?
  private var isFinished = false
  private var hasSaidLocal = false
  private var busy: BusyTime

  package init(hello: Hello, settings: Settings, seed: UInt64, now: Instant) {
    self.settings = settings
    busy = BusyTime(at: now)
    versions = PolicyVersions(transfer: settings.transfer, awaitsLocal: settings.hasLocalModel)
    link = LearnerLink(hello: hello, settings: settings.link, seed: seed, now: now)
  }

  /// When the machine wants a `tick`.
  package var wakeAt: Instant { link.wakeAt }

  package mutating func receive(_ event: WorkerEvent, at now: Instant) -> [WorkerAction] {
    guard !isFinished else { return [] }
    var actions: [WorkerAction] = []
    switch event {
    case .message(let message):
      link.heard(at: now)
      receive(message, at: now, &actions)
    case .published(.announced(let manifest)):
      link.heard(at: now)
      versions.announced(manifest)
    case .found(let digests):
      if let progress = fetcher?.begin(without: digests) { note(progress, &actions) }
    case .prepared(let patience):
      isPrepared = true
      resendAfter = patience
      if settings.hasLocalModel { actions.append(.findWeights) }
    case .foundWeights(let weights): versions.foundLocal(weights)
    case .assembled(let manifest, let outcome):
      if let reason = versions.assembled(manifest, outcome) {
        actions.append(.log(.error, "version \(manifest.version): \(reason)"))
      }
    case .loaded(let version):
      versions.loaded(version)
      link.beatSoon(at: now)
      if settings.hasLocalModel, !hasSaidLocal {
        hasSaidLocal = true
        actions.append(.log(.info, "\(versions.localBytes >> 10) KiB of the weights were here, the rest came from the learner"))
      }
    case .generated(let group): finish(group, at: now, &actions)
    case .generationFailed(let lease, let reason):
      if running.removeValue(forKey: lease) == .wanted { actions.append(.send(.declined(lease, reason: reason))) }
      actions.append(.log(.error, "lease \(lease): \(reason)"))
    case .failed(let reason): end(.failed(reason: reason), saying: reason, &actions)
    case .stop(let reason): leave(reason, at: now, &actions)
    case .tick: break
    }
    advance(at: now, &actions)
    return actions
  }

  // MARK: The learner speaks

  private mutating func receive(_ message: LearnerMessage, at now: Instant, _ actions: inout [WorkerAction]) {
    switch message {
    case .welcome(let welcome): join(welcome, at: now, &actions)
    case .refused(let reason): end(.failed(reason: "the learner refused this worker: \(reason)"), saying: nil, &actions)
    case .helloWanted: link.forgotten(at: now)
    case .heartbeat: break
    case .lease(let lease):
      // The learner sends a lease again if it seems to be lost.
      guard let known = link.incarnation, lease.id.incarnation <= known, leaving == nil, !holds(lease.id) else { return }
      queue.append(lease)
    case .durable(let leases):
      for lease in leases {
        if let entry = held[lease], entry.pushes == 1, let scorer = entry.scorer { rota.trust(scorer) }
        release(lease)
      }
    case .revoked(let leases):
      for lease in leases {
        if held[lease] != nil { discarded += 1 }
        release(lease)
      }
    case .chunk(let chunk): take(chunk, at: now, &actions)
    case .gone(let source):
      if let progress = fetcher?.missed(source) { note(progress, &actions) }
      // A newer version has taken its place, and its announcement has been missed.
      if versions.missed(source) { link.forgotten(at: now) }
    case .scorers(let scorers): update(scorers, at: now, &actions)
    case .shutdown(let reason, let isComplete):
      end(isComplete ? .completed : .abandoned(reason: reason), saying: reason, &actions)
    case .cluster, .story: break
    }
  }

  private mutating func join(_ welcome: Welcome, at now: Instant, _ actions: inout [WorkerAction]) {
    // A learner that was replaced may not know it yet.
    if let known = link.incarnation, welcome.incarnation < known { return }
    let isOther = welcome.incarnation != link.incarnation
    // What is generated or being generated may still be wanted: the learner says so when it hears of it. What has not
    // begun waits for the weights that this learner serves, and is sent again.
    if isOther { queue.removeAll() }
    link.welcomed(welcome, at: now)
    actions.append(.connect(welcome))
    update(welcome.scorers, at: now, &actions)
    if isOther {
      for id in held.keys.sorted() where held[id]?.triedAt != now { push(id, at: now, &actions) }
    }
    if let manifest = welcome.manifest { versions.welcomed(manifest, isOther: isOther) }
    if fetcher == nil {
      fetcher = ArtifactFetcher(welcome: welcome, settings: settings.transfer)
      actions.append(.find(welcome.artifacts))
    }
  }

  private mutating func update(_ scorers: [ScorerAddress], at now: Instant, _ actions: inout [WorkerAction]) {
    guard scorers != rota.scorers else { return }
    rota.update(scorers)
    actions.append(.connectScorers(scorers))
    // What went to a scorer that is gone went with it.
    for id in held.keys.sorted() {
      if let scorer = held[id]?.scorer, scorers.contains(scorer) { continue }
      push(id, at: now, &actions)
    }
  }

  // MARK: Model files and weights

  private mutating func take(_ chunk: Chunk, at now: Instant, _ actions: inout [WorkerAction]) {
    switch chunk.source {
    case .artifact: if let progress = fetcher?.take(chunk, at: now) { note(progress, &actions) }
    case .weights, .delta: versions.take(chunk, at: now)
    }
  }

  private mutating func note(_ progress: ArtifactFetcher.Progress, _ actions: inout [WorkerAction]) {
    for (artifact, bytes) in progress.whole { actions.append(.keep(artifact, bytes: bytes)) }
    if let failure = progress.failure { return end(.failed(reason: failure), saying: failure, &actions) }
    if let welcome = fetcher?.finished() { actions.append(.prepare(welcome)) }
  }

  /// Asks for what is missing, and puts together what has come. A version is switched while nothing is generated.
  private mutating func collectAndLoad(at now: Instant, _ actions: inout [WorkerAction]) {
    for fetch in versions.due(at: now) { actions.append(.send(.fetch(fetch))) }
    for fetch in fetcher?.due(at: now) ?? [] { actions.append(.send(.fetch(fetch))) }
    if let assembly = versions.assembly() { actions.append(.assemble(assembly)) }
    if isPrepared, running.isEmpty, let (manifest, bytes) = versions.load() {
      actions.append(.load(manifest, bytes: bytes))
    }
  }

  // MARK: Groups

  private func holds(_ id: LeaseID) -> Bool {
    running[id] != nil || held[id] != nil || queue.contains { $0.id == id }
  }

  private mutating func finish(_ group: ResponseGroup, at now: Instant, _ actions: inout [WorkerAction]) {
    guard running.removeValue(forKey: group.lease.id) == .wanted else { return discarded += 1 }
    held[group.lease.id] = Held(group: group, triedAt: now, dueAt: now)
    push(group.lease.id, at: now, &actions)
    actions.append(.send(.generated(group.lease.id)))
  }

  private mutating func push(_ id: LeaseID, at now: Instant, _ actions: inout [WorkerAction]) {
    if let push = held[id]?.push(by: rota, at: now, again: resendAfter) ?? nil { actions.append(push) }
  }

  /// Pushes again what should be durable by now.
  private mutating func pushAgain(at now: Instant, _ actions: inout [WorkerAction]) {
    guard held.values.contains(where: { now > $0.dueAt }) else { return }
    for (id, entry) in held.filter({ now > $0.value.dueAt }).sorted(by: { $0.key < $1.key }) {
      if let scorer = entry.scorer { rota.doubt(scorer, at: now, patience: resendAfter) }
      push(id, at: now, &actions)
      // The next welcome names the scorers that exist, in case word of a change was lost.
      link.forgotten(at: now)
    }
  }

  private mutating func release(_ id: LeaseID) {
    held[id] = nil
    queue.removeAll { $0.id == id }
    if running[id] != nil { running[id] = .void }
  }

  // MARK: Time

  private mutating func advance(at now: Instant, _ actions: inout [WorkerAction]) {
    guard !isFinished else { return }
    if let (reason, until) = leaving, (held.isEmpty && running.isEmpty) || now >= until {
      return end(.interrupted(reason: reason), saying: reason, &actions)
    }
    collectAndLoad(at: now, &actions)
    begin(&actions)
    busy.note(!running.isEmpty, at: now)
    pushAgain(at: now, &actions)
    askForMissingVersion(at: now)
    switch link.step(at: now) {
    case .sayHello(let connectingAnew):
      if connectingAnew { actions.append(.connectAnew) }
      actions.append(.send(.hello(link.hello)))
    case .beat: actions.append(.send(.heartbeat(heartbeat(at: now))))
    case .giveUp(let waited):
      let reason = "waited \(Int(waited.inSeconds)) s for the learner without a word from it"
      end(.failed(reason: reason), saying: nil, &actions)
    case nil: break
    }
  }

  /// Begins what has come. A newer version that waits to be loaded is not kept waiting for more than what runs.
  private mutating func begin(_ actions: inout [WorkerAction]) {
    while !queue.isEmpty, !versions.isLoading, !versions.isLoadDue, leaving == nil, let version, let next = queue.first,
      next.version <= version || settings.planted == .sampleOldWeights
    {
      queue.removeFirst()
      running[next.id] = .wanted
      var lease = next
      lease.version = settings.planted == .sampleOldWeights ? max(version, next.version) : version
      actions.append(.generate(lease))
    }
  }

  /// A lease may come before the announcement of its version, but not by a whole heartbeat: then the announcement was
  /// lost, and the next welcome makes up for it.
  private mutating func askForMissingVersion(at now: Instant) {
    guard let wanted = queue.first?.version, versions.newest.map({ $0 < wanted }) ?? true else {
      missingSince = nil
      return
    }
    let since = missingSince ?? now
    missingSince = since
    guard now - since > link.heartbeat else { return }
    missingSince = nil
    link.forgotten(at: now)
  }

  /// Ready from its first weights on, while it is welcome.
  package var condition: RoleCondition {
    let doing =
      if !link.isWelcome {
        link.incarnation == nil ? "waits for the learner's welcome" : "greets the learner again"
      } else if !isPrepared {
        "fetches model files"
      } else if let version {
        leaving == nil
          ? "generates \(running.count) groups, \(held.count) wait to be durable; at version \(version)"
          : "leaves, \(held.count) groups wait to be durable"
      } else {
        "fetches weights"
      }
    return RoleCondition(isReady: link.isWelcome && version != nil && leaving == nil, isJoined: link.isWelcome, text: doing)
  }

  private mutating func heartbeat(at now: Instant) -> Heartbeat {
    let ids = queue.map(\.id) + running.keys.sorted() + held.keys.sorted()
    let credit = version == nil || leaving != nil ? 0 : min(settings.credit, max(0, Self.heldLimit - held.count))
    return Heartbeat(
      incarnation: link.incarnation ?? 0, version: version, credit: credit, held: ids, busy: busy.take(at: now),
      waiting: held.count)
  }

  /// Leases not begun are let go: the next heartbeat no longer names them.
  private mutating func leave(_ reason: String, at now: Instant, _ actions: inout [WorkerAction]) {
    guard leaving == nil else { return end(.interrupted(reason: reason), saying: reason, &actions) }
    leaving = (reason, now + settings.grace)
    queue.removeAll()
    link.beatSoon(at: now)
  }

  private mutating func end(_ end: RunEnd, saying reason: String?, _ actions: inout [WorkerAction]) {
    guard !isFinished else { return }
    isFinished = true
    if let reason { actions.append(.send(.bye(reason: reason))) }
    actions.append(.finish(end))
  }
}
