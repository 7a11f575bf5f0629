/// Which request is sent next, and when there will be a reason to look again.
extension RewardService {
  private typealias Place = (group: Int, member: Int)

  /// When the machine wants a `tick`; `nil` while it has nothing to do.
  package var wakeAt: Instant? {
    guard stopReason == nil else { return nil }
    var moments = flights.map(\.request.deadline) + groups.map(\.deadline)
    moments += groups.compactMap { patience(of: $0) }
    if flights.count < settings.concurrency, let next = nextSend { moments.append(next) }
    return moments.min()
  }

  mutating func sendWhatMay(at now: Instant, _ actions: inout [RewardServiceAction]) {
    retryBudget.refill(at: now)
    while flights.count < settings.concurrency, now >= quietUntil {
      switch breaker.admission(at: now) {
      case .nothing: return
      case .oneProbe:
        guard let place = bestProbe else { return }
        send(place, asProbe: true, at: now, &actions)
      case .everything:
        guard let place = firstReady(at: now) else { return }
        send(place, asProbe: false, at: now, &actions)
      }
    }
  }

  private mutating func send(
    _ place: Place, asProbe isProbe: Bool, at now: Instant, _ actions: inout [RewardServiceAction]
  ) {
    lastRequest += 1
    let request = ServiceRequest(
      number: lastRequest, group: groups[place.group].key, member: place.member,
      deadline: min(now + settings.requestDeadline, groups[place.group].deadline))
    groups[place.group].ask(place.member)
    counters.sent += 1
    if isProbe {
      counters.probes += 1
      breaker.probe(with: request.number)
      groups[place.group].members[place.member].probes += 1
    } else {
      if groups[place.group].members[place.member].attempts > 0 {
        counters.retried += 1
        retryBudget.spend()
      }
      groups[place.group].members[place.member].attempts += 1
    }
    flights.append(Flight(request: request, isProbe: isProbe))
    actions.append(.send(request))
  }

  /// The first in the queue that may be asked for now.
  private func firstReady(at now: Instant) -> Place? {
    for group in groups.indices where groups[group].waiting > 0 {
      for member in groups[group].members.indices {
        guard let readyAt = groups[group].readyAt(member), now >= readyAt else { continue }
        if groups[group].members[member].attempts == 0 || retryBudget.allowsRetry { return (group, member) }
      }
    }
    return nil
  }

  /// Whoever was asked for least often as a probe: a request that always fails must not stand for the service each time.
  /// The cool-down is back-off enough; a member's own does not hold the probe up.
  private var bestProbe: Place? {
    var best: (place: Place, probes: Int)?
    for (group, state) in groups.enumerated() where state.waiting > 0 {
      for (member, its) in state.members.enumerated() where state.readyAt(member) != nil {
        if its.probes < best?.probes ?? .max { best = ((group, member), its.probes) }
      }
    }
    return best?.place
  }

  /// When the next request may be sent, if nothing happens before; `nil` if nothing waits or a probe is under way.
  private var nextSend: Instant? {
    switch breaker.state {
    case .probing: return nil
    case .open(let probeAt): return groups.contains { $0.waiting > 0 } ? max(probeAt, quietUntil) : nil
    case .closed: break
    }
    let retriesAt = retryBudget.allowedAt
    var earliest: Instant?
    for group in groups where group.waiting > 0 {
      for (member, its) in group.members.enumerated() {
        guard var at = group.readyAt(member).map({ max($0, quietUntil) }) else { continue }
        if its.attempts > 0, let retriesAt { at = max(at, retriesAt) }
        earliest = min(earliest ?? at, at)
      }
    }
    return earliest
  }
}
