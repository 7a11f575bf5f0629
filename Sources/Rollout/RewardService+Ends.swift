/// How groups end, and the process with them.
extension RewardService {
  mutating func endIfSettled(_ index: Int, _ actions: inout [RewardServiceAction]) {
    guard let verdicts = groups[index].verdicts else { return }
    finish(index, verdicts, &actions)
  }

  /// Ends a group that the service did not judge, as the settings want it.
  mutating func giveUp(
    _ index: Int, _ reason: String, at now: Instant, _ actions: inout [RewardServiceAction]
  ) {
    let group = groups[index]
    abandonRequests(of: group.key, at: now, &actions)
    if settings.whenDown == .outcomeOnly {
      counters.groupsOutcomeOnly += 1
      actions.append(.log(.warning, "group \(group.key) goes on with outcome rewards alone: \(reason)"))
      finish(index, group.members.map { _ in .missing(.withoutService) }, &actions)
    } else {
      groups.remove(at: index)
      decline(group.key, reason, &actions)
    }
  }

  /// Ends the groups for which the service has been down too long.
  ///
  /// - Returns: whether that may have made room for others.
  mutating func endWhatWaitsInVain(at now: Instant, _ actions: inout [RewardServiceAction]) -> Bool {
    var ended = false
    while let index = groups.firstIndex(where: { patience(of: $0).map { now >= $0 } ?? false }) {
      let down = ((now - (breaker.downSince ?? now)).inSeconds * 10).rounded() / 10
      let reason = "the reward service has been down for \(down) s\(lastFailureClause)"
      if settings.whenDown == .stop {
        stop(reason, at: now, &actions)
        return false
      }
      giveUp(index, reason, at: now, &actions)
      ended = true
    }
    return ended
  }

  /// Until when the group waits for a service that is down; `nil` if there is nothing to wait for, or if the service is
  /// being asked whether it is back.
  func patience(of group: GroupInJudgement) -> Instant? {
    guard group.waiting > 0, case .open = breaker.state, let since = breaker.downSince else { return nil }
    // A group that is declined comes again, so it is worth its own wait: declining at once what has only just come would
    // use up its attempts in a moment. Who goes on without the service need not wait for what others have waited for.
    let end = (settings.whenDown == .decline ? max(since, group.taken) : since) + settings.waitBudget
    if let back = breaker.notBackBefore, back > end { return group.taken }
    return end
  }

  mutating func stop(_ reason: String, at now: Instant, _ actions: inout [RewardServiceAction]) {
    stopReason = reason
    for flight in flights { actions.append(.abandon(request: flight.request.number)) }
    flights = []
    for group in groups { decline(group.key, reason, &actions) }
    groups = []
    actions.append(.stop(reason: reason))
  }

  mutating func decline(_ key: LeaseID, _ reason: String, _ actions: inout [RewardServiceAction]) {
    counters.groupsDeclined += 1
    actions.append(.declined(key, reason: reason))
  }

  mutating func abandonRequests(of key: LeaseID, at now: Instant, _ actions: inout [RewardServiceAction]) {
    for flight in flights where flight.request.group == key {
      actions.append(.abandon(request: flight.request.number))
      breaker.lost(flight.request.number, at: now)
    }
    flights.removeAll { $0.request.group == key }
  }

  private mutating func finish(_ index: Int, _ verdicts: [Verdict], _ actions: inout [RewardServiceAction]) {
    let group = groups.remove(at: index)
    let missing = verdicts.compactMap { if case .missing(let reason) = $0 { reason } else { nil } }
    for reason in missing { counters.missing.count(reason) }
    counters.groupsJudged += 1
    if let first = missing.first, first != .withoutService {
      actions.append(
        .log(.warning, "group \(group.key) lacks \(missing.count) of \(verdicts.count) thinking scores; the first is \(first)"))
    }
    actions.append(.judged(JudgedGroup(key: group.key, verdicts: verdicts)))
  }
}
