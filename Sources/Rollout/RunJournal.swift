package import DurableFiles

/// One thing that happened to the ledger, as it is made durable.
package enum JournalRecord: Sendable, Hashable {
  /// A learner took over the run. Incarnations only grow.
  case incarnation(UInt32)
  /// The unit at `position` of the schedule entered the ledger.
  case issued(position: Int, unit: UnitID, step: UInt32)
  /// A second one for a unit that is leased hedges a straggler.
  case leased(unit: UnitID, lease: LeaseID, attempt: UInt32, worker: String, version: UInt64)
  /// The worker reports the group as generated and pushed.
  case generated(unit: UnitID, lease: LeaseID)
  /// The lease ended without a group; the unit is queued again, unless another lease is out for it.
  case leaseEnded(unit: UnitID, lease: LeaseID, reason: String)
  /// The group is admitted: from here on it is the learner's to keep. Another lease of its unit ends.
  indirect case admitted(ScoredGroup, worker: String, scorer: String)
  case deadLettered(unit: UnitID, reason: String)
  indirect case trained(TrainedStep)
  /// A verified checkpoint of `step` exists at `path`, relative to the run folder.
  case checkpointed(step: UInt32, path: String, policy: SHA256Digest)
  /// These checkpoints are no longer needed; their folders go once this is durable.
  ///
  /// - forgetting: the last step whose groups are no longer kept either; nil if all are.
  case retired(checkpoints: [UInt32], forgetting: UInt32?)
}

/// One update of the policy, as it happened.
package struct TrainedStep: Sendable, Hashable {
  /// From 1. The version that it made has the same number.
  package var step: UInt32
  /// In the order in which their groups were summed.
  package var units: [UnitID]
  /// Named numbers of the step (loss, kl, entropy, seconds by phase, ...), in a fixed order.
  package var metrics: [Metric]
  /// `WeightManifest.digest` of the policy after the step.
  package var policy: SHA256Digest
  /// Of that policy on the held-out rows; nil if it was not evaluated.
  package var evaluation: HeldOutScore?

  package init(
    step: UInt32, units: [UnitID], metrics: [Metric], policy: SHA256Digest, evaluation: HeldOutScore? = nil
  ) {
    self.step = step
    self.units = units
    self.metrics = metrics
    self.policy = policy
    self.evaluation = evaluation
  }
}

/// What greedy answers to the held-out rows were worth.
package struct HeldOutScore: Sendable, Hashable {
  package var rows: Int
  /// Share of rows answered right.
  package var accuracy: Double
  /// Mean outcome reward.
  package var outcome: Double

  package init(rows: Int, accuracy: Double, outcome: Double) {
    self.rows = rows
    self.accuracy = accuracy
    self.outcome = outcome
  }
}

/// A named number.
package struct Metric: Sendable, Hashable, Codable {
  package var name: String
  package var value: Double

  package init(_ name: String, _ value: Double) {
    self.name = name
    self.value = value
  }
}

/// What a learner that starts finds in the journal after rolling it back to a checkpoint.
package struct RecoveredLedger: Sendable, Hashable {
  package struct Unit: Sendable, Hashable {
    package var unit: UnitID
    package var step: UInt32
    /// What was scored and not yet durable is leased or generated still.
    package var state: UnitState
    /// Attempts so far.
    package var attempts: UInt32

    package init(unit: UnitID, step: UInt32, state: UnitState, attempts: UInt32) {
      self.unit = unit
      self.step = step
      self.state = state
      self.attempts = attempts
    }
  }

  /// A lease that was out when the last incarnation ended. Its worker may still hand the group in.
  package struct Lease: Sendable, Hashable {
    package var id: LeaseID
    package var unit: UnitID
    package var attempt: UInt32
    package var version: UInt64
    /// The worker's name.
    package var worker: String
    package var isGenerated: Bool

    package init(
      id: LeaseID, unit: UnitID, attempt: UInt32, version: UInt64, worker: String, isGenerated: Bool
    ) {
      self.id = id
      self.unit = unit
      self.attempt = attempt
      self.version = version
      self.worker = worker
      self.isGenerated = isGenerated
    }
  }

  /// The last incarnation that wrote to the journal; 0 for a new run.
  package var incarnation: UInt32
  /// In schedule order; the index is the position.
  package var units: [Unit]
  /// Groups admitted and not trained in the line of the checkpoint.
  package var groups: [ScoredGroup]
  /// Oldest first.
  package var leases: [Lease]
  /// Checkpoints up to the one gone back to, oldest first.
  package var checkpoints: [CheckpointRecord]
  /// The policies of the steps that were taken back. Training their groups again makes the same ones.
  package var takenBack: [UInt32: SHA256Digest]

  package init(
    incarnation: UInt32, units: [Unit], groups: [ScoredGroup], leases: [Lease] = [],
    checkpoints: [CheckpointRecord] = [], takenBack: [UInt32: SHA256Digest] = [:]
  ) {
    self.incarnation = incarnation
    self.units = units
    self.groups = groups
    self.leases = leases
    self.checkpoints = checkpoints
    self.takenBack = takenBack
  }

  package static let new = RecoveredLedger(incarnation: 0, units: [], groups: [])
}

/// A checkpoint that the journal names.
package struct CheckpointRecord: Sendable, Hashable {
  package var step: UInt32
  /// Relative to the run folder.
  package var path: String
  /// `WeightManifest.digest` of its policy.
  package var policy: SHA256Digest
  /// On the held-out rows; nil if the step was not evaluated.
  package var accuracy: Double?

  package init(step: UInt32, path: String, policy: SHA256Digest, accuracy: Double?) {
    self.step = step
    self.path = path
    self.policy = policy
    self.accuracy = accuracy
  }
}

/// Where the ledger is made durable. The learner is told that a commit is durable only after `commit` has returned.
package protocol RunJournal: Sendable {
  /// Makes all records durable, in order, or none of them. Returns after the fsync.
  ///
  /// - Throws: `JournalPaused` if the same call may succeed later; any other error ends the journal: after a failed
  ///   fsync it refuses everything (it is never retried).
  func commit(_ records: [JournalRecord]) throws

  /// Newest first.
  func checkpoints() throws -> [CheckpointRecord]

  /// Takes back what was trained after `step` (those groups are admitted again, to be trained in the same order; a unit
  /// whose group is no longer kept is queued again) and returns what stands.
  func rollBack(to step: UInt32) throws -> RecoveredLedger
}

/// The journal took nothing, for a reason that may pass: there is no space on the disk, or another process holds the file.
package struct JournalPaused: Error {
  /// In the user's terms.
  package let reason: String

  package init(reason: String) {
    self.reason = reason
  }
}
