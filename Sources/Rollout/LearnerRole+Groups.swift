/// Leases and the groups that come back for them.
extension LearnerRole {
  enum Standing {
    /// The learner waits for its group.
    case open
    /// Its group is on the way to the disk.
    case scored
    /// Its group is the learner's to keep.
    case durable
    /// It does not count (any more).
    case void
  }

  func standing(of id: LeaseID) -> Standing {
    if leases.isOpen(id) { return .open }
    // A lease that is closed counts if its unit's group came under it.
    let unit = leases.unit(of: id, incarnation: incarnation) ?? groups.unit(under: id)
    guard let unit, let entry = ledger.entry(of: unit), entry.leases.first?.id == id else { return .void }
    return switch entry.state {
    case .scored: .scored
    case .admitted, .trained: .durable
    case .queued, .leased, .generated, .deadLettered: .void
    }
  }

  mutating func handOutLeases(at now: Instant, _ actions: inout [LearnerAction]) {
    guard !isJournalPaused else { return }
    while let entry = ledger.nextQueued(at: now) {
      guard let worker = membership.hungriestWorker(), issue(entry, to: worker, at: now, &actions) else { return }
    }
    hedgeStragglers(at: now, &actions)
  }

  /// - Returns: false if the unit can have no (further) lease.
  private mutating func issue(
    _ entry: Ledger.Entry, to worker: PeerID, at now: Instant, _ actions: inout [LearnerAction]
  ) -> Bool {
    var id = leases.nextID(incarnation: incarnation)
    let earlier = LeaseID(incarnation: incarnation, number: max(1, id.number - 1))
    if settings.planted == .reuseLeaseNumber, !leases.isOpen(earlier) { id = earlier }
    guard let attempt = ledger.lease(entry.unit, as: id) else { return false }
    leases.open(
      id,
      LeaseTable.Record(
        unit: entry.unit, attempt: attempt, version: version, step: entry.step, worker: worker,
        deadline: now + settings.leaseDuration, issued: now, sent: now))
    noteLone(entry.unit)
    membership.lend(to: worker)
    record([.leased(unit: entry.unit, lease: id, attempt: attempt, worker: worker.name, version: version)], &actions)
    actions.append(
      .lease(worker, id: id, unit: entry.unit, attempt: attempt, version: version, step: entry.step))
    return true
  }

  /// When nothing is queued and a worker is idle, a unit whose lease takes much longer than others do is leased to a
  /// second worker. Whichever group is durable first counts.
  private mutating func hedgeStragglers(at now: Instant, _ actions: inout [LearnerAction]) {
    // Mostly nothing has been out for long enough, whatever the others take.
    guard let factor = settings.hedgeAfter, let oldest = leases.oldestLone, now - oldest > settings.heartbeat + settings.heartbeat,
      membership.hungriestWorker() != nil, let typical = pace.typical
    else { return }
    let patience = max(typical * factor, settings.heartbeat * 2)
    while membership.hungriestWorker() != nil,
      let (lease, issued, worker) = leases.straggler(
        after: patience, at: now, { membership.hungriestWorker(besides: $0.worker) }),
      let entry = ledger.entry(of: lease.unit)
    {
      actions.append(
        .log(
          .info,
          "unit \(lease.unit) is leased to \(worker) too: \(lease.worker) has had it for \(rounded(now - issued)), others take \(rounded(typical))"
        ))
      guard issue(entry, to: worker, at: now, &actions) else { return }
    }
  }

  /// A unit can be hedged while it is out on one lease and its group is still to be generated.
  private mutating func noteLone(_ unit: UnitID) {
    guard settings.hedgeAfter != nil, let out = ledger.entry(of: unit)?.leases else { return }
    for lease in out { leases.noteLone(lease.id, out.count == 1 && !lease.isGenerated) }
  }

  private func rounded(_ duration: Duration) -> String { "\(Double(Int(duration.inSeconds * 100)) / 100) s" }

