internal import DurableFiles
internal import Rollout
internal import TrustGRPO
internal import WeightDeltas
internal import Wire

/// Processes that start and stop, and what the services of workers and scorers do with their machines' actions.
extension Simulation {
  // MARK: Starting and stopping

  func start(_ process: Int) throws {
    processes[process].state = .up
    processes[process].engineFreeAt = now.nanoseconds
    processes[process].weights = []
    let seed = UInt64(process) << 32 | UInt64(processes[process].life)
    let time = processes[process].clock.instant(at: now)
    let life = processes[process].life
    let link = LearnerLink.Settings(silence: .seconds(options.heartbeat * 3), renewal: .seconds(max(10, options.heartbeat * 4)), giveUpAfter: .seconds(max(60, options.heartbeat * 4)))
    switch processes[process].role {
    case .learner: return try startLearner()
    case .observer: return
    case .worker:
      var settings = WorkerRole.Settings(
        link: link, credit: processes[process].credit, grace: .seconds(5), transfer: transfer)
      settings.planted = options.planted
      processes[process].worker = WorkerRole(hello: hello(process), settings: settings, seed: seed, now: time)
    case .scorer:
      let settings = ScorerRole.Settings(link: link, queueLimit: options.scorerQueue, transfer: transfer)
      processes[process].scorer = ScorerRole(hello: hello(process), settings: settings, seed: seed, now: time)
      if !options.scoresLocally {
        processes[process].service = RewardService(settings: options.serviceSettings, seed: seed, now: time)
      }
    }
    tell(.process(processes[process].name)) { "\(processes[process].name) starts" }
    for connection in [processes[process].control, processes[process].broadcast, processes[process].scored] where connection >= 0 {
      connections[connection].forward.waiting = []
      breakConnection(connection, pause: 0.01)
    }
    post(.timer(process: process, life: life), after: processes[process].random.uniform(0, options.tick))
  }

  private var transfer: TransferSettings {
    TransferSettings(
      chunk: SimulatedPolicy.byteCount / options.chunks + 1, window: options.chunks,
      patience: .seconds(max(options.heartbeat * 2, options.piecesStandForMany ? 4 * options.secondsForPiece : 0)),
      target: .seconds(options.heartbeat))
  }

  private func hello(_ process: Int) -> Hello {
    let isScorer = processes[process].role == .scorer
    return Hello(
      role: processes[process].role, host: "host-\(process)", processID: Int32(processes[process].life) + 1,
      endpoint: isScorer ? endpoint(of: process) : "")
  }

  private func endpoint(of scorer: Int) -> String { "tcp://\(scorer):\(1 + processes[scorer].life)" }

  /// The process is gone, with everything that it had in memory.
  ///
  /// - Parameter seconds: until it starts again; nil: it does not.
  func stop(_ process: Int, restartAfter seconds: Double?) {
    guard processes[process].state != .ended else { return }
    tell(.process(processes[process].name)) { "\(processes[process].name) is gone" }
    processes[process].state = .down
    processes[process].life += 1
    processes[process].inbox = []
    processes[process].pauses = 0
    processes[process].worker = nil
    processes[process].scorer = nil
    processes[process].service = nil
    processes[process].judging = [:]
    processes[process].hungUntil = 0
    dropJobs(of: process)
    processes[process].pushes = [:]
    if process == 0 { learner = nil }
    // What the kernel had taken from it may arrive yet; what went to it does not.
    let isLate = processes[process].random.chance(0.5)
    for connection in connections(of: process) where !(isLate && connections[connection].client == process) {
      breakConnection(connection)
    }
    if let seconds { post(.start(process: process, life: processes[process].life), after: seconds) }
  }

  private func finish(_ process: Int, _ how: RunEnd) {
    tell(.process(processes[process].name)) { "\(processes[process].name) ends: \(how)" }
    // Unless the run is complete, whether its learner failed or it did itself, it goes on with the same command.
    let isComplete = end != nil || learner.map { $0.role.version >= UInt64(options.steps) } ?? false
    guard isComplete, how == .completed else { return stop(process, restartAfter: end == nil ? options.restart : nil) }
    processes[process].state = .ended
    processes[process].worker = nil
    processes[process].scorer = nil
  }

  // MARK: Workers

  func tellWorker(_ process: Int, _ event: WorkerEvent) throws {
    let time = processes[process].clock.instant(at: now)
    if case .loaded(let version) = event { measuring?.note(loaded: version, by: process, at: now) }
    guard let actions = processes[process].worker?.receive(event, at: time) else { return }
    try (consume actions).handOn { try carryOut($0, ofWorker: process) }
  }

