internal import Limits

/// Who takes part: joining, signs of life, leaving.
extension LearnerRole {
  mutating func receive(
    _ message: PeerMessage, from peer: PeerID, role: Role, at now: Instant, _ actions: inout [LearnerAction]
  ) {
    if role == .observer { return show(message, to: peer, at: now, &actions) }
    if case .hello(let hello) = message { return join(hello, peer, role: role, at: now, &actions) }
    guard membership.heard(from: peer, at: now) else {
      if case .bye = message { return }
      return actions.append(.send(peer, .helloWanted))
    }
    switch message {
    case .hello: break
    case .heartbeat(let heartbeat): receive(heartbeat, from: peer, at: now, &actions)
    case .generated(let id): noteGenerated(id, by: peer, at: now, &actions)
    case .declined(let id, let reason):
      guard let lease = leases[id], lease.worker == peer else { return }
      endLease(id, lease, reason: "\(peer) declined it: \(reason)", at: now, &actions)
    case .fetch(let fetch): answer(fetch, to: peer, at: now, &actions)
    case .bye(let reason): leave(peer, reason: "said goodbye (\(reason))", isFault: false, at: now, &actions)
    case .look: actions.append(.send(peer, .refused(reason: "the key of \(peer) is registered as a \(role.rawValue), not as an observer")))
    }
  }

  private mutating func join(
    _ hello: Hello, _ peer: PeerID, role: Role, at now: Instant, _ actions: inout [LearnerAction]
  ) {
    if let refusal = refusal(of: hello, peer, role: role) {
      actions.append(.log(.warning, "refused \(hello.role.rawValue) \(peer) of \(hello.host): \(refusal)"))
      return actions.append(.send(peer, .refused(reason: refusal)))
    }
    if let end = phase.end, !membership.isMember(peer) {
      return actions.append(.send(peer, end.shutdown))
    }
    if membership.isReplaced(peer, by: hello) {
      leave(peer, reason: "was started again as process \(hello.processID) of \(hello.host)", isFault: true, at: now,
        &actions)
    }
    if membership.join(peer, hello, at: now) {
      actions.append(.log(.info, "\(role.rawValue) \(peer) joined (\(hello.host), pid \(hello.processID))"))
    }
    if role == .worker { shelf.offer(to: peer, at: now) }
    actions.append(.welcome(peer, incarnation: incarnation, scorers: membership.scorers))
    if role == .scorer { tellWorkersOfScorers(&actions) }
  }

  private func refusal(of hello: Hello, _ peer: PeerID, role: Role) -> String? {
    if hello.protocolVersion != protocolVersion {
      "protocol version \(hello.protocolVersion) where this learner speaks \(protocolVersion): use the same build"
    } else if hello.role != role || role == .learner {
      "the key of \(peer) is registered as a \(role.rawValue), not as a \(hello.role.rawValue)"
    } else if membership.count >= Limits.standard.messages.peers, !membership.isMember(peer) {
      "\(membership.count) peers have joined, as many as a learner serves"
    } else {
      nil
    }
  }

  private mutating func receive(
    _ heartbeat: Heartbeat, from peer: PeerID, at now: Instant, _ actions: inout [LearnerAction]
  ) {
    if heartbeat.incarnation != incarnation || settings.planted == .greetForEver { return actions.append(.send(peer, .helloWanted)) }
    adopt(heartbeat.held, by: peer, at: now)
    let isStuck = answerHeld(heartbeat.held, of: peer, &actions)
    if membership.update(peer, heartbeat, credit: isStuck ? 0 : heartbeat.credit, at: now) {
      let word = heartbeat.credit == 0 ? "takes no groups for now: workers push to others, if there are any" : "takes groups"
      actions.append(.log(.info, "scorer \(peer) \(word)"))
      tellWorkersOfScorers(&actions)
    }
    answerMissing(heartbeat, of: peer, at: now, &actions)
    // The first farewell may have been lost.
    let word: LearnerMessage = if case .farewell(let end, _) = phase { end.shutdown } else { .heartbeat }
    actions.append(.send(peer, word))
  }

  /// A worker that held leases when the last incarnation ended has come back. Which they are it says itself: others may share
  /// its key.
  private mutating func adopt(_ held: [LeaseID], by peer: PeerID, at now: Instant) {
    for id in held where id.incarnation < incarnation {
      if let lease = leases.adopt(id, by: peer, deadline: now + settings.leaseDuration), ledger.isGenerating(lease.unit, under: id) {
        membership.lend(to: peer)
      }
    }
  }

