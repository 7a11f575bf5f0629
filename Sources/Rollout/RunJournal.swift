package import DurableFiles

/// One thing that happened to the ledger, as it is made durable.
package enum JournalRecord: Sendable, Hashable {
  /// A learner took over the run. Incarnations only grow.
  case incarnation(UInt32)
  /// The unit at `position` of the schedule entered the ledger.
  case issued(position: Int, unit: UnitID, step: UInt32)
  case leased(unit: UnitID, lease: LeaseID, attempt: UInt32, worker: String, version: UInt64)
  /// The worker reports the group as generated and pushed.
  case generated(unit: UnitID, lease: LeaseID)
  /// The lease ended without a group; the unit is queued again.
  case requeued(unit: UnitID, lease: LeaseID, reason: String)
  /// The group is admitted: from here on it is the learner's to keep.
  case admitted(ScoredGroup, worker: String, scorer: String)
  case deadLettered(unit: UnitID, reason: String)
  case trained(TrainedStep)
  /// A verified checkpoint of `step` exists at `path`, relative to the run folder.
  case checkpointed(step: UInt32, path: String, policy: SHA256Digest)
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

  package init(step: UInt32, units: [UnitID], metrics: [Metric], policy: SHA256Digest) {
    self.step = step
    self.units = units
    self.metrics = metrics
    self.policy = policy
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
    /// queued, admitted, trained or dead-lettered: what was under way in a dead incarnation is queued again.
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

  /// The last incarnation that wrote to the journal; 0 for a new run.
  package var incarnation: UInt32
  /// In schedule order; the index is the position.
  package var units: [Unit]
  /// Groups admitted and not trained in the line of the checkpoint.
  package var groups: [ScoredGroup]

  package init(incarnation: UInt32, units: [Unit], groups: [ScoredGroup]) {
    self.incarnation = incarnation
    self.units = units
    self.groups = groups
  }

  package static let new = RecoveredLedger(incarnation: 0, units: [], groups: [])
}

/// Where the ledger is made durable. The learner is told that a commit is durable only after `commit` has returned.
package protocol RunJournal: Sendable {
  /// Makes all records durable, in order, or none of them. Returns after the fsync.
  ///
  /// - Throws: an `ActionableError`; after a failed fsync the journal refuses everything (it is never retried).
  func commit(_ records: [JournalRecord]) throws

  /// Steps that have a checkpoint, newest first, with folder (relative to the run folder) and policy hash.
  func checkpoints() throws -> [(step: UInt32, path: String, policy: SHA256Digest)]

  /// Takes back what was trained after `step` (those groups are admitted again, to be trained in the same order),
  /// queues again what was leased, generated or scored, and returns what stands.
  func rollBack(to step: UInt32) throws -> RecoveredLedger
}
