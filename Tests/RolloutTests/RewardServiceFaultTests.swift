import Testing

@testable import Rollout

@Suite("A reward service that misbehaves in every way")
struct RewardServiceFaultTests {
  private struct Run {
    var rules: RewardServiceRules
    var counters: RewardServiceCounters
    var trace: [[RewardServiceAction]]
    var seen: Set<MisbehavingService.Fate>
    var groups: Int
  }

  private static func settings(_ random: CounterRandom) -> RewardServiceSettings {
    var settings = RewardServiceSettings()
    settings.concurrency = 1 + Int(random.uniform(at: 0) * 8)
    settings.queuedGroups = 3 + Int(random.uniform(at: 1) * 10)
    settings.requestDeadline = .seconds(10)
    settings.groupDeadline = .seconds(30 + random.uniform(at: 2) * 120)
    settings.attempts = 1 + Int(random.uniform(at: 3) * 5)
    settings.retriesPerGroup = Int(random.uniform(at: 4) * 20)
    settings.retryFloor = 1 + Int(random.uniform(at: 5) * 20)
    settings.retryShare = random.uniform(at: 6) * 0.5
    settings.breakerFailures = settings.attempts + 1 + Int(random.uniform(at: 7) * 3)
    settings.waitBudget = .seconds(5 + random.uniform(at: 8) * 25)
    settings.longestCoolDown = .seconds(2 + random.uniform(at: 9) * 10)
    settings.whenDown = RewardServiceSettings.WhenDown.allCases[Int(random.uniform(at: 10) * 3)]
    return settings
  }

  /// Some dozen groups that come at random times, some of them twice or cancelled, until all have ended.
  private func run(_ seed: UInt64) throws -> Run {
    let random = CounterRandom(seed: seed, epoch: 0, prompt: 0, sample: 0)
    let settings = Self.settings(random)
    try #require(settings.contradictions.isEmpty)
    let start = Instant(nanoseconds: 1_000_000_000)
    let lateness: Duration = seed % 3 == 0 ? .milliseconds(700) : .zero
    var service = MisbehavingService(seed: seed)
    var machine = RewardService(settings: settings, seed: seed, now: start)
    var run = Run(
      rules: RewardServiceRules(settings, start: start, lateness: lateness), counters: machine.counters, trace: [], seen: [],
      groups: 24)
    var pending: [(at: Instant, event: RewardServiceEvent)] = []
    for group in 0..<run.groups {
      let draw = CounterRandom(seed: seed, epoch: 2, prompt: UInt32(group), sample: 0)
      let call = GroupCall(key: LeaseID(incarnation: 1, number: UInt64(group)), members: Int(draw.uniform(at: 0) * 9))
      let at = start + .seconds(draw.uniform(at: 1) * 240)
      pending.append((at, .judge(call)))
      if draw.uniform(at: 2) < 0.2 { pending.append((at + .seconds(draw.uniform(at: 3) * 5), .judge(call))) }
      if draw.uniform(at: 4) < 0.2 { pending.append((at + .seconds(draw.uniform(at: 5) * 20), .cancel(call.key))) }
    }
    var now = start
    var ticks: UInt32 = 0
    do {
      for _ in 0..<100_000 {
        let next = pending.indices.min { pending[$0].at < pending[$1].at }
        ticks += 1
        let wake = machine.wakeAt.map { $0 + lateness * random.uniform(at: 100 + ticks) }
        var event = RewardServiceEvent.tick
        if let next, wake.map({ pending[next].at < $0 }) ?? true {
          now = max(now, pending[next].at)
          // What is overdue comes first in a step of its own, so that the rules see what ended because of what.
          if machine.wakeAt.map({ $0 > now }) ?? true { event = pending.remove(at: next).event }
        } else if let wake {
          now = max(now, wake)
        } else {
          break
        }
        let actions = machine.receive(event, at: now)
        run.trace.append(actions)
        try run.rules.check(event, actions, at: now, wakeAt: machine.wakeAt)
        for case .send(let request) in actions {
          for answer in service.answers(to: request.number, at: (now - start).inSeconds) {
            pending.append((now + .seconds(answer.after), answer.event))
          }
        }
      }
      try #require(pending.isEmpty && machine.wakeAt == nil, "it does not come to rest")
    } catch {
      throw RewardServiceRules.Breach(description: "seed \(seed), \((now - start).inSeconds) s: \(error)")
    }
    run.counters = machine.counters
    run.seen = service.seen
    return run
  }

  @Test("every group ends once and in time, nothing is sent that may not be, and scores are what was answered first")
  func rules() throws {
    var seen = Set<MisbehavingService.Fate>()
    var (judged, declined, outcomeOnly, stops, closings, ignored, missing) = (0, 0, 0, 0, 0, 0, 0)
    var ends = Set<String>()
    for seed in 1...600 as ClosedRange<UInt64> {
      let run = try run(seed)
      let (rules, counters) = (run.rules, run.counters)
      #expect(counters.sent == rules.sent && counters.retried == rules.retries && counters.probes == rules.probes, "seed \(seed)")
      #expect(counters.answered == rules.answers && counters.ignored == rules.ignored, "seed \(seed)")
      #expect(counters.groupsJudged == rules.judged && counters.missing.total == rules.missing, "seed \(seed)")
      #expect(counters.groupsOutcomeOnly == rules.outcomeOnly, "seed \(seed)")
      (judged, declined, outcomeOnly) = (judged + rules.judged, declined + rules.declined, outcomeOnly + rules.outcomeOnly)
      (stops, closings, ignored) = (stops + rules.stops, closings + rules.closings, ignored + rules.ignored)
      missing += rules.missing
      ends.formUnion(rules.ends.values)
      seen.formUnion(run.seen)
    }
    #expect(seen == Set(MisbehavingService.Fate.allCases) && ends == ["judged", "declined", "cancelled"])
    #expect(judged > 3000 && declined > 500 && outcomeOnly > 300 && stops > 30 && closings > 300)
    #expect(ignored > 1000 && missing > 1000)
  }

  @Test("the same seed gives the same actions, another seed others")
  func deterministic() throws {
    for seed in 1...50 as ClosedRange<UInt64> {
      let trace = try run(seed).trace
      #expect(try run(seed).trace == trace && run(seed + 1000).trace != trace, "seed \(seed)")
    }
  }

  @Test("an overload is not fed, and passes: a service that manages four requests at once judges every group in the end")
  func overload() throws {
    var bench = RewardServiceBench {
      ($0.concurrency, $0.queuedGroups, $0.waitBudget, $0.groupDeadline) = (32, 64, .seconds(600), .seconds(600))
      ($0.attempts, $0.breakerFailures) = (8, 9)
    }
    for group in 0..<20 as Range<UInt64> { bench.judge(group, members: 8) }
    var turned = 0
    while bench.service.wakeAt != nil, bench.time < 1200 {
      // Of what is under way, the oldest four are served within a second and the rest is turned away.
      bench.pass(1)
      for (place, request) in bench.open.enumerated() {
        if place < 4 {
          bench.receive(.answered(request: request.number, score: 0.5))
        } else {
          turned += 1
          bench.receive(.refused(request: request.number, status: 503, retryAfter: nil))
        }
      }
    }
    #expect(bench.judged.count == 20, "\(bench.declined)")
    #expect(bench.sent.count < 2 * 160, "\(bench.sent.count) requests, \(turned) of them turned away, in \(bench.time) s")
  }
}