  /// Tells a peer which of the leases it holds are durable already and which are not its own (any more).
  ///
  /// - Returns: whether there are any of the latter. A worker lets such a lease go as soon as it can; one that still
  ///   names it is busy with it, or hangs, and would let the next one run out too.
  private func answerHeld(_ held: [LeaseID], of peer: PeerID, _ actions: inout [LearnerAction]) -> Bool {
    var durable: [LeaseID] = []
    var revoked: [LeaseID] = []
    for id in held {
      switch standing(of: id) {
      case .durable: durable.append(id)
      case .void: revoked.append(id)
      case .open, .scored: break
      }
    }
    if !durable.isEmpty { actions.append(.send(peer, .durable(durable))) }
    if !revoked.isEmpty { actions.append(.send(peer, .revoked(revoked))) }
    return !revoked.isEmpty
  }

  /// Leases that a worker should be generating and does not name: one that leaves has let them go, and to any other they
  /// are sent again, because they were lost on the way.
  private mutating func answerMissing(
    _ heartbeat: Heartbeat, of peer: PeerID, at now: Instant, _ actions: inout [LearnerAction]
  ) {
    guard membership.lent(to: peer) > 0 else { return }
    for (id, lease) in leases.held(by: peer)
    where !heartbeat.held.contains(id) && ledger.isGenerating(lease.unit, under: id) {
      if heartbeat.credit == 0 {
        // A worker that came back after the learner did has credit once it has the weights.
        guard lease.issued != nil || heartbeat.version != nil else { continue }
        endLease(id, lease, reason: "\(peer) let it go", isFault: false, at: now, &actions)
      } else if lease.sent.map({ now - $0 > settings.heartbeat * 2 }) ?? true {
        leases.noteSent(id, at: now)
        actions.append(
          .lease(peer, id: id, unit: lease.unit, attempt: lease.attempt, version: lease.version, step: lease.step))
      }
    }
  }

  private mutating func answer(_ fetch: Fetch, to peer: PeerID, at now: Instant, _ actions: inout [LearnerAction]) {
    let isKept =
      switch fetch.source {
      case .artifact: true
      case .weights(let version): shelf.serve(version, to: peer, at: now)
      case .delta(let version): shelf.hasDelta(to: version) && shelf.serve(version, to: peer, at: now)
      }
    actions.append(isKept ? .answer(peer, fetch) : .send(peer, .gone(fetch.source)))
  }

  /// Takes for dead who has been silent for too long, and ends the leases that have run out.
  mutating func expire(at now: Instant, _ actions: inout [LearnerAction]) {
    for peer in membership.silent(at: now) {
      leave(peer, reason: "has not been heard of for \(settings.peerTimeout.inSeconds) s", isFault: true, at: now, &actions)
    }
    let released = shelf.release(at: now)
    if !released.isEmpty { actions.append(.release(versions: released)) }
    for (id, lease) in leases.overdue(at: now) where settings.planted != .neverExpire {
      if ledger.isGenerating(lease.unit, under: id) { membership.doubt(lease.worker) }
      let isGone = lease.worker.connection.isEmpty
      endLease(
        id, lease,
        reason: isGone ? "\(lease.worker) has not come back" : "\(lease.worker) did not deliver before its lease ran out",
        isFault: !isGone, at: now, &actions)
    }
  }

  /// What a worker has pushed stays leased to it: the group is on its way through a scorer.
  private mutating func leave(
    _ peer: PeerID, reason: String, isFault: Bool, at now: Instant, _ actions: inout [LearnerAction]
  ) {
    guard let role = membership.leave(peer) else { return }
    shelf.leave(peer)
    actions.append(.log(phase == .running ? .warning : .info, "\(role.rawValue) \(peer) \(reason)"))
    for (id, lease) in leases.held(by: peer) where ledger.isGenerating(lease.unit, under: id) {
      endLease(id, lease, reason: "\(peer) \(reason)", isFault: isFault, at: now, &actions)
    }
    if role == .scorer { tellWorkersOfScorers(&actions) }
  }

  /// Who may no longer join is gone at once, and scorers are told whom they may listen to: they have the list from the
  /// learner alone.
  mutating func admit(only roles: [String: Role], at now: Instant, _ actions: inout [LearnerAction]) {
    let workers = Set(membership.workers)
    for peer in membership.peers where roles[peer.name] != (workers.contains(peer) ? .worker : .scorer) {
      leave(peer, reason: "may no longer join", isFault: true, at: now, &actions)
    }
    for peer in membership.peers where !workers.contains(peer) {
      actions.append(.welcome(peer, incarnation: incarnation, scorers: membership.scorers))
    }
  }

  private func tellWorkersOfScorers(_ actions: inout [LearnerAction]) {
    let scorers = membership.scorers
    for worker in membership.workers { actions.append(.send(worker, .scorers(scorers))) }
  }
}

extension LearnerRole.Phase {
  /// How the run ends, if it does.
  fileprivate var end: RunEnd? {
    switch self {
    case .running, .finished: nil
    case .closing(let end), .farewell(let end, _): end
    }
  }
}
