import DurableFiles
import WeightDeltas

@testable import Rollout

/// The role machines of a whole run, joined by a network that loses, repeats, delays and reorders, with engines and a disk
/// that take time and processes that die: all from one seed, in one thread, on a clock that jumps from event to event.
///
/// Weights are the hash of all that was trained, and a response is a hash of its unit and of the weights, so two runs
/// that end with the same policy have trained the same groups in the same order.
struct SimulatedCluster {
  struct Options: Sendable {
    var workers = 3
    var scorers = 2
    var steps: UInt32 = 4
    var prompts = 3
    var staleness = 0
    var loss = 0.1
    var duplication = 0.1
    /// Chance that a chunk arrives with other bytes.
    var damage = 0.02
    /// Seconds that a message may take.
    var delay = 1.0
    /// Chance that a process dies, by second and process.
    var deaths = 0.02
    var learnerDeaths = 0.0
    /// A row that no worker can serve.
    var poison: UInt32?
    var maximumAttempts: UInt32 = 1000
    var hedgeAfter: Double? = 2
    /// Chance that a group takes twenty times as long to generate.
    var stragglers = 0.05
    /// Faults end after this many seconds, so that every run can end.
    var calmAfter = 60.0
  }

  enum Event {
    case toLearner(PeerID, Role, PeerMessage)
    case toWorker(PeerID, WorkerEvent)
    case toScorer(PeerID, ScorerEvent)
    case scored(PeerID, ScoredGroup)
    /// From its own disk and trainer: lost with the life that asked.
    case inLearner(LearnerEvent, life: Int)
    case synced([JournalRecord], ticket: Int, life: Int)
    case saved(step: UInt32, Policy, life: Int)
    case startLearner
    case second
  }

  struct Policy {
    var version: UInt64 = 0
    var weights = SHA256Digest(of: []).bytes

    /// As they are sent: most of them never change, so that a delta is smaller.
    var bytes: [UInt8] { weights + Array(repeating: 7, count: 96) }

    var manifest: WeightManifest {
      let bytes = bytes
      let entry = WeightManifest.Entry(
        name: "w", shape: [bytes.count], dtype: "U8", byteCount: bytes.count, digest: SHA256Digest(of: bytes))
      return WeightManifest(version: version, entries: [entry])
    }

    mutating func train(_ groups: [ScoredGroup]) {
      let text = groups.map { "\($0.unit) \($0.responses.map(\.tokens))" }.joined(separator: "\n")
      weights = SHA256Digest(of: weights + Array(text.utf8)).bytes
      version += 1
    }
  }

  let options: Options
  private(set) var journal = JournalModel()
  private(set) var learner: LearnerRole?
  private(set) var end: RunEnd?
  /// Seconds after which the learner had ended the run.
  private(set) var endedAt = 0.0
  private(set) var restarts = 0
  /// Groups that came under a lease of an incarnation before the one that admitted them.
  private(set) var handedIn = 0
  /// Leases issued for units that were out already.
  private(set) var hedges = 0
  /// Versions that workers made from the one before.
  private(set) var deltasApplied = 0
  private(set) var trace: UInt64 = 0xcbf2_9ce4_8422_2325
  private var workers: [PeerID: WorkerRole] = [:]
  private var scorers: [PeerID: ScorerRole] = [:]
  /// What each worker's engine samples with.
  private var engines: [PeerID: [UInt8]] = [:]
  private var policy = Policy()
  /// The manifest of `policy`, with its delta.
  private var offered = Policy().manifest
  /// What workers may fetch.
  private var served: [Fetch.Source: [UInt8]] = [:]
  /// What is being trained.
  var batch: [ScoredGroup] = []
  private var saved: [UInt32: Policy] = [0: Policy()]
  private var draws: Draws
  private var now = Instant(nanoseconds: 0)
  private var pending: [(at: Instant, number: Int, event: Event)] = []
  private var count = 0
  private var life = 0
  private var connections = 0

  init(seed: UInt64, _ options: Options) {
    self.options = options
    draws = Draws(seed: seed)
  }

  private var seconds: Double { Double(now.nanoseconds) * 1e-9 }
  private var isCalm: Bool { seconds > options.calmAfter }

