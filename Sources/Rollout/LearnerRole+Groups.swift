/// Leases and the groups that come back for them.
extension LearnerRole {
  enum Standing { case open, durable, void }

  func standing(of id: LeaseID) -> Standing {
    guard id.incarnation == incarnation, let unit = leases.unit(of: id), let entry = ledger.entry(of: unit),
      entry.lease == id
    else { return .void }
    return entry.state == .admitted || entry.state == .trained ? .durable : .open
  }

  mutating func handOutLeases(at now: Instant, _ actions: inout [LearnerAction]) {
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
          deadline: now + settings.leaseDuration, sent: now))
      membership.lend(to: worker)
      record(
        [.leased(unit: entry.unit, lease: id, attempt: attempt, worker: worker.name, version: version)], &actions)
      actions.append(
        .lease(worker, id: id, unit: entry.unit, attempt: attempt, version: version, step: entry.step))
    }
  }

  mutating func noteGenerated(_ id: LeaseID, by peer: PeerID, _ actions: inout [LearnerAction]) {
    guard let lease = leases[id], lease.worker == peer, ledger.markGenerated(lease.unit, lease: id) else { return }
    membership.returnLease(of: peer)
    record([.generated(unit: lease.unit, lease: id)], &actions)
  }

  mutating func receive(
    _ group: ScoredGroup, from peer: PeerID, role: Role, taskMatches: Bool, _ actions: inout [LearnerAction]
  ) {
    if case .farewell = phase { return }
    do throws(Refusal) {
      guard role == .scorer else { throw .notAScorer(peer) }
      guard let lease = leases[group.lease] else {
        // A lease that still stands and is no longer open has its group already, on the disk or on the way there.
        guard standing(of: group.lease) != .void else { throw .unknownLease(group.lease) }
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
      let ticket = record([.admitted(group, worker: lease.worker.name, scorer: peer.name)], &actions)
      awaitingDisk.append((ticket, group.lease, lease.worker))
    } catch {
      refusals += 1
      actions.append(.log(.warning, "refused a group from \(peer): \(error)"))
    }
  }

  /// What is durable is the learner's to keep; its workers may let it go.
  mutating func admit(through ticket: Int, at now: Instant, _ actions: inout [LearnerAction]) {
    let durable = awaitingDisk.prefix { $0.ticket <= ticket }
    var acknowledged: [PeerID: [LeaseID]] = [:]
    for (_, lease, worker) in durable {
      guard let unit = leases.unit(of: lease), ledger.admit(unit) else { continue }
      lastProgress = now
      acknowledged[worker, default: []].append(lease)
    }
    awaitingDisk.removeFirst(durable.count)
    for (peer, leases) in acknowledged.sorted(by: { $0.key < $1.key }) {
      actions.append(.send(peer, .durable(leases)))
    }
  }

  /// Ends a lease without a group: the unit is queued again, or dead-lettered after too many failures.
  mutating func giveBack(
    _ id: LeaseID, _ lease: LeaseTable.Record, reason: String, isFault: Bool = true,
    _ actions: inout [LearnerAction]
  ) {
    leases.close(id)
    guard let entry = ledger.entry(of: lease.unit) else { return }
    if entry.state == .leased { membership.returnLease(of: lease.worker) }
    if membership.isMember(lease.worker) { actions.append(.send(lease.worker, .revoked([id]))) }
    let failures = entry.failures + (isFault ? 1 : 0)
    if isFault, failures >= settings.maximumAttempts {
      guard ledger.deadLetter(lease.unit) else { return }
      let why = "gave up after \(failures) failed attempts; the last: \(reason)"
      record([.deadLettered(unit: lease.unit, reason: why)], &actions)
      actions.append(.log(.error, "unit \(lease.unit): \(why)"))
    } else if ledger.requeue(lease.unit, isFault: isFault) {
      record([.requeued(unit: lease.unit, lease: id, reason: reason)], &actions)
      actions.append(.log(.info, "unit \(lease.unit) is queued again: \(reason)"))
    }
  }
}

extension UnitState {
  fileprivate var isFinal: Bool { self == .trained || self == .deadLettered }
}
