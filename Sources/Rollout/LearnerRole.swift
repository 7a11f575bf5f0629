/// The learner without its clock, sockets, disk and tensors: which unit is leased to whom, which group is admitted, what
/// is trained next, when a checkpoint is due and when the run ends.
///
/// A batch is the units of one step in schedule order, whoever generated them and whenever they arrived. That is why in
/// synchronous mode (staleness 0) the weights do not depend on the workers.
package struct LearnerRole: Sendable {
  package let settings: LearnerSettings
  package let incarnation: UInt32
  package private(set) var ledger: Ledger
  /// The version of the policy: the number of steps trained.
  package private(set) var version: UInt64
  package private(set) var refusals = 0
  package private(set) var duplicates = 0

  private var schedule: Schedule
  private var membership: Membership
  private var leases = LeaseTable()
  /// Groups scored or admitted and not yet trained.
  private var groups: [UnitID: ScoredGroup] = [:]
  private var manifest: WeightManifest
  private var lastCheckpoint: UInt32
  private var phase = Phase.running
  private var isTraining = false
  private var isCheckpointing = false
  private var ticket = 0
  /// Groups handed to the journal, with the worker that waits for the durable acknowledgement.
  private var awaitingDisk: [(ticket: Int, lease: LeaseID, worker: PeerID)] = []
  private var lastProgress: Instant
  /// First position that is neither trained nor dead-lettered.
  private var firstOpen = 0
  private var nextTick: Instant

  private enum Phase: Equatable {
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
    incarnation = recovered.incarnation + 1
    ledger = Ledger(recovered: recovered.units)
    groups = Dictionary(recovered.groups.map { ($0.unit, $0) }, uniquingKeysWith: { first, _ in first })
    version = manifest.version
    lastCheckpoint = UInt32(manifest.version)
    membership = Membership(timeout: settings.peerTimeout)
    lastProgress = now
    nextTick = now
  }

  /// When the machine wants a `tick`.
  package var wakeAt: Instant { nextTick }

  /// What to do before any event: declare the incarnation and open the first steps.
  package mutating func start(at now: Instant) -> [LearnerAction] {
    var actions: [LearnerAction] = []
    record([.incarnation(incarnation)], &actions)
    openSteps(&actions)
    advance(at: now, &actions)
    return actions
  }

  package mutating func receive(_ event: LearnerEvent, at now: Instant) -> [LearnerAction] {
    var actions: [LearnerAction] = []
    switch event {
    case .message(let peer, let role, let message): receive(message, from: peer, role: role, at: now, &actions)
    case .scored(let peer, let role, let group, let taskMatches):
      receive(group, from: peer, role: role, taskMatches: taskMatches, at: now, &actions)
    case .journaled(let through): admit(through: through, at: now, &actions)
    case .trained(let step, let manifest): finishStep(step, manifest, at: now, &actions)
    case .checkpointed(let step, let path, let policy):
      isCheckpointing = false
      lastCheckpoint = max(lastCheckpoint, step)
      record([.checkpointed(step: step, path: path, policy: policy)], &actions)
    case .failed(let reason): close(.failed(reason: reason), at: now, &actions)
    case .stop(let reason): close(.interrupted(reason: reason), at: now, &actions)
    case .tick: break
    }
    expire(at: now, &actions)
    advance(at: now, &actions)
    nextTick = now + settings.heartbeat * 0.5
    return actions
  }

  // MARK: Messages

  private mutating func receive(
    _ message: PeerMessage, from peer: PeerID, role: Role, at now: Instant, _ actions: inout [LearnerAction]
  ) {
    if case .hello(let hello) = message { return join(hello, peer, role: role, at: now, &actions) }
    guard membership.heard(from: peer, at: now) else { return actions.append(.send(peer, .helloWanted)) }
    switch message {
    case .hello: break
    case .heartbeat(let heartbeat):
      if heartbeat.incarnation != incarnation { return actions.append(.send(peer, .helloWanted)) }
      membership.update(peer, credit: heartbeat.credit, version: heartbeat.version)
      reconcile(held: heartbeat.held, of: peer, &actions)
    case .generated(let id):
      guard let lease = leases[id], lease.worker == peer, ledger.markGenerated(lease.unit, lease: id) else { return }
      membership.returnLease(of: peer)
      record([.generated(unit: lease.unit, lease: id)], &actions)
    case .declined(let id, let reason):
      guard let lease = leases[id], lease.worker == peer else { return }
      giveBack(id, lease, reason: "\(peer) declined it: \(reason)", &actions)
    case .fetch(let fetch): actions.append(.answer(peer, fetch))
    case .bye(let reason): leave(peer, reason: "said goodbye (\(reason))", &actions)
    }
  }

  private mutating func join(
    _ hello: Hello, _ peer: PeerID, role: Role, at now: Instant, _ actions: inout [LearnerAction]
  ) {
    let refusal: String? =
      if hello.protocolVersion != protocolVersion {
        "protocol version \(hello.protocolVersion) where this learner speaks \(protocolVersion): use the same build"
      } else if hello.role != role || role == .learner {
        "the key of \(peer) is registered as a \(role.rawValue), not as a \(hello.role.rawValue)"
      } else if phase != .running {
        "the run is ending"
      } else {
        nil
      }
    if let refusal {
      actions.append(.log(.warning, "refused \(hello.role.rawValue) \(peer) of \(hello.host): \(refusal)"))
      return actions.append(.send(peer, .refused(reason: refusal)))
    }
    if membership.join(peer, hello, at: now) {
      actions.append(.log(.info, "\(role.rawValue) \(peer) joined (\(hello.host), pid \(hello.processID))"))
    }
    actions.append(.welcome(peer, incarnation: incarnation, scorers: membership.scorers))
    if role == .scorer { tellWorkersOfScorers(&actions) }
  }

  /// Tells a peer which of the leases it holds are durable already and which are not its own (any more).
  private func reconcile(held: [LeaseID], of peer: PeerID, _ actions: inout [LearnerAction]) {
    var durable: [LeaseID] = []
    var revoked: [LeaseID] = []
    for id in held {
      switch standing(of: id) {
      case .durable: durable.append(id)
      case .void: revoked.append(id)
      case .open: break
      }
    }
    if !durable.isEmpty { actions.append(.send(peer, .durable(durable))) }
    if !revoked.isEmpty { actions.append(.send(peer, .revoked(revoked))) }
    actions.append(.send(peer, .heartbeat))
  }

  private enum Standing { case open, durable, void }

  private func standing(of id: LeaseID) -> Standing {
    guard id.incarnation == incarnation, let unit = leases.unit(of: id), let entry = ledger.entry(of: unit),
      entry.lease == id
    else { return .void }
    return entry.state == .admitted || entry.state == .trained ? .durable : .open
  }

  // MARK: Groups

  private mutating func receive(
    _ group: ScoredGroup, from peer: PeerID, role: Role, taskMatches: Bool, at now: Instant,
    _ actions: inout [LearnerAction]
  ) {
    do throws(Refusal) {
      guard role == .scorer else { throw .notAScorer(peer) }
      guard let lease = leases[group.lease] else {
        guard standing(of: group.lease) == .durable else { throw .unknownLease(group.lease) }
        duplicates += 1
        return
      }
      guard
        lease.unit == group.unit, lease.attempt == group.attempt, lease.step == group.step,
        lease.version <= group.version, group.version <= version
      else { throw .wrongUnit(group.lease) }
      guard taskMatches else { throw .otherTask(group.lease) }
      do throws(Refusal) {
        try settings.admission.check(group)
      } catch {
        giveBack(group.lease, lease, reason: error.description, &actions)
        throw error
      }
      let wasGenerating = ledger.entry(of: lease.unit)?.state == .leased
      guard ledger.markScored(lease.unit, lease: group.lease) else { throw .unknownLease(group.lease) }
      if wasGenerating { membership.returnLease(of: lease.worker) }
      leases.close(group.lease)
      groups[group.unit] = group
      record([.admitted(group, worker: lease.worker.name, scorer: peer.name)], &actions)
      awaitingDisk.append((ticket, group.lease, lease.worker))
    } catch {
      refusals += 1
      actions.append(.log(.warning, "refused a group from \(peer): \(error)"))
    }
  }

  private mutating func admit(through: Int, at now: Instant, _ actions: inout [LearnerAction]) {
    var acknowledged: [PeerID: [LeaseID]] = [:]
    while let first = awaitingDisk.first, first.ticket <= through {
      awaitingDisk.removeFirst()
      guard let unit = leases.unit(of: first.lease), ledger.admit(unit) else { continue }
      lastProgress = now
      acknowledged[first.worker, default: []].append(first.lease)
    }
    for (peer, leases) in acknowledged.sorted(by: { $0.key < $1.key }) {
      actions.append(.send(peer, .durable(leases)))
    }
  }

  // MARK: Steps

  /// Enters the units of every step that may be sampled now: the one to be trained next and `staleness` more.
  private mutating func openSteps(_ actions: inout [LearnerAction]) {
    let last = min(UInt64(settings.totalSteps), version + 1 + UInt64(settings.admission.staleness))
    var records: [JournalRecord] = []
    while ledger.issued < Int(last) * settings.promptsPerStep {
      let position = ledger.issued
      let step = UInt32(position / settings.promptsPerStep) + 1
      let unit = schedule.unit(at: position)
      guard ledger.issue(unit, step: step) else { break }
      records.append(.issued(position: position, unit: unit, step: step))
    }
    if !records.isEmpty { record(records, &actions) }
  }

  /// Hands out leases, starts the next step, ends the run: whatever has become possible.
  private mutating func advance(at now: Instant, _ actions: inout [LearnerAction]) {
    switch phase {
    case .running:
      if version >= UInt64(settings.totalSteps) {
        close(.completed, at: now, &actions)
        return advance(at: now, &actions)
      }
      trainIfReady(&actions)
      handOutLeases(at: now, &actions)
      complainIfStalled(at: now, &actions)
    case .closing(let end):
      if isTraining || isCheckpointing { return }
      if lastCheckpoint < UInt32(version), !end.isFailure {
        isCheckpointing = true
        return actions.append(.checkpoint(step: UInt32(version)))
      }
      for peer in membership.peers { actions.append(.send(peer, .shutdown(reason: end.farewell))) }
      phase = .farewell(end, until: now + settings.shutdownGrace)
      advance(at: now, &actions)
    case .farewell(let end, let until):
      guard membership.isEmpty || now >= until else { return }
      for peer in membership.peers { actions.append(.log(.warning, "\(peer) did not say goodbye in time")) }
      phase = .finished
      actions.append(.finish(end))
    case .finished: break
    }
  }

  private mutating func trainIfReady(_ actions: inout [LearnerAction]) {
    guard !isTraining else { return }
    let step = UInt32(version) + 1
    let start = Int(version) * settings.promptsPerStep
    let batch = ledger.entries.dropFirst(start).prefix(settings.promptsPerStep)
    guard batch.count == settings.promptsPerStep,
      batch.allSatisfy({ $0.state == .admitted || $0.state == .deadLettered })
    else { return }
    isTraining = true
    actions.append(.train(step: step, groups: batch.compactMap { $0.state == .admitted ? groups[$0.unit] : nil }))
  }

  private mutating func finishStep(
    _ step: TrainedStep, _ manifest: WeightManifest, at now: Instant, _ actions: inout [LearnerAction]
  ) {
    isTraining = false
    for unit in step.units {
      if ledger.train(unit) { groups[unit] = nil }
    }
    version = manifest.version
    self.manifest = manifest
    lastProgress = now
    actions.append(.publish(manifest))
    record([.trained(step)], &actions)
    let isDue = settings.checkpointEvery > 0 && step.step % settings.checkpointEvery == 0
    if isDue || step.step == settings.totalSteps {
      isCheckpointing = true
      actions.append(.checkpoint(step: step.step))
    }
    if phase == .running { openSteps(&actions) }
  }

  private mutating func handOutLeases(at now: Instant, _ actions: inout [LearnerAction]) {
    while firstOpen < ledger.issued, ledger.entries[firstOpen].state.isFinal { firstOpen += 1 }
    for position in firstOpen..<ledger.issued {
      let entry = ledger.entries[position]
      guard entry.state == .queued else { continue }
      guard let worker = membership.hungriestWorker else { return }
      let id = leases.nextID(incarnation: incarnation)
      guard let attempt = ledger.lease(entry.unit, as: id) else { continue }
      leases.open(
        id,
        LeaseTable.Record(
          unit: entry.unit, attempt: attempt, version: version, step: entry.step, worker: worker,
          deadline: now + settings.leaseDuration))
      membership.lend(to: worker)
      record(
        [.leased(unit: entry.unit, lease: id, attempt: attempt, worker: worker.name, version: version)], &actions)
      actions.append(
        .lease(worker, id: id, unit: entry.unit, attempt: attempt, version: version, step: entry.step))
    }
  }

  // MARK: What goes wrong

  private mutating func expire(at now: Instant, _ actions: inout [LearnerAction]) {
    for peer in membership.silent(at: now) {
      leave(peer, reason: "has not been heard of for \(settings.peerTimeout.inSeconds) s", &actions)
    }
    for (id, lease) in leases.overdue(at: now) {
      giveBack(id, lease, reason: "\(lease.worker) did not deliver before its lease ran out", &actions)
    }
  }

  private mutating func leave(_ peer: PeerID, reason: String, _ actions: inout [LearnerAction]) {
    guard let role = membership.leave(peer) else { return }
    actions.append(.log(phase == .running ? .warning : .info, "\(role.rawValue) \(peer) \(reason)"))
    for (id, lease) in leases.held(by: peer) where ledger.entry(of: lease.unit)?.state == .leased {
      giveBack(id, lease, reason: "\(peer) \(reason)", &actions)
    }
    if role == .scorer { tellWorkersOfScorers(&actions) }
  }

  /// Ends a lease without a group: the unit is queued again, or dead-lettered after too many attempts.
  private mutating func giveBack(
    _ id: LeaseID, _ lease: LeaseTable.Record, reason: String, _ actions: inout [LearnerAction]
  ) {
    leases.close(id)
    if ledger.entry(of: lease.unit)?.state == .leased { membership.returnLease(of: lease.worker) }
    actions.append(.send(lease.worker, .revoked([id])))
    if lease.attempt >= settings.maximumAttempts {
      guard ledger.deadLetter(lease.unit) else { return }
      let why = "gave up after \(lease.attempt) attempts; the last: \(reason)"
      record([.deadLettered(unit: lease.unit, reason: why)], &actions)
      actions.append(.log(.error, "unit \(lease.unit): \(why)"))
    } else if ledger.requeue(lease.unit) {
      record([.requeued(unit: lease.unit, lease: id, reason: reason)], &actions)
      actions.append(.log(.info, "unit \(lease.unit) is queued again: \(reason)"))
    }
  }

  private mutating func complainIfStalled(at now: Instant, _ actions: inout [LearnerAction]) {
    guard now - lastProgress > settings.stallAfter else { return }
    lastProgress = now
    let waiting = leases.all.map { "lease \($0.id) of \($0.record.worker)" }.prefix(5).joined(separator: ", ")
    let cause =
      if isTraining { "for the trainer" } else if !waiting.isEmpty { "for \(waiting)" } else {
        membership.hasWorkers ? "for a worker with free credit" : "for a worker to join"
      }
    actions.append(
      .log(.warning, "no progress for \(settings.stallAfter.inSeconds) s at step \(version + 1): waiting \(cause)"))
  }

  private mutating func close(_ end: RunEnd, at now: Instant, _ actions: inout [LearnerAction]) {
    switch phase {
    case .running: phase = .closing(end)
    case .closing(.completed), .closing(.interrupted): if end.isFailure { phase = .closing(end) }
    case .closing(.failed), .farewell, .finished: return
    }
    if end.isFailure {
      // Neither the trainer nor the journal will answer any more.
      isTraining = false
      isCheckpointing = false
    }
  }

  private func tellWorkersOfScorers(_ actions: inout [LearnerAction]) {
    for worker in membership.workers { actions.append(.send(worker, .scorers(membership.scorers))) }
  }

  private mutating func record(_ records: [JournalRecord], _ actions: inout [LearnerAction]) {
    ticket += 1
    actions.append(.journal(records, ticket: ticket))
  }
}

extension UnitState {
  fileprivate var isFinal: Bool { self == .trained || self == .deadLettered }
}

extension RunEnd {
  fileprivate var isFailure: Bool {
    if case .failed = self { true } else { false }
  }

  /// What peers are told.
  fileprivate var farewell: String {
    switch self {
    case .completed: "the run is complete"
    case .interrupted(let reason): "the run was stopped: \(reason)"
    case .failed(let reason): "the learner failed: \(reason)"
    }
  }
}