  // MARK: The run

  /// - Throws: the first breach of an invariant, or what is left undone when the run should long have ended.
  mutating func run() throws {
    try startLearner()
    for index in 0..<options.workers { startWorker("w\(index)") }
    for index in 0..<options.scorers { startScorer("s\(index)") }
    post(.second, after: 1)
    while let next = pending.popLast() {
      now = next.at
      trace = (trace ^ now.nanoseconds ^ UInt64(next.number)) &* 0x100_0000_01b3
      try perform(next.event)
      try checkInvariants()
      if end != nil, workers.isEmpty, scorers.isEmpty { return }
      guard seconds < options.calmAfter + 600 else { break }
    }
    throw JournalModel.Breach(description: "not ended after \(seconds) s: \(String(describing: learner?.ledger.counts))")
  }

  private mutating func perform(_ event: Event) throws {
    switch event {
    case .toLearner(let peer, let role, let message): try tellLearner(.message(peer, role: role, message))
    case .scored(let peer, let group):
      try tellLearner(
        .scored(peer, role: .scorer, group, taskMatches: PromptTask.sample(group.unit).digest == group.taskDigest))
    case .inLearner(let event, let life): if life == self.life { try tellLearner(event) }
    case .synced(let records, let ticket, let life):
      guard life == self.life else { return }
      try journal.commit(records)
      try tellLearner(.journaled(through: ticket))
    case .saved(let step, let policy, let life):
      guard life == self.life else { return }
      saved[step] = policy
      try tellLearner(.checkpointed(step: step, path: "c\(step)", policy: policy.manifest.digest))
    case .toWorker(let peer, let event): try tellWorker(peer, event)
    case .toScorer(let peer, let event): tellScorer(peer, event)
    case .startLearner: try startLearner()
    case .second: try passSecond()
    }
  }

  /// Processes notice the time, and some of them die.
  private mutating func passSecond() throws {
    post(.second, after: 1)
    try tellLearner(.tick)
    for peer in workers.keys.sorted() {
      try tellWorker(peer, .tick)
      if isStruck(options.deaths), workers.removeValue(forKey: peer) != nil { startWorker(peer.name) }
    }
    for peer in scorers.keys.sorted() {
      tellScorer(peer, .tick)
      if isStruck(options.deaths), scorers.removeValue(forKey: peer) != nil { startScorer(peer.name) }
    }
    if learner != nil, isStruck(options.learnerDeaths) {
      learner = nil
      post(.startLearner, after: 1 + 3 * draws.uniform())
    }
  }

  private mutating func isStruck(_ probability: Double) -> Bool {
    !isCalm && end == nil && draws.chance(probability)
  }

  // MARK: Processes

  private mutating func startLearner() throws {
    life += 1
    if life > 1 { restarts += 1 }
    let (step, recovered) = journal.recover()
    policy = saved[step] ?? Policy()
    offered = policy.manifest
    served = [.weights(version: policy.version): policy.bytes]
    var settings = LearnerSettings.sample(
      steps: options.steps, prompts: options.prompts, staleness: options.staleness, checkpointEvery: 2)
    settings.leaseDuration = .seconds(20)
    settings.peerTimeout = .seconds(5)
    settings.maximumAttempts = options.maximumAttempts
    settings.hedgeAfter = options.hedgeAfter
    settings.admission.vocabularySize = 256
    var role = LearnerRole(
      settings: settings, schedule: Schedule(rows: 5, seed: 9, shuffled: true), recovered: recovered,
      manifest: policy.manifest, now: now)
    let actions = role.start(at: now)
    learner = role
    try carryOut(actions)
  }

  private mutating func startWorker(_ name: String) {
    connections += 1
    let settings = WorkerRole.Settings(
      link: .init(silence: .seconds(3), giveUpAfter: .seconds(200)), credit: 2, resendAfter: .seconds(4),
      grace: .seconds(5), transfer: TransferSettings(chunk: 31, window: 3, patience: .seconds(2), target: .seconds(2)))
    let peer = PeerID(name: name, connection: "\(connections)")
    workers[peer] = WorkerRole(
      hello: .sample(.worker, processID: Int32(connections)), settings: settings, seed: UInt64(connections), now: now)
    post(.toWorker(peer, .tick), after: draws.uniform())
  }

