import Testing

@testable import Rollout

@Suite("A reward service in trouble")
struct RewardServiceOutageTests {
  private typealias Bench = RewardServiceBench

  static let passing: [@Sendable (UInt64) -> RewardServiceEvent] = [
    { .refused(request: $0, status: 429, retryAfter: nil) }, { .refused(request: $0, status: 500, retryAfter: nil) },
    { .refused(request: $0, status: 502, retryAfter: nil) }, { .refused(request: $0, status: 503, retryAfter: nil) },
    { .refused(request: $0, status: 504, retryAfter: nil) }, { .refused(request: $0, status: 408, retryAfter: nil) },
    { .unreachable(request: $0, reason: "connection refused") }, { .timedOut(request: $0) },
  ]

  @Test("a failure that may pass is tried again with a growing wait, a set number of times", arguments: passing.indices)
  func retries(kind: Int) {
    var bench = Bench { ($0.attempts, $0.firstBackoff) = (4, .seconds(1)) }
    bench.judge(1, members: 1)
    for attempt in 0..<4 {
      let failedAt = bench.time
      bench.answerFirst(Self.passing[kind])
      #expect(bench.open.isEmpty)
      bench.passUntilAsked()
      guard attempt < 3 else { break }
      let wait = bench.time - failedAt
      let bound = Double(1 << attempt)
      #expect(bench.sent.count == attempt + 2 && wait >= bound / 2 && wait <= bound)
    }
    #expect(bench.sent.count == 4 && bench.declined[Bench.key(1)]?.hasPrefix("member 0 failed 4 times") == true)
    #expect(bench.service.counters.retried == 3 && bench.service.counters.breakerOpenings == 0)
  }

  @Test("processes with other seeds wait other times; the same seed waits the same")
  func jitter() {
    func wait(_ seed: UInt64) -> Double {
      var bench = Bench(seed: seed)
      bench.judge(1, members: 1)
      bench.answerFirst(Self.passing[1])
      bench.passUntilAsked()
      return bench.time
    }
    #expect(wait(1) == wait(1) && wait(1) != wait(2))
  }

  @Test("Retry-After keeps every request back for as long as it says", arguments: [429, 503])
  func retryAfter(status: Int) {
    var bench = Bench { $0.concurrency = 2 }
    bench.judge(1, members: 4)
    bench.answerFirst { .refused(request: $0, status: status, retryAfter: .seconds(7)) }
    bench.answerFirst { .answered(request: $0, score: 0.5) }
    #expect(bench.open.isEmpty)
    bench.pass(6.9)
    #expect(bench.sent.count == 2)
    bench.pass(1)
    #expect(bench.open.map(\.member) == [0, 2])
    #expect(bench.service.counters.rateLimited == (status == 429 ? 1 : 0))
  }

  @Test("being told when to come again is no sign of being down; being turned away without a word is")
  func rateLimits() {
    var bench = Bench()
    bench.judge(1, members: 8)
    bench.answerAll { .refused(request: $0.number, status: 429, retryAfter: .seconds(1)) }
    #expect(bench.service.counters.breakerOpenings == 0)
    bench.pass(3)
    bench.answerAll { .refused(request: $0.number, status: 429, retryAfter: nil) }
    #expect(bench.service.counters.breakerOpenings == 1)
  }

  @Test(
    "a Retry-After beyond the budget counts as being down: nobody waits for it",
    arguments: RewardServiceSettings.WhenDown.allCases, [121, 1e15])
  func away(whenDown: RewardServiceSettings.WhenDown, seconds: Double) {
    var bench = Bench { $0.whenDown = whenDown }
    bench.judge(1, members: 2)
    bench.answerFirst { .refused(request: $0, status: 503, retryAfter: .seconds(Int64(seconds))) }
    bench.judge(2, members: 1)
    #expect(bench.open.isEmpty && bench.time == 0)
    switch whenDown {
    case .decline: #expect(bench.declined.count == 2 && bench.stopped == nil)
    case .outcomeOnly: #expect(bench.judged[Bench.key(1)]?.scores == [nil, nil] && bench.judged[Bench.key(2)]?.scores == [nil])
    case .stop: #expect(bench.stopped == "the reward service has been down for 0.0 s (last failure: HTTP 503)")
    }
  }

