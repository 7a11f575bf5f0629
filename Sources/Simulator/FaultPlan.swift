/// The faults of a run, drawn from its seed.
package struct FaultPlan: Sendable {
  private let options: SimulationOptions
  private let seed: UInt64

  package init(seed: UInt64, options: SimulationOptions) {
    self.seed = seed
    self.options = options
  }

  /// A swarm: a subset of the kinds, each with its own number, targets, times and strengths (Groce et al., Swarm Testing,
  /// ISSTA 2012).
  package func drawn() -> [PlannedFault] {
    var faults: [PlannedFault] = []
    for (number, kind) in options.faults.kinds.enumerated() {
      // A stream for each kind: leaving one kind out changes nothing about the others.
      var random = SimulationRandom(seed: seed, stream: 2, UInt64(number))
      guard random.chance(options.faults.share) else { continue }
      for _ in 0...random.below(kind == .poison ? 1 : options.faults.perKind) { faults.append(draw(kind, &random)) }
    }
    faults += stayingBroken()
    return faults.sorted { ($0.at, $0.kind.rawValue, $0.target) < ($1.at, $1.kind.rawValue, $1.target) }
  }

  /// Processes outside a healthy core of the learner, a worker and a scorer may stay as a fault has left them.
  private func stayingBroken() -> [PlannedFault] {
    guard !options.faults.kinds.isEmpty else { return [] }
    var random = SimulationRandom(seed: seed, stream: 3)
    let others = (1..<max(1, options.workers)).map { "worker-\($0)" } + (1..<max(1, options.scorers)).map { "scorer-\($0)" }
    return others.compactMap { name in
      let kind = [FaultKind.kill, .partition, .hungEngine][random.below(3)]
      guard random.chance(options.faults.staysBroken) else { return nil }
      return PlannedFault(kind, name, at: options.faults.calmAfter, duration: PlannedFault.forGood)
    }
  }

  private func draw(_ kind: FaultKind, _ random: inout SimulationRandom) -> PlannedFault {
    let at = random.uniform(0, options.faults.calmAfter)
    let strength = random.uniform(0.05, 1)
    let target = draw(kind.targets, &random)
    let duration = kind.durations.map { random.uniform($0.lowerBound, $0.upperBound) } ?? 0
    return PlannedFault(kind, target, at: rounded(at), duration: rounded(duration), strength: rounded(strength))
  }

  /// To milliseconds, so that a plan that is written down and read again is the same.
  private func rounded(_ value: Double) -> Double { (value * 1000).rounded() / 1000 }

  private func draw(_ targets: FaultKind.Targets, _ random: inout SimulationRandom) -> String {
    let workers = (0..<options.workers).map { "worker-\($0)" }
    let scorers = (0..<options.scorers).map { "scorer-\($0)" }
    let names: [String] =
      switch targets {
      case .anyone: ["learner"] + workers + scorers
      case .learner: ["learner"]
      case .workers: workers
      case .scorers: scorers
      case .peers: workers + scorers
      case .rows: (0..<options.rows).map(String.init)
      }
    return names[random.below(names.count)]
  }
}

extension FaultKind {
  enum Targets { case anyone, learner, workers, scorers, peers, rows }

  var targets: Targets {
    switch self {
    case .kill, .pause, .descriptors, .disconnect, .highWaterMark, .delay, .reorder, .duplicate, .partition, .cutFrom, .cutTo,
      .slowLink, .halfOpen, .reset, .addressChange, .clockRate, .corruptMessage:
      .anyone
    case .killInCheckpoint, .replaced, .restartStorm, .powerLoss, .tornWrite, .bitFlip, .syncFailure, .diskFull, .slowDisk,
      .clockJump, .otherMachine, .oldVersion, .hostileMessage, .forgedRole, .foreignGroup, .lateJoiner:
      .learner
    case .slow, .outOfMemory, .corruptChunk: .workers
    case .badGroup, .rateLimit, .serviceError, .serviceTimeOut, .garbageScore, .slowDrip, .changedScore: .scorers
    case .hungEngine, .replay: .peers
    case .poison: .rows
    }
  }

  /// Virtual seconds; nil for what happens once.
  var durations: ClosedRange<Double>? {
    switch self {
    case .kill: 1...20
    case .pause, .replaced: 1...45
    case .partition, .cutFrom, .cutTo, .delay: 2...40
    case .halfOpen: 2...15
    case .slow, .hungEngine, .descriptors, .slowLink, .slowDisk, .diskFull, .clockRate, .clockJump: 5...40
    case .duplicate, .corruptMessage, .corruptChunk, .badGroup, .replay: 5...40
    case .killInCheckpoint, .powerLoss, .tornWrite, .syncFailure: 20...40
    case .rateLimit, .serviceError, .serviceTimeOut, .garbageScore, .slowDrip, .changedScore: 5...40
    case .disconnect, .highWaterMark: 1...10
    case .reorder: 0.5...3
    case .outOfMemory, .restartStorm, .oldVersion, .lateJoiner, .reset, .addressChange, .bitFlip, .otherMachine,
      .hostileMessage, .forgedRole, .foreignGroup, .poison:
      nil
    }
  }
}
