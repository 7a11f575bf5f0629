import Testing

@testable import Rollout

/// The rules that a reward service's client keeps, checked from what goes in and comes out of it alone.
struct RewardServiceRules {
  struct Breach: Error, CustomStringConvertible {
    let description: String
  }

  private struct Group {
    let members: Int
    let taken: Instant
    var firstAnswers: [Int: Double?] = [:]
    var rejected = Set<Int>()
    /// Requests per member that were no probes.
    var asked: [Int: Int] = [:]
  }

  private enum Breaker {
    case closed(failures: Int)
    case open(until: Instant)
    case probing(UInt64)
  }

  let settings: RewardServiceSettings
  let start: Instant
  /// How late a tick may come.
  let lateness: Duration
  private var open: [LeaseID: Group] = [:]
  private var flights: [UInt64: ServiceRequest] = [:]
  private var breaker = Breaker.closed(failures: 0)
  private var openings = 0
  private var quietUntil: Instant
  private var stopped = false
  private var lastNumber: UInt64 = 0
  private(set) var ends: [LeaseID: String] = [:]
  private(set) var (sent, retries, probes, answers, ignored) = (0, 0, 0, 0, 0)
  private(set) var (judged, declined, outcomeOnly, stops, missing, closings) = (0, 0, 0, 0, 0, 0)

  init(_ settings: RewardServiceSettings, start: Instant, lateness: Duration) {
    self.settings = settings
    self.start = start
    self.lateness = lateness
    quietUntil = start
  }

  private func require(_ holds: Bool, _ what: @autoclosure () -> String) throws {
    if !holds { throw Breach(description: what()) }
  }

  mutating func check(
    _ event: RewardServiceEvent, _ actions: [RewardServiceAction], at now: Instant, wakeAt: Instant?
  ) throws {
    // Requests that ran out of time did so before the event.
    let due = flights.values.filter { now >= $0.deadline }.map(\.number).sorted()
    for number in due {
      try require(actions.contains(.abandon(request: number)), "request \(number) outlived its deadline")
      flights[number] = nil
      failed(number, at: now)
    }
    try take(event, at: now)
    var abandoned = Set(due)
    for action in actions {
      switch action {
      case .send(let request): try sent(request, at: now)
      case .abandon(let number):
        if abandoned.remove(number) != nil { continue }
        try require(flights.removeValue(forKey: number) != nil, "abandoned \(number), which is not under way")
        if case .probing(number) = breaker { reopen(at: now) }
      case .judged(let group): try ended(group, at: now)
      case .declined(let key, _):
        if open[key] == nil { continue }  // turned away at the door
        try end(key, "declined", at: now)
        declined += 1
      case .log: break
      case .stop:
        try require(!stopped, "stopped twice")
        stopped = true
        stops += 1
      }
    }
    try require(abandoned.isEmpty, "lost time-outs \(abandoned)")
    try require(flights.values.allSatisfy { open[$0.group] != nil }, "a request is under way for a group that has ended")
    try require((wakeAt == nil) == open.isEmpty, "wants to be woken at \(wakeAt as Any) with \(open.count) groups")
    if let wakeAt { try require(wakeAt > now, "wants to be woken in the past") }
    for group in open.values {
      try require(now < group.taken + settings.groupDeadline + lateness, "a group outlived its deadline")
    }
  }

  private mutating func take(_ event: RewardServiceEvent, at now: Instant) throws {
    switch event {
    case .judge(let call):
      if open[call.key] == nil, !stopped, open.count < settings.queuedGroups {
        ends[call.key] = nil
        open[call.key] = Group(members: call.members, taken: now)
      }
    case .cancel(let key):
      if open[key] != nil { try end(key, "cancelled", at: now) }
    case .answered(let number, let score):
      guard let request = land(number) else { return }
      answers += 1
      succeeded(number)
      try require(open[request.group]?.firstAnswers[request.member] == nil, "asked for a settled member")
      open[request.group]?.firstAnswers[request.member] = .some(score)
    case .refused(let number, let status, let retryAfter):
      guard let request = land(number) else { return }
      switch status {
      case 400, 422:
        succeeded(number)
        open[request.group]?.rejected.insert(request.member)
      case 401: break
      default:
        let wait = max(retryAfter ?? .zero, .zero)
        if retryAfter != nil, wait <= settings.waitBudget { quietUntil = max(quietUntil, now + wait) }
        failed(
          number, at: now, counts: status != 429 || retryAfter == nil, opens: wait > settings.waitBudget)
      }
    case .unreachable(let number, _), .timedOut(let number):
      if land(number) != nil { failed(number, at: now) }
    case .tick: break
    }
  }

