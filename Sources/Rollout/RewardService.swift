/// How a scorer gets thinking scores from a served model: whom to ask when, what to do with each kind of answer, and when
/// to go on without. Without its connections and its clock.
///
/// Groups are asked for in the order in which they came, members in their order, each by a request of its own. A group ends
/// exactly once and within its deadline: judged, declined, or cancelled. A member is settled by the first answer to a
/// request that is under way; what comes later, or to a request that was given up, changes nothing.
///
/// A score that the service could not give for reasons that may pass is never missing by itself: the group is declined
/// as a whole, to be judged again in the same way, or goes on as a whole without scores. Otherwise whoever happened to be
/// asked first would decide about the group's trust weight.
package struct RewardService: Sendable {
  struct Flight: Sendable {
    let request: ServiceRequest
    let isProbe: Bool
  }

  package let settings: RewardServiceSettings
  package internal(set) var counters = RewardServiceCounters()
  let seed: UInt64
  /// In the order in which they came.
  var groups: [GroupInJudgement] = []
  /// Requests under way, in the order in which they were sent.
  var flights: [Flight] = []
  var breaker: CircuitBreaker
  var retryBudget: RetryBudget
  /// The service asked for quiet until then.
  var quietUntil: Instant
  var lastRequest: UInt64 = 0
  var lastFailure = ""
  var stopReason: String?

  /// - Parameters:
  ///   - settings: without contradictions.
  ///   - seed: of the jitter, its own for each process, so that scorers do not ask in step.
  package init(settings: RewardServiceSettings, seed: UInt64, now: Instant) {
    precondition(settings.contradictions.isEmpty)
    self.settings = settings
    self.seed = seed
    breaker = CircuitBreaker(
      failures: settings.breakerFailures, first: settings.firstCoolDown, longest: settings.longestCoolDown, seed: seed)
    retryBudget = RetryBudget(
      floor: settings.retryFloor, share: settings.retryShare, interval: settings.retryInterval, now: now)
    quietUntil = now
  }

  package mutating func receive(_ event: RewardServiceEvent, at now: Instant) -> [RewardServiceAction] {
    var actions: [RewardServiceAction] = []
    // First what is due, so that an answer that arrives beside its deadline is late however late the tick is.
    if stopReason == nil { endWhatIsDue(at: now, &actions) }
    handle(event, at: now, &actions)
    if stopReason == nil { sendWhatMay(at: now, &actions) }
    // After sending, because whoever's wait is over when a probe is due waits for what it says.
    if stopReason == nil, endWhatWaitsInVain(at: now, &actions) { sendWhatMay(at: now, &actions) }
    return actions
  }

  private mutating func handle(_ event: RewardServiceEvent, at now: Instant, _ actions: inout [RewardServiceAction]) {
    switch event {
    case .judge(let call): take(call, at: now, &actions)
    case .cancel(let key): cancel(key, at: now, &actions)
    case .answered(let request, let score):
      guard let flight = land(request) else { return }
      counters.answered += 1
      retryBudget.earn()
      settle(flight, Verdict(score), at: now, &actions)
    case .refused(let request, let status, let retryAfter):
      guard let flight = land(request) else { return }
      refused(flight, status: status, retryAfter: retryAfter, at: now, &actions)
    case .unreachable(let request, let reason):
      guard let flight = land(request) else { return }
      counters.unreachable += 1
      failed(flight, because: reason, at: now, &actions)
    case .timedOut(let request):
      guard let flight = land(request) else { return }
      counters.timedOut += 1
      failed(flight, because: "it timed out", at: now, &actions)
    case .tick: break
    }
  }

  private mutating func take(_ call: GroupCall, at now: Instant, _ actions: inout [RewardServiceAction]) {
    if groups.contains(where: { $0.key == call.key }) { return }
    if let stopReason { return decline(call.key, stopReason, &actions) }
    guard groups.count < settings.queuedGroups else {
      return decline(call.key, "\(groups.count) groups wait for the reward service already", &actions)
    }
    groups.append(GroupInJudgement(call, settings: settings, seed: seed, now: now))
    endIfSettled(groups.count - 1, &actions)
  }

  private mutating func cancel(_ key: LeaseID, at now: Instant, _ actions: inout [RewardServiceAction]) {
    guard let index = groups.firstIndex(where: { $0.key == key }) else { return }
    abandonRequests(of: key, at: now, &actions)
    groups.remove(at: index)
    counters.groupsCancelled += 1
  }

  /// Takes a request off the list of those under way; `nil`, and counted, if it is not there.
  private mutating func land(_ request: UInt64) -> Flight? {
    guard let index = flights.firstIndex(where: { $0.request.number == request }) else {
      counters.ignored += 1
      return nil
    }
    return flights.remove(at: index)
  }

  private mutating func endWhatIsDue(at now: Instant, _ actions: inout [RewardServiceAction]) {
    let late = flights.filter { now >= $0.request.deadline }
    flights.removeAll { now >= $0.request.deadline }
    for flight in late {
      actions.append(.abandon(request: flight.request.number))
      counters.timedOut += 1
      failed(flight, because: "no answer within \(settings.requestDeadline.inSeconds) s", at: now, &actions)
    }
    while let index = groups.firstIndex(where: { now >= $0.deadline }) {
      giveUp(index, "not judged within \(settings.groupDeadline.inSeconds) s\(lastFailureClause)", at: now, &actions)
    }
  }

  var lastFailureClause: String { lastFailure.isEmpty ? "" : " (last failure: \(lastFailure))" }
}
