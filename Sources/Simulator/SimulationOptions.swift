internal import Limits
package import Rollout
package import TrustGRPO

/// Every knob of a simulated run.
package struct SimulationOptions: Sendable, Hashable, Codable {
  // The cluster
  package var workers = 8
  package var scorers = 2
  /// Leases not yet generated that a worker holds.
  package var credit = 2

  // The run
  package var steps: UInt32 = 20
  package var promptsPerStep = 8
  package var rows = 50
  package var groupSize = 2
  package var staleness = 0
  package var checkpointEvery: UInt32 = 3
  package var keepCheckpoints = 2
  package var keepsGroups = true
  package var maximumAttempts: UInt32 = 6

  // Waits, seconds
  package var heartbeat = 4.0
  package var leaseDuration = 30.0
  package var peerTimeout = 14.0
  /// A lease that takes this many times the typical time is issued to a second worker too; nil: never.
  package var hedgeAfter: Double? = 4
  package var resendAfter = 5.0
  /// How often workers and scorers look at the clock.
  package var tick = 1.5
  /// How long a process takes to start again.
  package var restart = 2.0
  /// How long a connection that broke takes to be there again.
  package var reconnect = 0.5
  /// Silence after which a connection is given up by the network itself.
  package var connectionTimeout = 15.0
  /// Whether scorers judge thinking with a model of their own; otherwise they ask the reward service.
  package var scoresLocally = false
  /// Whether every worker has the first policy before the run begins; otherwise it fetches it.
  package var startsWithWeights = false
  /// Whether the journal's bytes are kept once they are judged; without, a long run takes less memory, and no learner
  /// can start again.
  package var keepsJournal = true
  /// Groups that a scorer holds before it takes no more.
  package var scorerQueue = 64
  /// Chunks that a policy version is fetched in.
  package var chunks = 2
  /// Groups that a scorer has judged by the reward service at once.
  package var scoresAtOnce = 4
  /// How long a request to the reward service may take.
  package var serviceDeadline = 8.0
  /// Whether a group goes on with its outcome rewards alone when the reward service is down; otherwise it is declined.
  package var goesOnWithoutService = false
  /// Messages that wait for one connection.
  package var highWaterMark = 64

  package var costs = CostModel()
  package var faults = FaultOptions()
  package var trustGRPO = TrustGRPOSettings()
  /// A fault put into the system itself, to see whether the checks find it.
  package var planted: PlantedDefect?

  package init() {}
}

/// Which faults a seed draws, and how many.
package struct FaultOptions: Sendable, Hashable, Codable {
  /// Each seed draws a subset of these.
  package var kinds: [FaultKind] = FaultKind.allCases
  /// The chance of each kind to be in the subset of a seed. In a swarm each seed lacks most kinds, so that one kind does
  /// not hide what another would have shown.
  package var share = 0.25
  /// Faults a kind in a subset, at most.
  package var perKind = 4
  /// Faults begin within this many virtual seconds, and end at the latest when the calm begins.
  package var calmAfter = 45.0
  /// Once it is calm the run has to end within this many virtual seconds, and by how much more a step takes.
  package var patience = 120.0
  /// The chance that a process outside the healthy core stays as it is when the calm begins: dead, cut off or hung.
  package var staysBroken = 0.15

  package init() {}

  package static let none = {
    var options = FaultOptions()
    options.kinds = []
    options.calmAfter = 0
    return options
  }()
}

extension SimulationOptions {
  /// In a swarm a seed draws more than its faults: settings that change how the parts of the system work together.
  package func varied(by seed: UInt64) -> SimulationOptions {
    var random = SimulationRandom(seed: seed, stream: 5)
    var options = self
    options.staleness = [0, 0, 1, 2][random.below(4)]
    options.credit = 1 + random.below(3)
    options.hedgeAfter = random.chance(0.7) ? hedgeAfter : nil
    options.checkpointEvery = UInt32(1 + random.below(5))
    options.keepCheckpoints = 2 + random.below(2)
    options.keepsGroups = random.chance(0.6)
    options.reconnect = random.uniform(0.1, 2)
    options.goesOnWithoutService = random.chance(0.5)
    options.faults.share = random.uniform(0.03, 0.3)
    return options
  }
}

extension SimulationOptions {
  /// Whether a version comes in so few pieces that each stands for many chunks of a real one. Only where nothing is lost.
  var piecesStandForMany: Bool {
    faults.kinds.isEmpty && costs.modelBytes / Double(chunks) > 4 * Double(Limits.standard.messages.chunk)
  }

