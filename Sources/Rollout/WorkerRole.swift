package import DurableFiles

package enum WorkerEvent: Sendable {
  case message(LearnerMessage)
  case published(Publication)
  /// Which of the wanted artifacts are here already (their hash agrees).
  case found([SHA256Digest])
  /// The model is built and can take weights.
  case prepared
  /// The engine samples from this version now.
  case loaded(version: UInt64)
  case generated(ResponseGroup)
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
  case connect(Welcome)
  case connectScorers([ScorerAddress])
  /// Look for these artifacts on this machine; answered by `found`.
  case find([Artifact])
  case keep(Artifact, bytes: [UInt8])
  /// Build the model from the artifacts; answered by `prepared`.
  case prepare(Welcome)
  case load(WeightManifest, bytes: [UInt8])
  case generate(Lease)
  case push(ResponseGroup, to: ScorerAddress)
  case log(LogLevel, String)
  case finish(RunEnd)
}

/// A rollout worker without its clock, sockets and tensors: it fetches what it needs, holds leases up to its credit,
/// generates them one after the other, and keeps every group until the learner says that it is durable.
package struct WorkerRole: Sendable {
  package struct Settings: Sendable, Hashable {
    package var link: LearnerLink.Settings
    /// Leases not yet generated to hold at once.
    package var credit: Int
    /// A group that is not durable after this long is pushed again, to the next scorer.
    package var resendAfter: Duration
    /// How long a worker that is told to stop tries to finish and hand in what it has.
    package var grace: Duration

    package init(link: LearnerLink.Settings, credit: Int, resendAfter: Duration, grace: Duration) {
      self.link = link
      self.credit = credit
      self.resendAfter = resendAfter
      self.grace = grace
    }
  }

  private struct Held: Sendable {
    var group: ResponseGroup
    var pushedAt: Instant?
    var pushes = 0
  }

  package let settings: Settings
  package private(set) var version: UInt64?
  package private(set) var discarded = 0
  private var link: LearnerLink
  private var fetcher: ArtifactFetcher?
  private var isPrepared = false
  private var weights: (manifest: WeightManifest, download: Download)?
  private var isLoading = false
  private var scorers: [ScorerAddress] = []
  private var queue: [Lease] = []
  private var current: LeaseID?
  private var currentIsVoid = false
  private var held: [LeaseID: Held] = [:]
  private var leaving: (reason: String, until: Instant)?
  private var isFinished = false

  package init(hello: Hello, settings: Settings, seed: UInt64, now: Instant) {
    self.settings = settings
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
    case .published(let publication):
      link.heard(at: now)
      receive(publication, at: now, &actions)
    case .found(let digests):
      fetcher?.markPresent(digests)
      if let fetch = fetcher?.begin(at: now) { actions.append(.send(.fetch(fetch))) }
      prepareIfFetched(&actions)
    case .prepared:
      isPrepared = true
      loadIfComplete(&actions, at: now)
    case .loaded(let version):
      isLoading = false
      self.version = version
      link.beatSoon(at: now)
      loadIfComplete(&actions, at: now)
    case .generated(let group): finish(group, at: now, &actions)
    case .generationFailed(let lease, let reason):
      current = nil
      if !currentIsVoid { actions.append(.send(.declined(lease, reason: reason))) }
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
      guard lease.id.incarnation == link.incarnation, leaving == nil else { return }
      queue.append(lease)
    case .durable(let leases): for lease in leases { held[lease] = nil }
    case .revoked(let leases): for lease in leases { drop(lease) }
    case .chunk(let chunk): take(chunk, at: now, &actions)
    case .gone(let source):
      if source == weights?.download.source {
        // A newer version has taken its place; its announcement follows or has been missed.
        weights = nil
        link.forgotten(at: now)
      }
    case .scorers(let scorers): update(scorers, &actions)
    case .shutdown(let reason): end(.completed, saying: reason, &actions)
    }
  }

  private mutating func join(_ welcome: Welcome, at now: Instant, _ actions: inout [WorkerAction]) {
    if welcome.incarnation != link.incarnation {
      queue.removeAll()
      currentIsVoid = current != nil
    }
    let isFirst = fetcher == nil
    link.welcomed(welcome, at: now)
    actions.append(.connect(welcome))
    update(welcome.scorers, &actions)
    if let manifest = welcome.manifest { want(manifest, at: now, &actions, ask: true) }
    if isFirst {
      fetcher = ArtifactFetcher(welcome: welcome)
      actions.append(.find(welcome.artifacts))
    }
  }

  private mutating func update(_ scorers: [ScorerAddress], _ actions: inout [WorkerAction]) {
    guard scorers != self.scorers else { return }
    self.scorers = scorers
    actions.append(.connectScorers(scorers))
  }

  private mutating func receive(_ publication: Publication, at now: Instant, _ actions: inout [WorkerAction]) {
    switch publication {
    case .announced(let manifest): want(manifest, at: now, &actions, ask: false)
    case .chunk(let chunk): take(chunk, at: now, &actions)
    }
  }

  // MARK: Model files and weights

  private mutating func want(
    _ manifest: WeightManifest, at now: Instant, _ actions: inout [WorkerAction], ask: Bool
  ) {
    if weights?.manifest == manifest || (weights == nil && version == manifest.version) { return }
    weights = (
      manifest, Download(source: .weights(version: manifest.version), byteCount: manifest.byteCount, now: now)
    )
    if ask, let next = weights?.download.pull(at: now) { actions.append(.send(.fetch(next))) }
  }

  private mutating func take(_ chunk: Chunk, at now: Instant, _ actions: inout [WorkerAction]) {
    switch chunk.source {
    case .artifact:
      guard let taken = fetcher?.take(chunk, at: now) else { return }
      for (artifact, bytes) in taken.whole { actions.append(.keep(artifact, bytes: bytes)) }
      if let next = taken.next { actions.append(.send(.fetch(next))) }
      prepareIfFetched(&actions)
    case .weights:
      guard weights?.download.take(chunk, at: now) == true else { return }
      if weights?.download.isPulled == true, let next = weights?.download.pull(at: now) {
        actions.append(.send(.fetch(next)))
      }
      loadIfComplete(&actions, at: now)
    }
  }

  private mutating func prepareIfFetched(_ actions: inout [WorkerAction]) {
    if let welcome = fetcher?.finished() { actions.append(.prepare(welcome)) }
  }

  private mutating func loadIfComplete(_ actions: inout [WorkerAction], at now: Instant) {
    // A version is switched between groups only.
    guard isPrepared, !isLoading, current == nil, let (manifest, download) = weights else { return }
    guard download.isComplete else { return }
    if let tensor = download.bytes.withUnsafeBytes({ manifest.firstMismatch(in: $0) }) {
      actions.append(.log(.error, "version \(manifest.version): the bytes of \(tensor) do not have the manifest's hash"))
      if let again = weights?.download.restart(at: now) { actions.append(.send(.fetch(again))) }
      return
    }
    weights = nil
    isLoading = true
    actions.append(.load(manifest, bytes: download.bytes))
  }

  // MARK: Groups

  private mutating func finish(_ group: ResponseGroup, at now: Instant, _ actions: inout [WorkerAction]) {
    current = nil
    if currentIsVoid {
      currentIsVoid = false
      discarded += 1
    } else {
      held[group.lease.id] = Held(group: group)
      push(group.lease.id, at: now, &actions)
      actions.append(.send(.generated(group.lease.id)))
    }
    loadIfComplete(&actions, at: now)
  }

  private mutating func push(_ id: LeaseID, at now: Instant, _ actions: inout [WorkerAction]) {
    guard !scorers.isEmpty, let entry = held[id] else { return }
    let scorer = scorers[Int((id.number &+ UInt64(entry.pushes)) % UInt64(scorers.count))]
    held[id]?.pushedAt = now
    held[id]?.pushes += 1
    actions.append(.push(entry.group, to: scorer))
  }

  private mutating func drop(_ id: LeaseID) {
    queue.removeAll { $0.id == id }
    if held.removeValue(forKey: id) != nil { discarded += 1 }
    if current == id { currentIsVoid = true }
  }

  // MARK: Time

  private mutating func advance(at now: Instant, _ actions: inout [WorkerAction]) {
    guard !isFinished else { return }
    if let (reason, until) = leaving, (held.isEmpty && current == nil) || now >= until {
      return end(.interrupted(reason: reason), saying: reason, &actions)
    }
    startNext(&actions)
    for id in held.keys.sorted() {
      guard let entry = held[id] else { continue }
      if entry.pushedAt.map({ now - $0 > settings.resendAfter }) ?? true { push(id, at: now, &actions) }
    }
    if let fetch = weights?.download.pullIfStuck(at: now, patience: settings.resendAfter * 0.5) {
      actions.append(.send(.fetch(fetch)))
    }
    if let fetch = fetcher?.retry(at: now, patience: settings.resendAfter) { actions.append(.send(.fetch(fetch))) }
    switch link.step(at: now) {
    case .sayHello: actions.append(.send(.hello(link.hello)))
    case .beat: actions.append(.send(.heartbeat(heartbeat)))
    case .giveUp(let waited):
      let reason = "waited \(Int(waited.inSeconds)) s for the learner without a word from it"
      end(.failed(reason: reason), saying: nil, &actions)
    case nil: break
    }
  }

  private mutating func startNext(_ actions: inout [WorkerAction]) {
    guard current == nil, !isLoading, leaving == nil, let version, let next = queue.first, next.version <= version
    else { return }
    queue.removeFirst()
    current = next.id
    currentIsVoid = false
    var lease = next
    lease.version = version
    actions.append(.generate(lease))
  }

  private var heartbeat: Heartbeat {
    let ids = queue.map(\.id) + (current.map { [$0] } ?? []) + held.keys.sorted()
    return Heartbeat(
      incarnation: link.incarnation ?? 0, version: version,
      credit: version == nil || leaving != nil ? 0 : settings.credit, held: ids)
  }

  private mutating func leave(_ reason: String, at now: Instant, _ actions: inout [WorkerAction]) {
    guard leaving == nil else { return end(.interrupted(reason: reason), saying: reason, &actions) }
    leaving = (reason, now + settings.grace)
    for lease in queue { actions.append(.send(.declined(lease.id, reason: "the worker is leaving"))) }
    queue.removeAll()
    link.beatSoon(at: now)
  }

  private mutating func end(_ end: RunEnd, saying reason: String?, _ actions: inout [WorkerAction]) {
    isFinished = true
    if let reason { actions.append(.send(.bye(reason: reason))) }
    actions.append(.finish(end))
  }
}
