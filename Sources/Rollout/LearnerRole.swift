/// The learner without its clock, sockets, disk and tensors: which unit is leased to whom, which group is admitted, what
/// is trained next, when a checkpoint is due and when the run ends.
///
/// A batch is the units of one step in schedule order, whoever generated them and whenever they arrived. That is why in
/// synchronous mode (staleness 0) the weights do not depend on the workers.
package struct LearnerRole: Sendable {
  package let settings: LearnerSettings
  package let incarnation: UInt32
  package internal(set) var ledger: Ledger
  /// The version of the policy: the number of steps trained.
  package internal(set) var version: UInt64
  package internal(set) var refusals = 0
  package internal(set) var duplicates = 0

  var schedule: Schedule
  var membership: Membership
  var leases = LeaseTable()
  /// Groups scored or admitted and not yet trained.
  var groups: [UnitID: ScoredGroup]
  var manifest: WeightManifest
  var shelf: WeightShelf
  /// The units of the step that is being trained, in the order in which their groups are summed.
  var training: [UnitID]?
  /// Groups handed to the journal, with the worker that waits for the durable acknowledgement.
  var awaitingDisk: [(ticket: Int, lease: LeaseID, worker: PeerID)] = []
  var lastProgress: Instant
  /// First position that is neither trained nor dead-lettered.
  var firstOpen = 0
  private(set) var phase = Phase.running
  private var lastCheckpoint: UInt32
  private var isCheckpointing = false
  /// The end waits neither for the step nor for the checkpoint under way.
  private var isHurried = false
  private var ticket = 0
  private var durableThrough = 0
  private var nextTick: Instant
  /// Why the ledger cannot be gone on with.
  private let contradiction: String?

  enum Phase: Equatable {
    case running
    /// No new work; waiting for the step or checkpoint under way.
    case closing(RunEnd)
    /// Peers have been told.
    case farewell(RunEnd, until: Instant)
    case finished
  }

  /// - Parameters:
  ///   - recovered: the ledger as of the checkpoint that `manifest` was loaded from.
  ///   - manifest: the policy at the start; its version is the number of steps trained.
  package init(
    settings: LearnerSettings, schedule: Schedule, recovered: RecoveredLedger, manifest: WeightManifest, now: Instant
  ) {
    self.settings = settings
    self.schedule = schedule
    self.manifest = manifest
    shelf = WeightShelf(newest: manifest.version, patience: settings.peerTimeout)
    incarnation = recovered.incarnation + 1
    ledger = Ledger(recovered: recovered.units)
    groups = Dictionary(recovered.groups.map { ($0.unit, $0) }, uniquingKeysWith: { first, _ in first })
    version = manifest.version
    lastCheckpoint = UInt32(manifest.version)
    membership = Membership(timeout: settings.peerTimeout)
    lastProgress = now
    nextTick = now
    contradiction = recovered.contradiction(
      schedule: schedule, promptsPerStep: settings.promptsPerStep, version: manifest.version)
  }

  /// When the machine wants a `tick`.
  package var wakeAt: Instant { nextTick }

  /// What to do before any event: declare the incarnation and open the first steps.
  package mutating func start(at now: Instant) -> [LearnerAction] {
    var actions: [LearnerAction] = []
    if let contradiction {
      close(.failed(reason: contradiction), &actions)
    } else {
      record([.incarnation(incarnation)], &actions)
      openSteps(&actions)
    }
    advance(at: now, &actions)
    return actions
  }

  package mutating func receive(_ event: LearnerEvent, at now: Instant) -> [LearnerAction] {
    guard phase != .finished else { return [] }
    var actions: [LearnerAction] = []
    switch event {
    case .message(let peer, let role, let message): receive(message, from: peer, role: role, at: now, &actions)
    case .scored(let peer, let role, let group, let taskMatches):
      receive(group, from: peer, role: role, taskMatches: taskMatches, &actions)
    case .journaled(let through):
      durableThrough = max(durableThrough, through)
      admit(through: through, at: now, &actions)
    case .trained(let step, let manifest): finishStep(step, manifest, at: now, &actions)
    case .checkpointed(let step, let path, let policy):
      isCheckpointing = false
      lastCheckpoint = max(lastCheckpoint, step)
      record([.checkpointed(step: step, path: path, policy: policy)], &actions)
    case .failed(let reason): close(.failed(reason: reason), &actions)
    case .stop(let reason): close(.interrupted(reason: reason), &actions)
    case .tick: break
    }
    expire(at: now, &actions)
    advance(at: now, &actions)
    nextTick = now + settings.heartbeat * 0.5
    return actions
  }

  /// Hands out leases, starts the next step, ends the run: whatever has become possible.
  private mutating func advance(at now: Instant, _ actions: inout [LearnerAction]) {
    switch phase {
    case .running:
      if version >= UInt64(settings.totalSteps) {
        close(.completed, &actions)
        return advance(at: now, &actions)
      }
      trainIfReady(&actions)
      handOutLeases(at: now, &actions)
      complainIfStalled(at: now, &actions)
    case .closing(let end):
      if !isHurried {
        if training != nil || isCheckpointing { return complainIfStalled(at: now, &actions) }
        if lastCheckpoint < UInt32(version) { return checkpoint(step: UInt32(version), &actions) }
      }
      for peer in membership.peers { actions.append(.send(peer, .shutdown(reason: end.farewell))) }
      phase = .farewell(end, until: now + settings.shutdownGrace)
      advance(at: now, &actions)
    case .farewell(let end, let until):
      // What the run reports as done must be on the disk; after a failure nothing is promised.
      let isDurable = durableThrough >= ticket || end.isFailure
      guard (membership.isEmpty && isDurable) || now >= until else { return }
      for peer in membership.peers { actions.append(.log(.warning, "\(peer) did not say goodbye in time")) }
      phase = .finished
      let late = "the journal did not confirm its last records within \(settings.shutdownGrace.inSeconds) s"
      actions.append(.finish(isDurable ? end : .failed(reason: late)))
    case .finished: break
    }
  }

  /// Ends the run, for this reason or for the one that was given first. A failure takes the place of any other end, and
  /// a second wish to stop does not wait for what is under way.
  mutating func close(_ end: RunEnd, _ actions: inout [LearnerAction]) {
    switch (phase, end) {
    case (.running, _): phase = .closing(end)
    case (.closing(.failed), _), (.farewell(.failed, _), _), (.finished, _): return
    case (.closing, .failed): phase = .closing(end)
    case (.closing, .interrupted): isHurried = true
    case (.farewell(_, let until), .failed): phase = .farewell(end, until: until)
    case (.closing, .completed), (.farewell, _): return
    }
    isHurried = isHurried || end.isFailure
    if isHurried {
      training = nil
      isCheckpointing = false
    } else if training != nil || isCheckpointing {
      let work = training != nil ? "the step" : "the checkpoint"
      actions.append(.log(.info, "\(end.farewell); waiting for \(work) under way"))
    }
  }

  mutating func checkpoint(step: UInt32, _ actions: inout [LearnerAction]) {
    isCheckpointing = true
    actions.append(.checkpoint(step: step))
  }

  private mutating func complainIfStalled(at now: Instant, _ actions: inout [LearnerAction]) {
    guard now - lastProgress > settings.stallAfter else { return }
    lastProgress = now
    let waiting = leases.all.map { "lease \($0.id) of \($0.record.worker)" }.prefix(5).joined(separator: ", ")
    let cause =
      if training != nil {
        "for the trainer"
      } else if isCheckpointing, phase != .running {
        "for the checkpoint"
      } else if !waiting.isEmpty {
        "for \(waiting)"
      } else {
        membership.hasWorkers ? "for a worker with free credit" : "for a worker to join"
      }
    actions.append(
      .log(.warning, "no progress for \(settings.stallAfter.inSeconds) s at step \(version + 1): waiting \(cause)"))
  }

  /// - Returns: the ticket that `journaled` will name.
  @discardableResult
  mutating func record(_ records: [JournalRecord], _ actions: inout [LearnerAction]) -> Int {
    ticket += 1
    actions.append(.journal(records, ticket: ticket))
    return ticket
  }
}

extension RunEnd {
  fileprivate var isFailure: Bool {
    if case .failed = self { true } else { false }
  }

  /// What peers are told.
  var farewell: String {
    switch self {
    case .completed: "the run is complete"
    case .interrupted(let reason): "the run was stopped: \(reason)"
    case .failed(let reason): "the learner failed: \(reason)"
    }
  }
}
