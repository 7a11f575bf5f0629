import Testing

@testable import Rollout

@Suite("Asking a reward service")
struct RewardServiceTests {
  private typealias Bench = RewardServiceBench

  @Test("a group is asked for member by member and ends with their scores in order, whatever the order of the answers")
  func scores() {
    var bench = Bench()
    bench.judge(1, members: 3)
    #expect(bench.sent.map(\.member) == [0, 1, 2])
    for request in bench.open.reversed() {
      #expect(bench.judged.isEmpty)
      bench.receive(.answered(request: request.number, score: Double(request.member) / 2))
    }
    #expect(bench.judged[Bench.key(1)]?.scores == [0, 0.5, 1])
    #expect(bench.service.wakeAt == nil)
  }

  @Test("a group without members to judge ends at once")
  func empty() {
    var bench = Bench()
    bench.judge(1, members: 0)
    #expect(bench.judged[Bench.key(1)]?.scores == [] && bench.sent.isEmpty)
  }

  @Test("no more requests are under way than allowed; the rest follow in the order of the queue")
  func concurrency() {
    var bench = Bench { $0.concurrency = 3 }
    bench.judge(1, members: 2)
    bench.judge(2, members: 4)
    #expect(bench.open.count == 3)
    while !bench.open.isEmpty {
      bench.answerFirst { .answered(request: $0, score: 0.5) }
      #expect(bench.open.count <= 3)
    }
    #expect(bench.sent.map(\.group.number) == [1, 1, 2, 2, 2, 2] && bench.sent.map(\.member) == [0, 1, 0, 1, 2, 3])
    #expect(bench.judged.count == 2)
  }

  @Test("more groups than may wait are declined, and one that is being judged is not taken twice")
  func queue() {
    var bench = Bench { $0.queuedGroups = 2 }
    for number in [1, 1, 2, 3] as [UInt64] { bench.judge(number, members: 1) }
    #expect(bench.sent.count == 2)
    #expect(bench.declined == [Bench.key(3): "2 groups wait for the reward service already"])
  }

  @Test(
    "a score that cannot be read, is not finite or is out of range is missing, is counted, and is not asked for again",
    arguments: [
      (nil, .unreadable), (.nan, .notFinite), (.infinity, .notFinite), (-.infinity, .notFinite), (1.7, .outOfRange),
      (-0.1, .outOfRange), (1.0.nextUp, .outOfRange),
    ] as [(Double?, MissingScore)])
  func unusable(score: Double?, reason: MissingScore) {
    var bench = Bench()
    bench.judge(1, members: 2)
    bench.answerFirst { .answered(request: $0, score: score) }
    bench.answerFirst { .answered(request: $0, score: 1) }
    #expect(bench.judged[Bench.key(1)]?.verdicts == [.missing(reason), .score(1)])
    #expect(bench.sent.count == 2 && bench.service.counters.missing.total == 1)
    #expect(bench.log == ["group 1.1 lacks 1 of 2 thinking scores; the first is \(reason)"])
  }

  @Test("a request that the service does not take leaves its member without a score", arguments: [400, 413, 422])
  func rejected(status: Int) {
    var bench = Bench()
    bench.judge(1, members: 2)
    bench.answerFirst { .refused(request: $0, status: status, retryAfter: .seconds(1)) }
    bench.answerFirst { .answered(request: $0, score: 0.3) }
    #expect(bench.judged[Bench.key(1)]?.verdicts == [.missing(.refused(status: status)), .score(0.3)])
    #expect(bench.service.counters.missing.refused == 1 && bench.sent.count == 2)
  }

  @Test("a fault of the settings stops at once, with what to do about it", arguments: [401, 403, 404, 307])
  func misconfigured(status: Int) {
    var bench = Bench()
    bench.judge(1, members: 2)
    bench.judge(2, members: 1)
    bench.answerFirst { .refused(request: $0, status: status, retryAfter: nil) }
    #expect(bench.stopped?.hasPrefix("the reward service answers HTTP \(status): ") == true)
    #expect(bench.open.isEmpty && bench.declined.count == 2 && bench.service.wakeAt == nil)
    bench.judge(3, members: 1)
    #expect(bench.declined[Bench.key(3)] == bench.stopped && bench.sent.count == 3)
  }