  private mutating func startScorer(_ name: String) {
    connections += 1
    let settings = ScorerRole.Settings(
      link: .init(silence: .seconds(3), giveUpAfter: .seconds(200)), queueLimit: 4)
    let peer = PeerID(name: name, connection: "\(connections)")
    let hello = Hello.sample(.scorer, processID: Int32(connections), endpoint: "tcp://\(name):\(connections % 2)")
    scorers[peer] = ScorerRole(hello: hello, settings: settings, seed: UInt64(connections), now: now)
    post(.toScorer(peer, .tick), after: draws.uniform())
  }

  private mutating func tellLearner(_ event: LearnerEvent) throws {
    guard let actions = learner?.receive(event, at: now) else { return }
    try carryOut(actions)
  }

  private mutating func tellWorker(_ peer: PeerID, _ event: WorkerEvent) throws {
    guard let actions = workers[peer]?.receive(event, at: now) else { return }
    for action in actions { try carryOut(action, of: peer) }
  }

  private mutating func tellScorer(_ peer: PeerID, _ event: ScorerEvent) {
    guard let actions = scorers[peer]?.receive(event, at: now) else { return }
    for action in actions { carryOut(action, of: peer) }
  }

  // MARK: Actions

  private mutating func carryOut(_ actions: [LearnerAction]) throws {
    for action in actions {
      switch action {
      case .send(let peer, let message):
        if case .durable(let leases) = message { try checkDurable(leases) }
        transmit(message, to: peer)
      case .welcome(let peer, let incarnation, let scorers):
        var welcome = Welcome.sample(incarnation: incarnation, scorers: scorers)
        welcome.manifest = offered
        transmit(.welcome(welcome), to: peer)
      case .lease(let peer, let id, let unit, let attempt, let version, let step):
        let lease = Lease(
          id: id, unit: unit, attempt: attempt, version: version, step: step, task: .sample(unit))
        transmit(.lease(lease), to: peer)
      case .answer(let peer, let fetch):
        guard let bytes = served[fetch.source] else {
          throw JournalModel.Breach(description: "\(fetch.source) was released and is still handed out")
        }
        var part = Array(bytes[fetch.offset..<min(fetch.offset + fetch.count, bytes.count)])
        if !isCalm, draws.chance(options.damage) { part[draws.below(part.count)] ^= 1 }
        transmit(.chunk(Chunk(source: fetch.source, offset: fetch.offset, payload: Payload(part))), to: peer)
      case .journal(let records, let ticket):
        count(records)
        // A disk keeps the order.
        post(.synced(records, ticket: ticket, life: life), after: 0.05)
      case .train(let step, let groups):
        try checkBatch(step, groups)
        var next = policy
        next.train(groups)
        let trained = TrainedStep(
          step: step, units: groups.map(\.unit), metrics: [], policy: next.manifest.digest)
        let offer = next.manifest.offering(delta(to: next), from: policy.manifest)
        post(.inLearner(.trained(trained, offer), life: life), after: 0.5 + draws.uniform())
      case .publish(let manifest):
        var next = policy
        next.train(batch)
        served[.delta(version: next.version)] = delta(to: next)
        served[.weights(version: next.version)] = next.bytes
        (policy, offered) = (next, manifest)
        for peer in workers.keys.sorted() { send(.toWorker(peer, .published(.announced(manifest)))) }
      case .release(let versions):
        for version in versions {
          served[.weights(version: version)] = nil
          served[.delta(version: version)] = nil
        }
      case .checkpoint(let step):
        post(.saved(step: step, policy, life: life), after: 0.3 + draws.uniform())
      case .log, .removeCheckpoints: break
      case .finish(let how):
        end = how
        endedAt = seconds
        learner = nil
        return
      }
    }
  }

  private mutating func count(_ records: [JournalRecord]) {
    for record in records {
      switch record {
      case .admitted(let group, _, _): if group.lease.incarnation < learner?.incarnation ?? 0 { handedIn += 1 }
      case .leased(let unit, _, _, _, _): if learner?.ledger.entry(of: unit)?.leases.count == 2 { hedges += 1 }
      default: break
      }
    }
  }