  func arriveAtWorker(_ letter: Letter, _ process: Int, by plane: Plane) throws {
    do {
      switch plane {
      case .control: try tellWorker(process, .message(try learnerMessage(letter)))
      case .broadcast: try tellWorker(process, .published(try publication(letter)))
      case .groups, .scored: return
      }
    } catch let error as WireError {
      tell(.process(processes[process].name)) { "\(processes[process].name) refused a message: \(error.message)" }
      noteRefused(by: process)
    }
  }

  private func worker(_ process: Int, _ event: WorkerEvent, after seconds: Double) {
    work(process, seconds, then: .worker(process: process, life: processes[process].life, event))
  }

  private func carryOut(_ action: consuming WorkerAction, ofWorker process: Int) throws {
    switch consume action {
    case .send(let message): send(message, by: processes[process].control)
    case .find(let artifacts): worker(process, .found(artifacts.map(\.digest).filter(processes[process].files.contains)), after: 0.02)
    case .keep(let artifact, _): processes[process].files.insert(artifact.digest)
    case .prepare: worker(process, .prepared(resendAfter: .seconds(options.resendAfter)), after: 0.2)
    case .findWeights: break
    case .assemble(let assembly):
      var outcome = outcome(of: assembly)
      if case (.delta, .whole) = (assembly.form, outcome) { tally.deltas += 1 }
      if case .damaged = outcome {
        fire(.corruptChunk)
        if options.planted == .skipHashCheck { outcome = .whole(assembly.collected) }
      }
      post(.worker(process: process, life: processes[process].life, .assembled(assembly.manifest, outcome)), after: 0.01)
    case .load(let manifest, let bytes):
      try checkLoaded(manifest, bytes, by: process)
      processes[process].weights = bytes
      tell(.process(processes[process].name)) { "\(processes[process].name) loads version \(manifest.version)" }
      worker(process, .loaded(version: manifest.version), after: options.costs.loadSeconds)
    case .generate(let lease): generate(lease, process)
    case .push(let group, let scorer): push(group, to: scorer, from: process)
    case .finish(let how): finish(process, how)
    case .log(let level, let text): tell(.process(processes[process].name)) { "\(processes[process].name) \(level.rawValue): \(text)" }
    case .connectAnew: connectAnew(process)
    case .connect, .connectScorers: break
    }
  }

  /// What every worker puts together from the same bytes is the same, and is hashed once.
  private func outcome(of assembly: WeightAssembly) -> WeightAssembly.Outcome {
    if let known = assembled[assembly.manifest.version], known.isMade(by: assembly) { return .whole(known.bytes) }
    let outcome = assembly.assembled()
    if case .whole(let bytes) = outcome { assembled[assembly.manifest.version] = AssembledWeights(assembly, bytes) }
    return outcome
  }

  private func generate(_ lease: Lease, _ process: Int) {
    tell(.unit(lease.unit)) { "\(processes[process].name) generates unit \(lease.unit) with version \(lease.version)" }
    guard !poison.contains(lease.unit.prompt) else {
      fire(.poison)
      return worker(process, .generationFailed(lease.id, reason: "the image is no image"), after: 0.05)
    }
    var seed = lease.unit
    if options.planted == .sampleByAttempt, lease.attempt > 1 {
      seed = UnitID(epoch: lease.unit.epoch + 1000 * lease.attempt, prompt: lease.unit.prompt)
    }
    let costs = options.costs
    let tokens = Double(options.groupSize) * costs.responseTokens
    let length = 1 + costs.spread * processes[process].random.uniform(-1, 1)
    let seconds = costs.prefillSeconds + tokens * length / costs.tokensPerSecond
    if processes[process].slowness > 1 { fire(.slow) }
    let group = ResponseGroup(
      lease: lease, responses: sampling.responses(to: seed, with: processes[process].weights), seconds: seconds)
    worker(process, .generated(group), after: seconds)
  }

  func push(_ group: ResponseGroup, to scorer: ScorerAddress, from process: Int) {
    // A scorer that was started again listens elsewhere.
    let (target, life) = lastNumbers(in: scorer.endpoint)
    guard processes.indices.contains(target), life == Int(processes[target].life) + 1 else { return }
    tell(.unit(group.lease.unit)) { "\(processes[process].name) pushes unit \(group.lease.unit) to \(processes[target].name)" }
    let connection: Int
    if let known = processes[process].pushes[target] {
      connection = known
    } else {
      connection = addConnection(.groups, client: process, server: target)
      connections[connection].isUp = processes[target].isUp
      processes[process].pushes[target] = connection
      if !processes[target].isUp { breakConnection(connection) }
    }
    send(codec.encode(group), of: .group(group), by: connection, isForward: true)
  }

