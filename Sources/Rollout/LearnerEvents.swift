package import DurableFiles

/// What the learner's machine must know of the run's settings.
package struct LearnerSettings: Sendable, Hashable {
  package var totalSteps: UInt32
  package var promptsPerStep: Int
  package var admission: AdmissionRules
  package var leaseDuration: Duration
  package var heartbeat: Duration
  /// A peer that has not been heard of for this long is taken for dead.
  package var peerTimeout: Duration
  /// A unit is dead-lettered when this many of its leases have failed: declined, run out, or held by a worker that
  /// died. A lease that a leaving worker gives back does not count.
  package var maximumAttempts: UInt32
  package var checkpointEvery: UInt32
  /// Newest checkpoints that are kept besides the best by held-out accuracy; at least 2 are.
  package var keepCheckpoints: Int
  /// Whether groups are kept once a checkpoint that trained them can be relied on.
  package var keepsGroups: Bool
  /// A lease that takes this many times the typical time is issued to a second worker too; nil: never.
  package var hedgeAfter: Double?
  /// How long peers have to say goodbye.
  package var shutdownGrace: Duration
  /// Time without progress after which the learner says whom it waits for.
  package var stallAfter: Duration
  /// Time without progress after which the run ends; nil: it waits for as long as it takes.
  package var endAfterStall: Duration?
  /// Set by the simulator's tests only.
  package var planted: PlantedDefect?

  package init(
    totalSteps: UInt32, promptsPerStep: Int, admission: AdmissionRules, leaseDuration: Duration, heartbeat: Duration,
    peerTimeout: Duration, maximumAttempts: UInt32, checkpointEvery: UInt32, keepCheckpoints: Int, keepsGroups: Bool,
    hedgeAfter: Double?, shutdownGrace: Duration, stallAfter: Duration, endAfterStall: Duration?
  ) {
    self.totalSteps = totalSteps
    self.promptsPerStep = promptsPerStep
    self.admission = admission
    self.leaseDuration = leaseDuration
    self.heartbeat = heartbeat
    self.peerTimeout = peerTimeout
    self.maximumAttempts = maximumAttempts
    self.checkpointEvery = checkpointEvery
    self.keepCheckpoints = keepCheckpoints
    self.keepsGroups = keepsGroups
    self.hedgeAfter = hedgeAfter
    self.shutdownGrace = shutdownGrace
    self.stallAfter = stallAfter
    self.endAfterStall = endAfterStall
  }
}

/// What happens to the learner.
package enum LearnerEvent: Sendable {
  case message(PeerID, role: Role, PeerMessage)
  /// - taskMatches: whether the digest is that of the task issued with the lease.
  indirect case scored(PeerID, role: Role, ScoredGroup, taskMatches: Bool)
  /// Everything handed to the journal up to this ticket is durable.
  case journaled(through: Int)
  /// The journal has taken nothing for now and goes on trying: no space, say.
  case journalPaused(reason: String)
  indirect case trained(TrainedStep, WeightManifest)
  indirect case checkpointed(step: UInt32, path: String, policy: SHA256Digest)
  /// No checkpoint was made, for a reason that may pass; what was there is there still.
  case checkpointFailed(step: UInt32, reason: String)
  /// The list of keys that may join is another one now: names, and what each may do.
  case allowed([String: Role])
  /// The journal, the trainer or the disk failed: nothing can be promised any more.
  case failed(String)
  case stop(reason: String)
  /// Time has passed.
  case tick
}

/// What the learner wants done. The order is the order in which it is to be carried out.
package enum LearnerAction: Sendable {
  case send(PeerID, LearnerMessage)
  case welcome(PeerID, incarnation: UInt32, scorers: [ScorerAddress])
  /// Send a lease; the task is attached on the way out.
  indirect case lease(PeerID, id: LeaseID, unit: UnitID, attempt: UInt32, version: UInt64, step: UInt32)
  indirect case answer(PeerID, Fetch)
  /// Send it, with the run's name, this machine and this process filled in.
  indirect case show(PeerID, ClusterSnapshot)
  /// Send what the journal has of the unit.
  case tell(PeerID, UnitID, state: UnitState?, step: UInt32)
  case journal([JournalRecord], ticket: Int)
  case train(step: UInt32, groups: [ScoredGroup])
  indirect case publish(WeightManifest)
  /// Nobody fetches these versions any more.
  case release(versions: [UInt64])
  case checkpoint(step: UInt32)
  /// Nothing in the journal needs these folders (relative to the run folder) any more.
  case removeCheckpoints(paths: [String])
  case log(LogLevel, String)
  case finish(RunEnd)
}

package enum LogLevel: String, Sendable, Hashable, Comparable, Codable {
  case debug, info, warning, error

  package static func < (left: Self, right: Self) -> Bool { left.rank < right.rank }

  private var rank: Int {
    switch self {
    case .debug: 0
    case .info: 1
    case .warning: 2
    case .error: 3
    }
  }
}

/// How a process of the run ended.
package enum RunEnd: Sendable, Hashable {
  /// All work is trained or dead-lettered.
  case completed
  /// Stopped in good order; the same command goes on from the checkpoint.
  case interrupted(reason: String)
  /// Stopped in good order because nothing had happened for too long.
  case stalled(reason: String)
  /// Of a peer: the learner has ended before the run was complete, and wants it again when it goes on.
  case abandoned(reason: String)
  case failed(reason: String)
  /// Failed, and would fail again until somebody changes a setting.
  case misconfigured(reason: String)
}