  private func delta(to next: Policy) -> [UInt8]? {
    WeightDelta.make(from: policy.bytes, to: next.bytes, next.manifest)
  }

  private mutating func carryOut(_ action: WorkerAction, of peer: PeerID) throws {
    func soon(_ event: WorkerEvent, _ seconds: Double) { post(.toWorker(peer, event), after: seconds) }
    switch action {
    case .send(let message): send(.toLearner(peer, .worker, message))
    case .find: soon(.found([]), 0.1)
    case .prepare: soon(.prepared, 0.5)
    case .assemble(let assembly):
      let outcome = assembly.assembled()
      if case (.delta, .whole) = (assembly.form, outcome) { deltasApplied += 1 }
      soon(.assembled(assembly.manifest, outcome), 0.2 * draws.uniform())
    case .load(let manifest, let bytes):
      // S5: what is loaded is what the manifest says.
      guard bytes.withUnsafeBytes({ manifest.firstMismatch(in: $0) }) == nil else {
        throw JournalModel.Breach(description: "\(peer) loads other weights than version \(manifest.version)")
      }
      engines[peer] = bytes
      soon(.loaded(version: manifest.version), 0.2 * draws.uniform())
    case .generate(let lease):
      guard lease.unit.prompt != options.poison else {
        return soon(.generationFailed(lease.id, reason: "the image is no image"), 0.1)
      }
      let slowness = !isCalm && draws.chance(options.stragglers) ? 20.0 : 1
      soon(.generated(sample(lease, with: engines[peer] ?? [])), slowness * (0.2 + 1.5 * draws.uniform()))
    case .push(let group, let scorer):
      let reader = scorers.keys.sorted().first { "tcp://\($0.name):\((Int($0.connection) ?? 0) % 2)" == scorer.endpoint }
      if let reader { send(.toScorer(reader, .group(peer, role: .worker, group))) }
    case .finish: workers[peer] = nil
    case .connect, .connectScorers, .keep, .log: break
    }
  }

  private mutating func carryOut(_ action: ScorerAction, of peer: PeerID) {
    switch action {
    case .send(let message): send(.toLearner(peer, .scorer, message))
    case .find: post(.toScorer(peer, .found([])), after: 0.1)
    case .prepare: post(.toScorer(peer, .prepared), after: 0.5)
    case .score(let group):
      let lease = group.lease
      var scored = ScoredGroup.sample(
        lease: lease.id, unit: lease.unit, attempt: lease.attempt, step: lease.step, version: lease.version)
      scored.responses = group.responses
      post(.toScorer(peer, .scored(scored)), after: 0.3 * draws.uniform())
    case .push(let group): send(.scored(peer, group))
    case .finish: scorers[peer] = nil
    case .connect, .keep, .log: break
    }
  }

  private func sample(_ lease: Lease, with weights: [UInt8]) -> ResponseGroup {
    let responses = (0..<2).map { member in
      Response.sample(SHA256Digest(of: weights + Array("\(lease.unit) \(member)".utf8)).bytes.prefix(3).map { Int32($0) })
    }
    return ResponseGroup(lease: lease, responses: responses, seconds: 1)
  }

  // MARK: Time and network

  private mutating func transmit(_ message: LearnerMessage, to peer: PeerID) {
    send(workers[peer] != nil ? .toWorker(peer, .message(message)) : .toScorer(peer, .message(message)))
  }

  /// Across the network.
  private mutating func send(_ event: Event) {
    if !isCalm, draws.chance(options.loss) { return }
    let copies = !isCalm && draws.chance(options.duplication) ? 2 : 1
    for _ in 0..<copies { post(event, after: 0.01 + (isCalm ? 0 : options.delay * draws.uniform())) }
  }

  private mutating func post(_ event: Event, after seconds: Double) {
    count += 1
    let at = now + .seconds(seconds)
    // Latest first, so that the next event is taken from the end.
    var (low, high) = (0, pending.count)
    while low < high {
      let middle = (low + high) / 2
      if (pending[middle].at, pending[middle].number) > (at, count) { low = middle + 1 } else { high = middle }
    }
    pending.insert((at, count, event), at: low)
  }
}