  @Test("after failures in a row nothing is sent but one probe after each cool-down, ever more rarely, until one succeeds")
  func breaker() {
    var bench = Bench {
      ($0.waitBudget, $0.firstCoolDown, $0.longestCoolDown) = (.seconds(300), .seconds(2), .seconds(16))
      // The failures that bring the service down use them up; the probes need none.
      $0.retriesPerGroup = 5
    }
    bench.breakDown()
    #expect(bench.open.isEmpty && bench.log == ["the reward service is down: connection reset"])
    for probe in 0..<6 {
      let openedAt = bench.time
      bench.passUntilAsked()
      let bound = min(16, 2 * Double(1 << probe))
      let wait = bench.time - openedAt
      #expect(bench.open.count == 1 && wait >= bound / 2 && wait <= bound)
      bench.pass(1)
      #expect(bench.open.count == 1)
      bench.answerFirst { .refused(request: $0, status: 503, retryAfter: nil) }
    }
    bench.passUntilAsked()
    bench.answerFirst { .answered(request: $0, score: 0.5) }
    bench.pass(20)
    #expect(bench.open.count == 4)
    bench.answerAll { .answered(request: $0.number, score: 0.5) }
    #expect(bench.judged[Bench.key(99)]?.scores == [0.5, 0.5, 0.5, 0.5, 0.5])
    #expect(bench.service.counters.breakerOpenings == 1 && bench.service.counters.probes == 7)
  }

  @Test("failures that an answer interrupts are not in a row, even if the answer is of no use")
  func interrupted() {
    var bench = Bench()
    bench.judge(1, members: 8)
    for turn in 0..<8 {
      bench.answerFirst { turn == 4 ? .answered(request: $0, score: nil) : .unreachable(request: $0, reason: "reset") }
    }
    #expect(bench.service.counters.breakerOpenings == 0)
  }

  @Test("while the service is down, only the probe says whether it is back")
  func stragglers() {
    var bench = Bench()
    bench.judge(1, members: 8)
    for _ in 0..<5 { bench.answerFirst { .unreachable(request: $0, reason: "reset") } }
    #expect(bench.service.counters.breakerOpenings == 1 && bench.open.count == 3)
    bench.answerFirst { .answered(request: $0, score: 0.5) }
    bench.pass(0.4)
    #expect(bench.sent.count == 8)
    bench.pass(1)
    #expect(bench.sent.count == 9 && bench.open.count == 3)
    bench.answerFirst { .answered(request: $0, score: 0.5) }
    bench.answerFirst { .unreachable(request: $0, reason: "reset") }
    bench.pass(5)
    #expect(bench.sent.count == 9 && bench.open.count == 1)
  }

  @Test("a probe whose group goes away is followed by another after a cool-down")
  func lostProbe() {
    var bench = Bench()
    bench.breakDown()
    bench.judge(1, members: 1)
    bench.passUntilAsked()
    let (asked, group) = (bench.time, bench.open[0].group)
    bench.receive(.cancel(group))
    #expect(bench.open.isEmpty)
    bench.passUntilAsked()
    #expect(bench.time > asked && bench.open.map(\.group) == [Bench.key(1)])
  }

  @Test("a request that always fails does not keep a service that is back from being found out")
  func poisonProbe() {
    var bench = Bench()
    bench.breakDown()
    let poison = 0
    for _ in 0..<200 where bench.declined.isEmpty {
      bench.passUntilAsked()
      for request in bench.open {
        bench.receive(
          request.member == poison
            ? .refused(request: request.number, status: 500, retryAfter: nil) : .answered(request: request.number, score: 0.5))
      }
    }
    #expect(bench.declined[Bench.key(99)]?.hasPrefix("member 0 failed 4 times") == true)
    #expect(bench.service.counters.answered == 4 && bench.time < 30)
  }

