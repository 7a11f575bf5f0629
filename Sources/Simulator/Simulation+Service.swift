internal import Rollout

/// The service that scorers ask for thinking rewards, and what their machine for it wants done. Well, it answers after a
/// while; ailing, it answers with what such services answer with.
extension Simulation {
  /// A scorer begins to judge a group: its outcome rewards are there, its thinking is asked for.
  func judge(_ group: ResponseGroup, by process: Int) throws {
    processes[process].judging[group.lease.id] = group
    try tellService(process, .judge(GroupCall(key: group.lease.id, members: group.responses.count)))
  }

  func tellService(_ process: Int, _ event: RewardServiceEvent) throws {
    let time = processes[process].clock.instant(at: now)
    guard let actions = processes[process].service?.receive(event, at: time) else { return }
    try (consume actions).handOn { try carryOut($0, ofService: process) }
  }

  private func carryOut(_ action: consuming RewardServiceAction, ofService process: Int) throws {
    switch consume action {
    case .send(let request): answer(request, of: process)
    case .abandon: break
    case .judged(let judged):
      guard let group = processes[process].judging.removeValue(forKey: judged.key) else { return }
      try checkScores(judged, of: group)
      deliver(group, judged.scores, process)
    case .declined(let lease, let reason):
      guard processes[process].judging.removeValue(forKey: lease) != nil else { return }
      try tellScorer(process, .scoringFailed(lease, reason: reason))
    case .log(let level, let text):
      tell(.process(processes[process].name)) { "\(processes[process].name) \(level.rawValue): \(text)" }
    case .stop(let reason): try tellScorer(process, .failed(reason))
    }
  }

  /// What the service does with a request, and when.
  private func answer(_ request: ServiceRequest, of process: Int) {
    guard let response = processes[process].judging[request.group]?.responses[request.member] else { return }
    let life = processes[process].life
    var random = processes[process].random
    defer { processes[process].random = random }
    let seconds = options.costs.scoringSeconds * (0.5 + random.uniform())
    func later(_ event: RewardServiceEvent, _ seconds: Double) {
      post(.service(process: process, life: life, event), after: seconds)
    }
    func strikes(_ kind: FaultKind) -> Bool {
      guard random.chance(services.chance(of: kind)) else { return false }
      fire(kind)
      return true
    }
    if strikes(.rateLimit) {
      let wait: Duration? = random.uniform() < 0.5 ? .seconds(1 + 10 * random.uniform()) : nil
      return later(.refused(request: request.number, status: 429, retryAfter: wait), 0.05)
    }
    if strikes(.serviceError) {
      if random.uniform() < 0.3 { return later(.unreachable(request: request.number, reason: "connection reset"), seconds) }
      return later(.refused(request: request.number, status: random.uniform() < 0.5 ? 500 : 503, retryAfter: nil), seconds)
    }
    // Nothing comes, or a byte now and then: the deadline ends it, and what comes later is not wanted any more.
    if strikes(.serviceTimeOut) { return }
    if strikes(.slowDrip) { return later(.answered(request: request.number, score: 0.5), 3 * options.serviceDeadline) }
    if strikes(.garbageScore) {
      let garbage: [Double?] = [nil, .nan, .infinity, -0.1, 1.7, 10]
      return later(.answered(request: request.number, score: garbage[random.below(garbage.count)]), seconds)
    }
    var score = SimulatedSampling.thinking(of: response)
    if strikes(.changedScore) { score = (random.uniform() * 10).rounded() / 10 }
    later(.answered(request: request.number, score: score), seconds)
  }

  /// S9, FAULTS 50: a score is in [0, 1] or missing.
  private func checkScores(_ judged: JudgedGroup, of group: ResponseGroup) throws {
    guard judged.scores.count == group.responses.count, judged.scores.allSatisfy({ $0.map { (0...1).contains($0) } ?? true }) else {
      throw Violation("S9", "the scores of lease \(judged.key) are \(judged.scores)")
    }
  }
}