  // MARK: Scorers

  func tellScorer(_ process: Int, _ event: ScorerEvent) throws {
    let time = processes[process].clock.instant(at: now)
    guard let actions = processes[process].scorer?.receive(event, at: time) else { return }
    try (consume actions).handOn { try carryOut($0, ofScorer: process) }
  }

  func arriveAtScorer(_ letter: Letter, _ process: Int, from client: Int, by plane: Plane) throws {
    do {
      switch plane {
      case .control: try tellScorer(process, .message(try learnerMessage(letter)))
      case .groups:
        let peer = PeerID(name: processes[client].name, connection: "")
        try tellScorer(process, .group(peer, role: processes[client].role, try responseGroup(letter)))
      case .broadcast, .scored: return
      }
    } catch let error as WireError {
      tell(.process(processes[process].name)) { "\(processes[process].name) refused a message: \(error.message)" }
      noteRefused(by: process)
    }
  }

  private func scorer(_ process: Int, _ event: ScorerEvent, after seconds: Double) {
    work(process, seconds, then: .scorer(process: process, life: processes[process].life, event))
  }

  private func carryOut(_ action: consuming ScorerAction, ofScorer process: Int) throws {
    switch consume action {
    case .send(let message): send(message, by: processes[process].control)
    case .find(let artifacts): scorer(process, .found(artifacts.map(\.digest).filter(processes[process].files.contains)), after: 0.02)
    case .keep(let artifact, _): processes[process].files.insert(artifact.digest)
    case .prepare: scorer(process, .prepared(scoringPace), after: 0.2)
    case .score(let group):
      tell(.unit(group.lease.unit)) { "\(processes[process].name) scores unit \(group.lease.unit)" }
      if options.scoresLocally {
        let thinking = group.responses.map { SimulatedSampling.thinking(of: $0) as Double? }
        deliver(group, thinking, process, seconds: options.costs.scoringSeconds)
      } else {
        try judge(group, by: process)
      }
    case .push(let group):
      tell(.unit(group.unit)) { "\(processes[process].name) pushes the scored group of unit \(group.unit)" }
      let sent = spoiled(group, by: process)
      // What a broken scorer sends is read from its bytes.
      let content = spoiling[process] == nil ? Letter.Message.scored(sent) : nil
      send(codec.encode(sent), of: content, by: processes[process].scored, isForward: true)
    case .finish(let how): finish(process, how)
    case .log(let level, let text): tell(.process(processes[process].name)) { "\(processes[process].name) \(level.rawValue): \(text)" }
    case .connectAnew: connectAnew(process)
    case .connect: break
    }
  }

  private var scoringPace: ScoringPace {
    options.scoresLocally
      ? ScoringPace(patience: .seconds(options.leaseDuration))
      : ScoringPace(atOnce: options.scoresAtOnce, patience: options.serviceSettings.groupDeadline + .seconds(2))
  }

  /// The group with its rewards, once all are there.
  func deliver(_ group: ResponseGroup, _ thinking: [Double?], _ process: Int, seconds: Double = 0.001) {
    let lease = group.lease
    let outcomes = group.responses.map { SimulatedSampling.outcome(of: $0) }
    guard
      let rewards = try? GroupRewards.compute(
        outcomes: outcomes, thinking: thinking, step: Int(lease.step) - 1, settings: options.trustGRPO)
    else { return scorer(process, .scoringFailed(lease.id, reason: "its rewards cannot be computed"), after: seconds) }
    let scored = ScoredGroup(
      lease: lease.id, unit: lease.unit, attempt: lease.attempt, version: lease.version, step: lease.step,
      taskDigest: taskDigest(of: lease.unit.prompt), responses: group.responses, outcomes: outcomes, thinking: thinking,
      rewards: rewards, generationSeconds: group.seconds, scoringSeconds: seconds)
    scorer(process, .scored(scored), after: seconds)
  }

  func taskDigest(of prompt: UInt32) -> SHA256Digest {
    if let known = taskDigests[prompt] { return known }
    let digest = SimulatedSampling.task(prompt).digest
    taskDigests[prompt] = digest
    return digest
  }
}