  @Test("a service that stays down is waited for, and then each group ends as the settings say")
  func whenDown() {
    func down(_ whenDown: RewardServiceSettings.WhenDown) -> Bench {
      var bench = Bench { ($0.whenDown, $0.waitBudget) = (whenDown, .seconds(60)) }
      bench.breakDown()
      // The probes fail until nobody waits any more.
      bench.failUntilEnded()
      return bench
    }
    let key = Bench.key(99)
    let declining = down(.decline)
    #expect(declining.declined[key] == "the reward service has been down for 60.0 s (last failure: connection refused)")
    #expect(declining.time >= 60 && declining.time < 91)
    let going = down(.outcomeOnly)
    #expect(going.judged[key]?.verdicts == .init(repeating: .missing(.withoutService), count: 5))
    #expect(going.service.counters.missing.withoutService == 5 && going.service.counters.groupsOutcomeOnly == 1)
    let stopping = down(.stop)
    #expect(stopping.stopped == "the reward service has been down for 60.0 s (last failure: connection refused)")
    #expect(stopping.declined[key] == stopping.stopped)
  }

  @Test("a group that comes late in an outage has a wait of its own before it is declined, and none if it can go on")
  func lateGroup() {
    func lateGroup(_ whenDown: RewardServiceSettings.WhenDown) -> Bench {
      var bench = Bench {
        ($0.whenDown, $0.waitBudget, $0.longestCoolDown) = (whenDown, .seconds(20), .seconds(16))
      }
      bench.breakDown()
      bench.failUntilEnded()
      bench.judge(1, members: 1)
      return bench
    }
    #expect(lateGroup(.decline).declined[Bench.key(1)] == nil)
    #expect(lateGroup(.outcomeOnly).judged[Bench.key(1)]?.scores == [nil])
  }

  @Test("a member that cannot be had takes its whole group along where groups go on without the service")
  func wholeGroup() {
    var bench = Bench { $0.whenDown = .outcomeOnly }
    bench.judge(1, members: 2)
    bench.answerFirst { .answered(request: $0, score: 0.5) }
    for _ in 0..<4 {
      bench.answerFirst { .refused(request: $0, status: 500, retryAfter: nil) }
      bench.passUntilAsked()
    }
    #expect(bench.judged[Bench.key(1)]?.verdicts == [.missing(.withoutService), .missing(.withoutService)])
  }

  @Test("a group has a limited number of retries over all its members")
  func groupRetries() {
    var bench = Bench { ($0.retriesPerGroup, $0.breakerFailures) = (2, 100) }
    bench.judge(1, members: 8)
    for _ in 0..<3 { bench.answerFirst { .refused(request: $0, status: 500, retryAfter: nil) } }
    #expect(bench.declined[Bench.key(1)] == "all 2 retries used up (last failure: HTTP 500)" && bench.open.isEmpty)
  }

  @Test("retries beyond a floor are a share of the answers; new requests need no leave")
  func retryBudget() {
    var bench = Bench {
      ($0.retryFloor, $0.retryShare, $0.retryInterval) = (2, 0.25, .seconds(1000))
      ($0.breakerFailures, $0.longestBackoff) = (1000, .seconds(1))
    }
    bench.judge(1, members: 6)
    bench.answerAll { .refused(request: $0.number, status: 500, retryAfter: nil) }
    bench.pass(2)
    #expect(bench.sent.count == 8 && bench.service.counters.retried == 2)
    bench.judge(2, members: 4)
    #expect(bench.sent.count == 12)
    for answer in 1...4 {
      let request = bench.open.first { $0.group == Bench.key(2) }
      bench.receive(.answered(request: request?.number ?? 0, score: 0.5))
      #expect(bench.service.counters.retried == (answer < 4 ? 2 : 3))
    }
  }

  @Test("where no answer earns a retry, time does")
  func retryInterval() {
    var bench = Bench { ($0.retryFloor, $0.retryInterval, $0.breakerFailures) = (1, .seconds(10), 1000) }
    bench.judge(1, members: 3)
    bench.answerAll { .refused(request: $0.number, status: 500, retryAfter: nil) }
    bench.pass(9)
    #expect(bench.service.counters.retried == 1)
    bench.pass(2)
    #expect(bench.service.counters.retried == 2)
    bench.pass(10)
    #expect(bench.service.counters.retried == 3)
  }
}