  mutating func noteGenerated(_ id: LeaseID, by peer: PeerID, at now: Instant, _ actions: inout [LearnerAction]) {
    guard let lease = leases[id], lease.worker == peer, ledger.markGenerated(lease.unit, lease: id) else { return }
    noteLone(lease.unit)
    membership.noteGenerated(by: peer)
    if let issued = lease.issued { pace.note(now - issued) }
    record([.generated(unit: lease.unit, lease: id)], &actions)
  }

  mutating func receive(
    _ group: ScoredGroup, from peer: PeerID, role: Role, taskMatches: Bool, at now: Instant,
    _ actions: inout [LearnerAction]
  ) {
    if case .farewell = phase { return }
    do throws(Refusal) {
      guard role == .scorer || settings.planted == .skipRoleCheck else { throw .notAScorer(peer) }
      guard let lease = leases[group.lease] else {
        // Its group is on the disk or on the way there already.
        guard standing(of: group.lease) != .void else { throw .unknownLease(group.lease) }
        if settings.planted == .skipDeduplication { record([.admitted(group, worker: "", scorer: peer.name)], &actions) }
        duplicates += 1
        return
      }
      guard
        lease.unit == group.unit, lease.attempt == group.attempt, lease.step == group.step,
        lease.version <= group.version, group.version <= newestVersion(of: lease)
      else { throw .wrongUnit(group.lease) }
      guard lease.worker.name == group.worker || settings.planted == .skipHolderCheck else {
        throw .otherWorker(group.lease, worker: group.worker)
      }
      guard taskMatches else { throw .otherTask(group.lease) }
      do throws(Refusal) {
        if settings.planted != .skipAdmission { try settings.admission.check(group) }
      } catch {
        endLease(group.lease, lease, reason: error.description, at: now, &actions)
        throw error
      }
      for rival in ledger.entry(of: group.unit)?.leases ?? [] where rival.id != group.lease {
        guard let record = leases[rival.id] else { continue }
        // Who had it first and has not generated it may hang: it would get the next unit, and hold that up as long.
        if rival.id < group.lease, ledger.isGenerating(group.unit, under: rival.id) { membership.doubt(record.worker) }
        outdo(rival.id, record, &actions)
      }
      let wasGenerating = ledger.isGenerating(lease.unit, under: group.lease)
      guard ledger.markScored(lease.unit, lease: group.lease) else { throw .unknownLease(group.lease) }
      if wasGenerating, settings.planted != .forgetCredit { membership.returnLease(of: lease.worker) }
      leases.close(group.lease)
      groups.insert(group)
      let tokens = group.responses.reduce(0) { $0 + $1.tokens.count }
      membership.noteGroup(of: lease.worker, tokens: tokens)
      meter.noteGroup(tokens: tokens)
      let ticket = record([.admitted(group, worker: lease.worker.name, scorer: peer.name)], &actions)
      awaitingDisk.append((ticket, group.lease, group.unit, lease.worker))
      if settings.planted == .acknowledgeEarly { actions.append(.send(lease.worker, .durable([group.lease]))) }
    } catch {
      refusals += 1
      actions.append(.log(.warning, "refused a group from \(peer): \(error)"))
    }
  }

  /// What is durable is the learner's to keep; its workers may let it go.
  mutating func admit(through ticket: Int, at now: Instant, _ actions: inout [LearnerAction]) {
    guard let next = awaitingDisk.first, next.ticket <= ticket else { return }
    var acknowledged: [PeerID: [LeaseID]] = [:]
    while let first = awaitingDisk.first, first.ticket <= ticket, let (_, lease, unit, worker) = awaitingDisk.popFirst() {
      guard ledger.admit(unit) else { continue }
      lastProgress = now
      acknowledged[worker, default: []].append(lease)
    }
    for (peer, leases) in acknowledged.sorted(by: { $0.key < $1.key }) {
      actions.append(.send(peer, .durable(leases)))
    }
  }

  /// A lease that this incarnation has sent may be answered with any version up to the present one. What a worker held
  /// from before was sampled from the line before, which counts as far as it is made again.
  private func newestVersion(of lease: LeaseTable.Record) -> UInt64 {
    if settings.planted == .forgetStalenessAfterResume { return .max }
    return lease.sent == nil ? lineEnd : version
  }