  private mutating func land(_ number: UInt64) -> ServiceRequest? {
    guard let request = flights.removeValue(forKey: number) else {
      ignored += 1
      return nil
    }
    return request
  }

  private mutating func succeeded(_ number: UInt64) {
    switch breaker {
    case .closed: breaker = .closed(failures: 0)
    case .probing(number): (breaker, openings, closings) = (.closed(failures: 0), 0, closings + 1)
    default: break
    }
  }

  private mutating func failed(_ number: UInt64, at now: Instant, counts: Bool = true, opens: Bool = false) {
    switch breaker {
    case .closed(let failures) where opens || counts:
      breaker = .closed(failures: failures + 1)
      if opens || failures + 1 >= settings.breakerFailures { reopen(at: now) }
    case .probing(number): reopen(at: now)
    default: break
    }
  }

  private mutating func reopen(at now: Instant) {
    let wait = min(settings.firstCoolDown * (1 << min(openings, 20)), settings.longestCoolDown)
    openings += 1
    breaker = .open(until: now + wait * 0.5)
  }

  private mutating func sent(_ request: ServiceRequest, at now: Instant) throws {
    try require(!stopped, "sent after the end")
    try require(request.number > lastNumber, "request number \(request.number) used again")
    lastNumber = request.number
    try require(request.deadline > now && request.deadline <= now + settings.requestDeadline, "no deadline")
    try require(now >= quietUntil, "sent while the service wanted quiet")
    guard let group = open[request.group], request.member < group.members else {
      throw Breach(description: "sent for a group that is not open")
    }
    try require(
      !flights.values.contains { $0.group == request.group && $0.member == request.member }
        && group.firstAnswers[request.member] == nil && !group.rejected.contains(request.member),
      "asked twice for member \(request.member)")
    sent += 1
    switch breaker {
    case .open(let until):
      try require(now >= until, "sent \((until - now).inSeconds) s too early while the breaker is open")
      probes += 1
      breaker = .probing(request.number)
    case .probing: throw Breach(description: "sent beside a probe")
    case .closed:
      let asked = group.asked[request.member, default: 0]
      retries += asked > 0 ? 1 : 0
      open[request.group]?.asked[request.member] = asked + 1
      try require(asked < settings.attempts, "asked more than \(settings.attempts) times")
    }
    flights[request.number] = request
    try require(flights.count <= settings.concurrency, "\(flights.count) requests at once")
    let inGroup = open[request.group]?.asked.values.reduce(0) { $0 + $1 - 1 } ?? 0
    try require(inGroup <= settings.retriesPerGroup, "\(inGroup) retries in a group")
    let allowed =
      Double(settings.retryFloor) + settings.retryShare * Double(answers)
      + (now - start).inSeconds / settings.retryInterval.inSeconds
    try require(Double(retries) <= allowed + 1e-6, "\(retries) retries where \(allowed) are allowed")
  }

  private mutating func ended(_ group: JudgedGroup, at now: Instant) throws {
    guard let known = open[group.key] else { throw Breach(description: "judged \(group.key), which is not open") }
    try require(group.verdicts.count == known.members, "\(group.verdicts.count) verdicts for \(known.members) members")
    judged += 1
    missing += group.scores.count { $0 == nil }
    if known.members > 0, group.verdicts.allSatisfy({ $0 == .missing(.withoutService) }) {
      try require(settings.whenDown == .outcomeOnly, "went on without the service")
      outcomeOnly += 1
    } else {
      for (member, score) in group.scores.enumerated() {
        if let score { try require(score.isFinite && score >= 0 && score <= 1, "score \(score)") }
        let first = known.firstAnswers[member] ?? nil
        try require(known.firstAnswers[member] != nil || known.rejected.contains(member), "verdict without an answer")
        try require(score == first.flatMap { (0...1).contains($0) ? $0 : nil }, "not the first answer's score")
      }
    }
    try end(group.key, "judged", at: now)
  }

  private mutating func end(_ key: LeaseID, _ how: String, at now: Instant) throws {
    guard let group = open.removeValue(forKey: key), ends[key] == nil else {
      throw Breach(description: "group \(key) ended again: \(how)")
    }
    try require(now <= group.taken + settings.groupDeadline + lateness, "group \(key) \(how) too late")
    ends[key] = how
    // What its requests still bring must be ignored; the machine says so by abandoning them.
    if how == "cancelled" { return }
    try require(flights.values.allSatisfy { $0.group != key }, "group \(key) \(how) with requests under way")
  }
}
