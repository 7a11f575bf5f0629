/// What each kind of answer means for its member, its group and the service.
extension RewardService {
  mutating func settle(
    _ flight: Flight, _ verdict: Verdict, at now: Instant, _ actions: inout [RewardServiceAction]
  ) {
    if let since = breaker.succeeded(flight.request.number) {
      actions.append(.log(.info, "the reward service answers again after \(((now - since).inSeconds * 10).rounded() / 10) s"))
    }
    guard let index = groups.firstIndex(where: { $0.key == flight.request.group }) else { return }
    groups[index].settle(flight.request.member, verdict)
    endIfSettled(index, &actions)
  }

  mutating func refused(
    _ flight: Flight, status: Int, retryAfter: Duration?, at now: Instant, _ actions: inout [RewardServiceAction]
  ) {
    let reason = "HTTP \(status)"
    let retryAfter = retryAfter.map { max($0, .zero) }
    switch ServiceRefusal(status: status) {
    case .rateLimited:
      counters.rateLimited += 1
      failed(flight, because: reason, isWell: retryAfter != nil, retryAfter: retryAfter, at: now, &actions)
    case .troubled:
      counters.serverErrors += 1
      failed(flight, because: reason, retryAfter: retryAfter, at: now, &actions)
    case .rejected: settle(flight, .missing(.refused(status: status)), at: now, &actions)
    case .misconfigured(let advice): stop("the reward service answers HTTP \(status): \(advice)", at: now, &actions)
    }
  }

  /// A request failed for a reason that may pass.
  ///
  /// - Parameter isWell: the service works and says when to come again, which is no evidence of its being down.
  mutating func failed(
    _ flight: Flight, because reason: String, isWell: Bool = false, retryAfter: Duration? = nil, at now: Instant,
    _ actions: inout [RewardServiceAction]
  ) {
    lastFailure = reason
    let number = flight.request.number
    let isAway = retryAfter.map { $0 > settings.waitBudget } ?? false
    var opened = false
    if isAway, let retryAfter {
      opened = breaker.announced(retryAfter, by: number, at: now)
    } else if !isWell || breaker.isProbe(number) {
      opened = breaker.failed(number, at: now)
    }
    if opened, !flight.isProbe {
      counters.breakerOpenings += 1
      actions.append(.log(.warning, "the reward service is down: \(reason)"))
    }
    retry(flight, because: reason, after: isAway ? nil : retryAfter, at: now, &actions)
  }

  private mutating func retry(
    _ flight: Flight, because reason: String, after retryAfter: Duration?, at now: Instant,
    _ actions: inout [RewardServiceAction]
  ) {
    guard let index = groups.firstIndex(where: { $0.key == flight.request.group }) else { return }
    let member = flight.request.member
    let wait = (retryAfter ?? .zero) + groups[index].members[member].backoff.next()
    // What one request is told holds for all: the limit is on the client. With jitter, so that scorers do not return at once.
    if retryAfter != nil { quietUntil = max(quietUntil, now + wait) }
    // A probe asks for the service's sake, and an outage must not use up the attempts of whoever was chosen for it.
    if flight.isProbe { return groups[index].wait(member, until: now) }
    let attempts = groups[index].members[member].attempts
    guard attempts < settings.attempts else {
      return giveUp(index, "member \(member) failed \(attempts) times (last: \(reason))", at: now, &actions)
    }
    guard groups[index].retries < settings.retriesPerGroup else {
      return giveUp(index, "all \(settings.retriesPerGroup) retries used up (last failure: \(reason))", at: now, &actions)
    }
    groups[index].retries += 1
    groups[index].wait(member, until: now + wait)
  }
}
