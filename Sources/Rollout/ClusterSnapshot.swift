/// What an observer asks to be shown.
package enum Look: Sendable, Hashable {
  /// Answered with a `ClusterSnapshot`.
  case cluster
  /// Answered with a `UnitStory`.
  case unit(UnitID)
}

/// The whole cluster as the learner knows it at one moment, for observers.
///
/// Shares and rates are over about the last half minute, what was last counting most.
package struct ClusterSnapshot: Sendable, Hashable, Codable {
  package var run: String
  package var incarnation: UInt32
  /// Of the learner's machine, and its process there.
  package var host: String
  package var processID: Int32
  /// Seconds since this incarnation began.
  package var uptime: Double
  /// Steps trained: the version of the policy.
  package var step: UInt32
  package var totalSteps: UInt32
  /// Whether a step is being trained now.
  package var isTraining: Bool
  /// What the learner does or waits for, in words.
  package var activity: String
  /// Units of the step that is trained next, and how many of them it need not wait for any more.
  package var promptsPerStep: Int
  package var ready: Int
  /// Share of time in [0, 1] in which the learner had nothing to train.
  package var idleShare: Double
  /// Groups made durable, a second.
  package var groupsPerSecond: Double
  /// Tokens of their responses, a second.
  package var tokensPerSecond: Double
  /// Units in each state, in the order of `UnitState.allCases`.
  package var units: [Int]
  /// Groups that were refused, and those that came twice, since this incarnation began.
  package var refusals: Int
  package var duplicates: Int
  /// Versions that a sample may lag behind.
  package var staleness: UInt32
  /// By role and name.
  package var peers: [ObservedPeer]

  package init(
    run: String, incarnation: UInt32, host: String, processID: Int32, uptime: Double, step: UInt32, totalSteps: UInt32,
    isTraining: Bool, activity: String, promptsPerStep: Int, ready: Int, idleShare: Double, groupsPerSecond: Double,
    tokensPerSecond: Double, units: [Int], refusals: Int, duplicates: Int, staleness: UInt32, peers: [ObservedPeer]
  ) {
    self.run = run
    self.incarnation = incarnation
    self.host = host
    self.processID = processID
    self.uptime = uptime
    self.step = step
    self.totalSteps = totalSteps
    self.isTraining = isTraining
    self.activity = activity
    self.promptsPerStep = promptsPerStep
    self.ready = ready
    self.idleShare = idleShare
    self.groupsPerSecond = groupsPerSecond
    self.tokensPerSecond = tokensPerSecond
    self.units = units
    self.refusals = refusals
    self.duplicates = duplicates
    self.staleness = staleness
    self.peers = peers
  }

  package func count(_ state: UnitState) -> Int {
    zip(UnitState.allCases, units).first { $0.0 == state }?.1 ?? 0
  }
}

/// A worker or scorer as the learner knows it.
package struct ObservedPeer: Sendable, Hashable, Codable {
  package enum State: String, Sendable, Hashable, Codable, CaseIterable {
    /// It fetches model files or weights, or prepares its engine.
    case joining
    case idle, working
    /// It wants no more work: it hands in what it has and goes, or the learner does not keep up with it.
    case full
    /// A lease ran out in its hands, or it says itself that its engine seems to hang.
    case doubted
  }

  /// The name that its key is registered under. Several processes may share a key.
  package var name: String
  package var role: Role
  package var host: String
  package var processID: Int32
  package var state: State
  /// A worker's: the policy version that it samples from; nil before the first.
  package var version: UInt64?
  /// A worker's: leases that it wants to hold, and those that it holds and has not generated.
  package var credit: Int
  package var leases: Int
  /// What waits in the process: a worker's groups that are pushed and not durable, a scorer's groups that wait for its engine.
  package var waiting: Int
  /// Share of time in [0, 1] in which its engine had nothing to do.
  package var idleShare: Double
  /// A worker's: tokens of its groups that were admitted, a second.
  package var tokensPerSecond: Double
  /// A worker's: its groups that were admitted since it joined.
  package var groups: Int
  /// Seconds since its last word.
  package var silence: Double

  package init(
    name: String, role: Role, host: String, processID: Int32, state: State, version: UInt64?, credit: Int, leases: Int,
    waiting: Int, idleShare: Double, tokensPerSecond: Double, groups: Int, silence: Double
  ) {
    self.name = name
    self.role = role
    self.host = host
    self.processID = processID
    self.state = state
    self.version = version
    self.credit = credit
    self.leases = leases
    self.waiting = waiting
    self.idleShare = idleShare
    self.tokensPerSecond = tokensPerSecond
    self.groups = groups
    self.silence = silence
  }
}

/// What happened to one unit of work, from the journal.
package struct UnitStory: Sendable, Hashable, Codable {
  package struct Event: Sendable, Hashable, Codable {
    /// Seconds since 1970 on the learner's clock.
    package var at: Double
    /// In words: `leased to worker-3 (lease 1.17, attempt 1, version 4)`.
    package var what: String

    package init(at: Double, what: String) {
      self.at = at
      self.what = what
    }
  }

  package var unit: UnitID
  /// Nil if the unit has not been issued (yet).
  package var state: UnitState?
  /// The step that it is for.
  package var step: UInt32
  /// In order.
  package var events: [Event]

  package init(unit: UnitID, state: UnitState?, step: UInt32, events: [Event]) {
    self.unit = unit
    self.state = state
    self.step = step
    self.events = events
  }
}