  /// Seconds in which the learner's link sends a piece of a version to every worker. It stands for many chunks, and takes as
  /// long as all of them.
  var secondsForPiece: Double {
    Double(workers) * costs.modelBytes * (costs.deltaShare ?? 1) / Double(chunks) / costs.linkBytesPerSecond
  }

  /// Whether a process of this name takes part from the start.
  package func hasProcess(_ name: String) -> Bool {
    name == "learner" || (0..<workers).contains { name == "worker-\($0)" } || (0..<scorers).contains { name == "scorer-\($0)" }
  }

  /// Of each scorer's requests to the reward service.
  var serviceSettings: RewardServiceSettings {
    var settings = RewardServiceSettings()
    settings.requestDeadline = .seconds(serviceDeadline)
    settings.groupDeadline = .seconds(max(leaseDuration * 0.8, serviceDeadline))
    settings.longestBackoff = .seconds(5)
    settings.longestCoolDown = .seconds(10)
    settings.waitBudget = settings.groupDeadline * 0.5
    settings.whenDown = goesOnWithoutService ? .outcomeOnly : .decline
    return settings
  }

  /// What cannot be simulated; nil if it can.
  package var contradiction: String? {
    let limits = Limits.standard
    let counts: [(String, Int, ClosedRange<Int>)] = [
      ("workers", workers, 1...limits.messages.peers - 64), ("scorers", scorers, 1...64), ("steps", Int(steps), 1...1_000_000),
      ("promptsPerStep", promptsPerStep, 1...limits.messages.peers * 8), ("rows", rows, 1...10_000_000), ("groupSize", groupSize, 1...64),
      ("credit", credit, 1...limits.messages.credit), ("staleness", staleness, 0...1000), ("scoresAtOnce", scoresAtOnce, 1...64), ("highWaterMark", highWaterMark, 1...1_000_000),
    ]
    if let (name, value, range) = counts.first(where: { !$0.2.contains($0.1) }) {
      return "\(name) is \(value), not \(range.lowerBound) to \(range.upperBound)"
    }
    let positive: [(String, Double)] = [
      ("heartbeat", heartbeat), ("leaseDuration", leaseDuration), ("peerTimeout", peerTimeout), ("resendAfter", resendAfter),
      ("tick", tick), ("restart", restart), ("reconnect", reconnect), ("connectionTimeout", connectionTimeout),
      ("serviceDeadline", serviceDeadline), ("costs.tokensPerSecond", costs.tokensPerSecond),
      ("costs.responseTokens", costs.responseTokens), ("costs.linkBytesPerSecond", costs.linkBytesPerSecond),
      ("costs.cores", costs.cores ?? 1), ("hedgeAfter", hedgeAfter ?? 1),
    ]
    // A thousandth of a second is long enough for whoever looks again and again.
    if let (name, value) = positive.first(where: { !($0.1 >= 1e-3 && $0.1 <= 1e12) }) {
      return "\(name) is \(value), not a number from 0.001 on"
    }
    let amounts: [(String, Double)] = [
      ("costs.prefillSeconds", costs.prefillSeconds), ("costs.scoringSeconds", costs.scoringSeconds),
      ("costs.stepSeconds", costs.stepSeconds), ("costs.trainingSecondsPerGroup", costs.trainingSecondsPerGroup),
      ("costs.modelBytes", costs.modelBytes * 1e-6), ("costs.loadSeconds", costs.loadSeconds), ("costs.latency", costs.latency),
      ("costs.jitter", costs.jitter), ("costs.fsyncSeconds", costs.fsyncSeconds),
      ("costs.checkpointSeconds", costs.checkpointSeconds), ("costs.eventSeconds", costs.eventSeconds),
      ("costs.journalSecondsPerGroup", costs.journalSecondsPerGroup), ("costs.upkeepSeconds", costs.upkeepSeconds),
      ("faults.calmAfter", faults.calmAfter), ("faults.patience", faults.patience), ("faults.perKind", Double(faults.perKind)),
    ]
    if let (name, value) = amounts.first(where: { !($0.1 >= 0 && $0.1 <= 1e6) }) { return "\(name) is \(value), out of all proportion" }
    let shares = [("costs.spread", costs.spread), ("faults.share", faults.share), ("faults.staysBroken", faults.staysBroken)]
    if let (name, value) = shares.first(where: { !($0.1 >= 0 && $0.1 <= 1) }) { return "\(name) is \(value), not from 0 to 1" }
    if let found = serviceSettings.contradictions.first {
      return "leaseDuration \(leaseDuration) and serviceDeadline \(serviceDeadline) do not fit the reward service: \(found)"
    }
    if peerTimeout <= heartbeat { return "peerTimeout is \(peerTimeout) s, no longer than the heartbeat of \(heartbeat) s" }
    return nil
  }
}
