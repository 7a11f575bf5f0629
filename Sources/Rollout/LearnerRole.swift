internal import DurableFiles

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
  var pace = LeasePace()
  var groups: UntrainedGroups
  var manifest: WeightManifest
  var shelf: WeightShelf
  /// The units of the step that is being trained, in the order in which their groups are summed.
  var training: [UnitID]?
  /// Groups handed to the journal, with the worker that waits for the durable acknowledgement.
  var awaitingDisk = FirstInFirstOut<(ticket: Int, lease: LeaseID, unit: UnitID, worker: PeerID)>()
  /// Whether the journal takes records at present.
  var isJournalPaused = false
  var lastProgress: Instant
  private var lastComplaint: Instant?
  /// Position of the first unit of the next step that it still waits for; the end of the step if there is none.
  var firstPending = 0
  private(set) var phase = Phase.running
  var meter: LearnerMeter
  /// Versions up to this one come out the same as before the start, because all the groups they are made from are kept:
  /// what was sampled from them still counts.
  var lineEnd: UInt64
  /// The policies of those versions.
  var takenBack: [UInt32: SHA256Digest]
  var checkpoints: CheckpointSequence
  /// The end waits neither for the step nor for the checkpoint under way.
  private var isHurried = false
  private var ticket = 0
  private var durableThrough = 0
  private var nextTick: Instant
  private let tickInterval: Duration
  /// The ticket of the record that begins this incarnation.
  private var firstTicket = 0
  /// Why the ledger cannot be gone on with.
  private let contradiction: String?
  /// Leases that were out when the last incarnation ended.
  private let recovered: [RecoveredLedger.Lease]

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
    incarnation = settings.planted == .reuseIncarnation ? max(1, recovered.incarnation) : recovered.incarnation + 1
    ledger = Ledger(recovered: recovered)
    groups = UntrainedGroups(recovered.groups)
    version = manifest.version
    lineEnd = recovered.lineEnd(promptsPerStep: settings.promptsPerStep, version: manifest.version)
    takenBack = recovered.takenBack
    checkpoints = CheckpointSequence(
      keeping: settings.keepCheckpoints, forgetsGroups: !settings.keepsGroups, recovered.checkpoints,
      step: UInt32(manifest.version))
    membership = Membership(timeout: settings.peerTimeout)
    meter = LearnerMeter(at: now)
    lastProgress = now
    nextTick = now
    tickInterval = settings.heartbeat * 0.5
    contradiction = recovered.contradiction(
      schedule: schedule, promptsPerStep: settings.promptsPerStep, version: manifest.version)
    self.recovered = recovered.leases
  }

  /// When the machine wants a `tick`.
  package var wakeAt: Instant { nextTick }

  /// What to do before any event: declare the incarnation and open the first steps.
  package mutating func start(at now: Instant) -> [LearnerAction] {
    var actions: [LearnerAction] = []
    if let contradiction {
      close(.failed(reason: contradiction), &actions)
    } else {
      firstTicket = record([.incarnation(incarnation)], &actions)
      takeUp(recovered, at: now, &actions)
      openSteps(&actions)
    }
    advance(at: now, &actions)
    return actions
  }

  package mutating func receive(_ event: LearnerEvent, at now: Instant) -> [LearnerAction] {
    guard phase != .finished else { return [] }
    var actions: [LearnerAction] = []
    switch event {
    case .message(let peer, let role, let message):
      if isEstablished { receive(message, from: peer, role: role, at: now, &actions) }
    case .scored(let peer, let role, let group, let taskMatches):
      if isEstablished { receive(group, from: peer, role: role, taskMatches: taskMatches, at: now, &actions) }
    case .journaled(let through):
      durableThrough = max(durableThrough, through)
      if isJournalPaused { actions.append(.log(.info, "the journal takes records again")) }
      isJournalPaused = false
      admit(through: through, at: now, &actions)
      retireCheckpoints(&actions)
    case .journalPaused(let reason): pauseJournal(reason, &actions)
    case .trained(let step, let manifest): finishStep(step, manifest, at: now, &actions)
    case .checkpointed(let step, let path, let policy):
      record([.checkpointed(step: step, path: path, policy: policy)], &actions)
      checkpoints.made(step: step, path: path, policy: policy, ticket: ticket)
      lastProgress = now
    case .checkpointFailed(let step, let reason):
      checkpoints.failed(at: now)
      actions.append(.log(.error, "no checkpoint of step \(step): \(reason); the one before stays, and it is tried again"))
    case .allowed(let roles): admit(only: roles, at: now, &actions)
    case .failed(let reason): close(.failed(reason: reason), &actions)
    case .stop(let reason): close(.interrupted(reason: reason), &actions)
    case .tick: break
    }
    expire(at: now, &actions)
    advance(at: now, &actions)
    meter.note(isTraining: training != nil, at: now)
    nextTick = now + tickInterval
    return actions
  }

  /// Whether the incarnation is durable. Before that nothing leaves this process: one that died now would be followed by
  /// another of the same number, whose leases could not be told from its own. Peers ask again.
  var isEstablished: Bool { durableThrough >= firstTicket || settings.planted == .speakTooSoon }

  /// Hands out leases, starts the next step, ends the run: whatever has become possible.
  private mutating func advance(at now: Instant, _ actions: inout [LearnerAction]) {
    switch phase {
    case .running:
      guard isEstablished else { return complainIfStalled(at: now, &actions) }
      if version >= UInt64(settings.totalSteps) {
        close(.completed, &actions)
        return advance(at: now, &actions)
      }
      trainIfReady(&actions)
      handOutLeases(at: now, &actions)
      complainIfStalled(at: now, &actions)
      if phase != .running { advance(at: now, &actions) }
    case .closing(let end):
      if !isHurried {
        if training != nil || checkpoints.isMaking { return complainIfStalled(at: now, &actions) }
        if checkpoints.last < UInt32(version) {
          guard checkpoints.mayTry(at: now) else { return complainIfStalled(at: now, &actions) }
          return checkpoint(step: UInt32(version), &actions)
        }
      }
      if !end.isFailure { endAllLeases(reason: end.farewell, at: now, &actions) }
      for peer in membership.peers { actions.append(.send(peer, end.shutdown)) }
      phase = .farewell(end, until: now + settings.shutdownGrace)
      advance(at: now, &actions)
    case .farewell(let end, let until):
      // What the run reports as done must be on the disk; after a failure nothing is promised.
      let isDurable = durableThrough >= ticket || end.isFailure || settings.planted == .finishEarly
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
    case (.closing, .interrupted), (.closing, .stalled): isHurried = true
    case (.farewell(_, let until), .failed): phase = .farewell(end, until: until)
    // No learner is misconfigured: only those end so who learn their settings from it.
    case (.closing, .completed), (.closing, .misconfigured), (.closing, .abandoned), (.farewell, _): return
    }
    // A run that stalled on its trainer or its checkpoint does not wait for them any more.
    if case .stalled = end { isHurried = training != nil || checkpoints.isMaking }
    isHurried = isHurried || end.isFailure
    if isHurried {
      training = nil
      checkpoints.abandon()
    } else if training != nil || checkpoints.isMaking {
      let work = training != nil ? "the step" : "the checkpoint"
      actions.append(.log(.info, "\(end.farewell); waiting for \(work) under way"))
    }
  }

  mutating func checkpoint(step: UInt32, _ actions: inout [LearnerAction]) {
    checkpoints.begin()
    actions.append(.checkpoint(step: step))
  }

  /// Once the journal holds a new checkpoint those that it makes superfluous leave the journal, and then the disk.
  private mutating func retireCheckpoints(_ actions: inout [LearnerAction]) {
    let step = checkpoints.retire(durableThrough: durableThrough)
    if let paths = step.removable { actions.append(.removeCheckpoints(paths: paths)) }
    if let retired = step.retired {
      if settings.planted == .removeBeforeDurable { actions.append(.removeCheckpoints(paths: retired.map(\.path))) }
      checkpoints.retiring(
        retired, ticket: record([.retired(checkpoints: retired.map(\.step), forgetting: step.forgetting)], &actions))
    }
  }

  private mutating func pauseJournal(_ reason: String, _ actions: inout [LearnerAction]) {
    guard !isJournalPaused else { return }
    isJournalPaused = true
    actions.append(.log(.error, "nothing is admitted for now: \(reason); what is held is not lost, and it is tried again"))
  }

  /// Says whom it waits for when nothing has happened for a while; ends the run if that is to end it.
  private mutating func complainIfStalled(at now: Instant, _ actions: inout [LearnerAction]) {
    let idle = now - lastProgress
    if let limit = settings.endAfterStall, idle > limit, phase == .running {
      return close(.stalled(reason: "no progress for \(Int(idle.inSeconds)) s, waiting \(waitedFor)"), &actions)
    }
    guard idle > settings.stallAfter, now - (lastComplaint ?? lastProgress) > settings.stallAfter else { return }
    lastComplaint = now
    let plan = settings.endAfterStall.map { "; the run ends after \(Int($0.inSeconds)) s" } ?? ""
    actions.append(
      .log(.warning, "no progress for \(Int(idle.inSeconds)) s at step \(version + 1): waiting \(waitedFor)\(plan)"))
  }

  var waitedFor: String {
    let waiting = leases.all.prefix(5).map { "lease \($0.id) of \($0.record.worker)" }.joined(separator: ", ")
    return if isJournalPaused {
      "for the journal to take records"
    } else if training != nil {
      "for the trainer"
    } else if phase != .running {
      "for the checkpoint"
    } else if !waiting.isEmpty {
      "for \(waiting)"
    } else if ledger.count(.scored) > 0 {
      "for the journal to make groups durable"
    } else {
      membership.hasWorkers ? "for a worker with free credit" : "for a worker to join"
    }
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

  /// What peers are told, and in which words.
  var shutdown: LearnerMessage { .shutdown(reason: farewell, isComplete: self == .completed) }

  var farewell: String {
    switch self {
    case .completed: "the run is complete"
    case .interrupted(let reason), .stalled(let reason), .abandoned(let reason): "the run was stopped: \(reason)"
    case .failed(let reason), .misconfigured(let reason): "the learner failed: \(reason)"
    }
  }
}