  @Test("a request is given up at its deadline, late bytes or not, and made again")
  func deadline() {
    var bench = Bench { $0.requestDeadline = .seconds(10) }
    bench.judge(1, members: 1)
    bench.pass(9.9)
    #expect(bench.open.count == 1)
    bench.pass(0.1)
    #expect(bench.open.isEmpty && bench.service.counters.timedOut == 1)
    bench.receive(.answered(request: bench.sent[0].number, score: 0.9))
    #expect(bench.judged.isEmpty && bench.service.counters.ignored == 1)
    bench.passUntilAsked()
    bench.answerFirst { .answered(request: $0, score: 0.4) }
    #expect(bench.judged[Bench.key(1)]?.scores == [0.4])
  }

  @Test("an answer that arrives beside its deadline is late, even if nobody looked at the clock")
  func lateTick() {
    var bench = Bench { $0.requestDeadline = .seconds(10) }
    bench.judge(1, members: 1)
    let end = bench.now + .seconds(10)
    let actions = bench.service.receive(.answered(request: 1, score: 0.9), at: end)
    #expect(actions == [.abandon(request: 1)])
  }

  @Test("the first answer to a member stands; a repeated or late one changes nothing")
  func firstStands() {
    var bench = Bench()
    bench.judge(1, members: 2)
    let (first, second) = (bench.sent[0].number, bench.sent[1].number)
    bench.receive(.answered(request: first, score: 0.2))
    bench.receive(.answered(request: first, score: 0.8))
    bench.receive(.refused(request: first, status: 401, retryAfter: nil))
    bench.receive(.answered(request: second, score: 0.5))
    bench.receive(.answered(request: second, score: 0.1))
    #expect(bench.judged[Bench.key(1)]?.scores == [0.2, 0.5])
    #expect(bench.service.counters.ignored == 3 && bench.stopped == nil)
  }

  @Test("a cancelled group gives its room to the next; its answers are ignored, and it may come again")
  func cancel() {
    var bench = Bench { $0.concurrency = 2 }
    bench.judge(1, members: 2)
    bench.judge(2, members: 2)
    let first = bench.sent[0].number
    bench.receive(.cancel(Bench.key(1)))
    #expect(bench.open.map(\.group) == [Bench.key(2), Bench.key(2)])
    bench.receive(.answered(request: first, score: 0.9))
    bench.answerAll { .answered(request: $0.number, score: 0.5) }
    #expect(bench.judged.keys.map(\.number) == [2] && bench.declined.isEmpty && bench.service.counters.ignored == 1)
    bench.judge(1, members: 1)
    bench.answerAll { .answered(request: $0.number, score: 0.5) }
    #expect(bench.judged[Bench.key(1)]?.scores == [0.5])
  }

  @Test("a group that is not judged by its deadline ends then, wherever its members are")
  func groupDeadline() {
    var bench = Bench {
      ($0.concurrency, $0.requestDeadline, $0.groupDeadline, $0.waitBudget) = (1, .seconds(20), .seconds(30), .seconds(30))
    }
    bench.judge(1, members: 1)
    bench.judge(2, members: 1)
    bench.pass(15)
    bench.answerFirst { .answered(request: $0, score: 0.5) }
    bench.pass(14.9)
    #expect(bench.declined.isEmpty && bench.open.count == 1)
    bench.pass(0.1)
    #expect(bench.declined[Bench.key(2)]?.hasPrefix("not judged within 30.0 s") == true && bench.open.isEmpty)
  }

  @Test("settings that contradict each other are named")
  func contradictions() {
    #expect(RewardServiceSettings().contradictions.isEmpty)
    func named(_ change: (inout RewardServiceSettings) -> Void) -> [String] {
      var settings = RewardServiceSettings()
      change(&settings)
      return settings.contradictions
    }
    #expect(named { $0.concurrency = 0 } == ["at least one request must be allowed at once"])
    #expect(named { $0.breakerFailures = 4 } == ["one request that always fails must not look like a service that is down"])
    #expect(named { $0.requestDeadline = .seconds(301) } == ["a request must be answered within its group's deadline"])
    #expect(named { $0.waitBudget = .seconds(301) } == ["a group cannot wait for the service beyond its own deadline"])
    #expect(named { $0.retryShare = .nan } == ["an answer earns from 0 to 1 retries"])
  }
}
