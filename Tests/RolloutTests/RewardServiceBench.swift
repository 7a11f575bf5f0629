import Testing

@testable import Rollout

/// A reward service's client on a clock that the test moves, with what it did since.
struct RewardServiceBench {
  var service: RewardService
  private(set) var now = Instant(nanoseconds: 1_000_000_000)
  /// Requests under way, as a client that obeys would have them.
  private(set) var open: [ServiceRequest] = []
  private(set) var sent: [ServiceRequest] = []
  private(set) var judged: [LeaseID: JudgedGroup] = [:]
  private(set) var declined: [LeaseID: String] = [:]
  private(set) var stopped: String?
  private(set) var log: [String] = []
  let start: Instant

  init(seed: UInt64 = 1, _ change: (inout RewardServiceSettings) -> Void = { _ in }) {
    var settings = RewardServiceSettings()
    change(&settings)
    start = now
    service = RewardService(settings: settings, seed: seed, now: now)
  }

  /// Seconds since the start.
  var time: Double { (now - start).inSeconds }

  static func key(_ number: UInt64) -> LeaseID { LeaseID(incarnation: 1, number: number) }

  mutating func receive(_ event: RewardServiceEvent) {
    switch event {
    case .answered(let number, _), .refused(let number, _, _), .unreachable(let number, _), .timedOut(let number):
      open.removeAll { $0.number == number }
    case .judge, .cancel, .tick: break
    }
    for action in service.receive(event, at: now) {
      switch action {
      case .send(let request):
        sent.append(request)
        open.append(request)
      case .abandon(let number): open.removeAll { $0.number == number }
      case .judged(let group): judged[group.key] = group
      case .declined(let key, let reason): declined[key] = reason
      case .log(_, let line): log.append(line)
      case .stop(let reason): stopped = reason
      }
    }
  }

  mutating func judge(_ number: UInt64, members: Int) {
    receive(.judge(GroupCall(key: Self.key(number), members: members)))
  }

  /// Lets time pass, with a tick whenever the machine wants one.
  mutating func pass(_ seconds: Double) {
    let end = now + .seconds(seconds)
    while let wake = service.wakeAt, wake <= end, tick(at: wake) {}
    now = end
    receive(.tick)
  }

  /// Lets time pass until a request is under way, or the machine wants nothing more.
  mutating func passUntilAsked() {
    while open.isEmpty, let wake = service.wakeAt, tick(at: wake) {}
  }

  /// - Returns: whether time goes on; a machine that is woken without end would keep a test from failing.
  private mutating func tick(at wake: Instant) -> Bool {
    guard wake > now else {
      Issue.record("wants to be woken at \((wake - start).inSeconds) s, and it is \(time) s")
      return false
    }
    now = wake
    receive(.tick)
    return true
  }

  /// Answers everything that is under way, in order.
  mutating func answerAll(_ event: (ServiceRequest) -> RewardServiceEvent) {
    for request in open { receive(event(request)) }
  }

  /// Answers the oldest request under way.
  mutating func answerFirst(_ event: (UInt64) -> RewardServiceEvent) {
    if let request = open.first { receive(event(request.number)) }
  }

  /// Brings the service down by resets, with members of a group of its own.
  mutating func breakDown(group: UInt64 = 99) {
    judge(group, members: service.settings.breakerFailures)
    for request in open { receive(.unreachable(request: request.number, reason: "connection reset")) }
  }

  /// Refuses every connection until no group is left that waits.
  mutating func failUntilEnded() {
    for _ in 0..<200 where service.wakeAt != nil {
      passUntilAsked()
      answerFirst { .unreachable(request: $0, reason: "connection refused") }
    }
  }
}

extension Verdict {
  var reason: MissingScore? { if case .missing(let reason) = self { reason } else { nil } }
}
