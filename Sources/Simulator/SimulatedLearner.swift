internal import DurableFiles
internal import Rollout
internal import WeightDeltas

/// One life of the learner's process. An object, because its machine is too large to be copied at every look.
final class SimulatedLearner {
  let life: UInt32
  var role: LearnerRole
  var weights: ServedWeights
  /// What the trainer made last, until it is published.
  var trained: (policy: SimulatedPolicy, version: PolicyVersion)

  // Its journal writer
  var waiting: [JournalRecord] = []
  var lastTicket = 0
  /// Groups that have come and are not in the journal yet, with the bytes that they came as: there they are the same.
  var encodedGroups: [LeaseID: (group: ScoredGroup, bytes: [UInt8])] = [:]
  /// What is written and not yet synced.
  var committing: [JournalRecord]?
  var committingTicket = 0
  /// Whether a commit is under way that will take what waits after it.
  var isCommitting = false
  /// After a failed fsync nothing is written any more.
  var hasFailed = false
  let incarnation: UInt32
  var loop = LoopLine()

  init(life: UInt32, role: LearnerRole, policy: SimulatedPolicy, version: PolicyVersion) {
    self.life = life
    self.role = role
    weights = ServedWeights(version)
    trained = (policy, version)
    incarnation = role.incarnation
  }

  /// What came while it was stopped and replaced.
  var inbox: [LearnerEvent] = []
}

/// What the learner's disk does, step by step, so that a process can die or the power fail in between.
enum DiskStep {
  /// The records are written; they are to be synced next.
  case journalWritten(ticket: Int)
  case journalRetry
  case checkpoint(CheckpointStage, step: UInt32, path: String, SimulatedPolicy)
  case remove([String])
}

enum CheckpointStage: Int {
  case write, sync, rename, syncFolder
}

/// Lies in wait for a moment that matters.
struct Ambush {
  enum Moment: Equatable {
    /// Records are written and not synced.
    case journalUnsynced
    case checkpoint(CheckpointStage)
  }

  let moment: Moment
  let fault: Int
}