  /// Ends a lease whose unit's group has come under another one.
  private mutating func outdo(_ id: LeaseID, _ lease: LeaseTable.Record, _ actions: inout [LearnerAction]) {
    if ledger.isGenerating(lease.unit, under: id) { membership.returnLease(of: lease.worker) }
    leases.close(id)
    if membership.isMember(lease.worker) { actions.append(.send(lease.worker, .revoked([id]))) }
  }

  /// Ends a lease without a group. Unless another lease is out for its unit, the unit is queued again, or dead-lettered
  /// after too many failures.
  mutating func endLease(
    _ id: LeaseID, _ lease: LeaseTable.Record, reason: String, isFault: Bool = true, at now: Instant,
    _ actions: inout [LearnerAction]
  ) {
    let unit = lease.unit
    outdo(id, lease, &actions)
    guard ledger.endLease(unit, lease: id, isFault: isFault), let entry = ledger.entry(of: unit) else { return }
    noteLone(unit)
    record([.leaseEnded(unit: unit, lease: id, reason: reason)], &actions)
    guard entry.state == .queued else { return }
    if isFault, entry.failures >= settings.maximumAttempts, settings.planted != .neverDeadLetter {
      return giveUp(unit, after: entry.failures, reason: reason, &actions)
    }
    if isFault { ledger.holdBack(unit, until: now + settings.pause(of: unit, failures: entry.failures)) }
    actions.append(.log(.info, "unit \(unit) is queued again: \(reason)"))
  }

  private mutating func giveUp(_ unit: UnitID, after failures: UInt32, reason: String, _ actions: inout [LearnerAction]) {
    guard ledger.deadLetter(unit) else { return }
    let why = "gave up after \(failures) failed attempts; the last: \(reason)"
    record([.deadLettered(unit: unit, reason: why)], &actions)
    actions.append(.log(.error, "unit \(unit): \(why)"))
  }

  /// Before the run ends: what is out goes back into the queue, so that the next start finds it there.
  mutating func endAllLeases(reason: String, at now: Instant, _ actions: inout [LearnerAction]) {
    for (id, lease) in leases.all { endLease(id, lease, reason: reason, isFault: false, at: now, &actions) }
  }

  /// The leases that were out when the last incarnation ended stay out for a while: their workers may be there still,
  /// with groups that nobody has to generate again. Those sampled from a version that will not come back end at once, and
  /// so do those of earlier incarnations: they may have been answered with a version of any line since, and only the last
  /// one is known.
  mutating func takeUp(_ recovered: [RecoveredLedger.Lease], at now: Instant, _ actions: inout [LearnerAction]) {
    for lease in recovered {
      guard let entry = ledger.entry(of: lease.unit) else { continue }
      let record = LeaseTable.Record(
        unit: lease.unit, attempt: lease.attempt, version: lease.version, step: entry.step,
        worker: PeerID(name: lease.worker, connection: ""), deadline: now + settings.peerTimeout, issued: nil, sent: nil)
      leases.reopen(lease.id, record)
      let isOld = lease.id.incarnation + 1 < incarnation
      guard isOld || lease.version > lineEnd, settings.planted != .forgetStalenessAfterResume else { continue }
      let reason = isOld ? "it is older than the last restart" : "version \(lease.version) is gone"
      endLease(lease.id, record, reason: reason, isFault: false, at: now, &actions)
    }
  }
}

extension LearnerSettings {
  /// How long a unit waits before it is leased again: not at all after its first failure, then longer each time.
  fileprivate func pause(of unit: UnitID, failures: UInt32) -> Duration {
    guard failures > 1 else { return .zero }
    var backoff = Backoff(
      first: .milliseconds(100), ceiling: .seconds(5), seed: UInt64(unit.epoch) << 32 | UInt64(unit.prompt))
    for _ in 2..<min(failures, 16) { _ = backoff.next() }
    return backoff.next()
  }
}

