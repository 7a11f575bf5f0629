import Limits
import Testing

@testable import Rollout

@Suite("A worker's groups")
struct WorkerGroupTests {
  private func id(_ number: UInt64, incarnation: UInt32 = 1) -> LeaseID {
    LeaseID(incarnation: incarnation, number: number)
  }

  @Test("leases are generated side by side, and each group is pushed, then reported, as it ends")
  func sideBySide() {
    var bench = WorkerBench.ready()
    for number in 1...3 as ClosedRange<UInt64> { bench.hear(.lease(.sample(number))) }
    #expect(bench.actions.generating.map(\.id.number) == [1, 2, 3])
    for number in [2, 3, 1] as [UInt64] {
      let actions = bench.generate(number)
      #expect(actions.pushes == ["s1"] && actions.sent.first == .generated(id(number)) && actions.generating.isEmpty)
    }
    #expect(bench.pass(seconds: 1).beats.last?.held == [id(1), id(2), id(3)])
  }

  @Test("a lease that fails is declined, and those beside it go on")
  func failure() {
    var bench = WorkerBench.ready()
    for number in 1...2 as ClosedRange<UInt64> { bench.hear(.lease(.sample(number))) }
    let actions = bench.receive(.generationFailed(id(1), reason: "no image"))
    #expect(actions.sent == [.declined(id(1), reason: "no image")])
    #expect(bench.generate(2).pushes == ["s1"])
    #expect(bench.pass(seconds: 1).beats.last?.held == [id(2)])
  }

  @Test("a version that has come is loaded when nothing is generated any more, and nothing is begun before")
  func newerVersion() {
    var bench = WorkerBench.ready()
    for number in 1...2 as ClosedRange<UInt64> { bench.hear(.lease(.sample(number))) }
    bench.receive(.published(.announced(.sample(1))))
    #expect(bench.hear(.chunk(.weights(1))).loads.isEmpty)
    #expect(bench.hear(.lease(.sample(3))).generating.isEmpty)
    #expect(bench.generate(1).loads.isEmpty)
    #expect(bench.generate(2).loads == [1])
    #expect(bench.receive(.loaded(version: 1)).generating.map(\.version) == [1])
  }

  @Test("a lease that comes twice is generated once")
  func twice() {
    var bench = WorkerBench.ready()
    for _ in 0..<2 { bench.hear(.lease(.sample(1))) }
    bench.generate()
    bench.hear(.lease(.sample(1)))
    #expect(bench.actions.generating.count == 1)
  }

  @Test("a group is held, and named in every heartbeat, until it is durable")
  func durable() {
    var bench = WorkerBench.ready()
    bench.hear(.lease(.sample(1)))
    bench.generate()
    #expect(bench.pass(seconds: 1).beats.last?.held == [id(1)])
    bench.hear(.durable([id(1)]))
    #expect(bench.pass(seconds: 1).beats.last?.held == [])
    #expect(bench.pass(seconds: 60).pushes.isEmpty)
  }

  @Test("a group that is not durable in time is pushed to the next scorer, less and less often")
  func resend() {
    var bench = WorkerBench.ready(scorers: [.sample("s1"), .sample("s2")])
    bench.hear(.lease(.sample(2)))
    bench.generate()
    #expect(bench.actions.pushes == ["s1"])
    #expect(bench.pass(seconds: 4).pushes.isEmpty)
    #expect(bench.pass(seconds: 1).pushes == ["s2"])
    #expect(bench.pass(seconds: 8).pushes.isEmpty)
    #expect(bench.pass(seconds: 1).pushes == ["s1"])
  }

  @Test("a scorer from which nothing comes back is left out for a while, each time for longer, until something does")
  func silentScorer() {
    var bench = WorkerBench.ready(scorers: [.sample("s1"), .sample("s2")])
    var number: UInt64 = 0
    // Every group is s1's by its number; it is durable as soon as s2 has it, and if `heals`, when s1 has.
    func pushes(heals: Bool = false) -> [String] {
      number += 2
      bench.hear(.lease(.sample(number)))
      bench.generate()
      var pushes = [bench.actions.pushes.last ?? ""]
      while pushes.last == "s1", !heals { pushes += bench.pass(seconds: 1).pushes }
      bench.hear(.durable([id(number)]))
      return pushes
    }
    #expect(pushes() == ["s1", "s2"])
    #expect(pushes() == ["s2"])
    bench.pass(seconds: 8)
    #expect(pushes() == ["s1", "s2"])
    bench.pass(seconds: 9)
    #expect(pushes() == ["s2"])
    bench.pass(seconds: 8)
    #expect(pushes(heals: true) == ["s1"])
    // It is trusted again: the next doubt is a short one.
    #expect(pushes() == ["s1", "s2"])
    bench.pass(seconds: 9)
    #expect(pushes() == ["s1", "s2"])
  }

  @Test("where every scorer is in doubt, none is left out")
  func allInDoubt() {
    var rota = ScorerRota()
    let (first, second) = (ScorerAddress.sample("s1"), ScorerAddress.sample("s2"))
    let now = Instant(nanoseconds: 0)
    #expect(rota.scorer(at: 0, now) == nil)
    rota.update([first, second])
    rota.doubt(first, at: now, patience: .seconds(4))
    #expect([0, 1, 2].map { rota.scorer(at: $0, now) } == [second, second, second])
    rota.doubt(second, at: now, patience: .seconds(4))
    #expect([0, 1, 2].map { rota.scorer(at: $0, now) } == [first, second, first])
    // One that is no longer named is forgotten.
    rota.update([second])
    rota.update([first, second])
    #expect([0, 1].map { rota.scorer(at: $0, now) } == [first, first])
  }

  @Test("what was pushed to a scorer that is gone goes to another at once")
  func scorerGone() {
    var bench = WorkerBench.ready()
    bench.hear(.lease(.sample(1)))
    bench.generate()
    #expect(bench.hear(.scorers([.sample("s2")])).pushes == ["s2"])
    #expect(bench.hear(.scorers([.sample("s2"), .sample("s3")])).pushes.isEmpty)
  }

  @Test("without a scorer it holds the group and asks for word of one")
  func noScorer() {
    var bench = WorkerBench.ready(scorers: [])
    bench.hear(.lease(.sample(1)))
    #expect(bench.generate().pushes.isEmpty)
    #expect(bench.pass(seconds: 5).hellos == 1)
    #expect(bench.hear(.welcome(.sample(scorers: [.sample("s9")]))).pushes == ["s9"])
  }

  @Test("a revoked lease is let go: queued, under way, or held")
  func revoked() {
    var bench = WorkerBench.ready()
    for number in 1...2 as ClosedRange<UInt64> { bench.hear(.lease(.sample(number))) }
    bench.hear(.lease(.sample(3, version: 1)))
    bench.generate(1)  // 1 is held, 2 is under way, 3 waits for its version
    bench.hear(.revoked([id(1), id(2), id(3)]))
    let actions = bench.generate(2)
    #expect(actions.pushes.isEmpty && actions.sent.isEmpty && bench.role.discarded == 2)
    #expect(bench.pass(seconds: 1).beats.last?.held == [])
    #expect(bench.actions.generating.map(\.id.number) == [1, 2])
  }

  @Test("wants no more leases while very many groups are not durable")
  func backpressure() {
    var bench = WorkerBench.ready()
    for number in 1...UInt64(Limits.standard.messages.waiting - Limits.standard.messages.credit) {
      bench.hear(.lease(.sample(number)))
      bench.generate()
    }
    let beat = bench.pass(seconds: 1).beats.last
    #expect(beat?.credit == 0 && (beat?.held.count ?? 0) <= Limits.standard.messages.waiting)
  }

  @Test("told to stop: finishes what is under way, lets the rest go, says goodbye when all is durable")
  func stop() {
    var bench = WorkerBench.ready()
    bench.hear(.lease(.sample(1)))
    bench.hear(.lease(.sample(2, version: 1)))  // waits for its version
    let beat = bench.receive(.stop(reason: "Ctrl-C")).beats.last
    #expect(beat?.credit == 0 && beat?.held == [id(1)])
    let actions = bench.generate()
    #expect(actions.pushes == ["s1"] && actions.generating.isEmpty && actions.finish == nil)
    let last = bench.hear(.durable([id(1)]))
    #expect(last.sent.last == .bye(reason: "Ctrl-C") && last.finish == .interrupted(reason: "Ctrl-C"))
  }

  @Test("told to stop: waits no longer than the grace, and not at all when told twice", arguments: [false, true])
  func grace(isTwice: Bool) {
    var bench = WorkerBench.ready()
    bench.hear(.lease(.sample(1)))
    #expect(bench.receive(.stop(reason: "Ctrl-C")).finish == nil)
    if isTwice {
      #expect(bench.receive(.stop(reason: "Ctrl-C")).finish == .interrupted(reason: "Ctrl-C"))
    } else {
      #expect(bench.pass(seconds: 7).finish == nil)
      #expect(bench.pass(seconds: 1).finish == .interrupted(reason: "Ctrl-C"))
    }
  }

  @Test("the learner's farewell ends it at once, and it knows whether the run is complete", arguments: [true, false])
  func shutdown(isComplete: Bool) {
    var bench = WorkerBench.ready()
    bench.hear(.lease(.sample(1)))
    #expect(bench.hear(.shutdown(reason: "so", isComplete: isComplete)).finish == (isComplete ? .completed : .abandoned(reason: "so")))
  }
}

@Suite("A worker rides out a restart of the learner")
struct WorkerRestartTests {
  @Test("it greets the learner that does not know it, hands in what it holds, and drops what it has not begun")
  func restart() {
    var bench = WorkerBench.ready(version: 3)
    bench.hear(.lease(.sample(1, version: 3)))
    bench.hear(.lease(.sample(2, version: 4)))
    #expect(bench.hear(.helloWanted).hellos == 1)
    bench.hear(.welcome(.sample(incarnation: 2, version: 3)))
    #expect(bench.generate().pushes.count == 1)
    let held = [LeaseID(incarnation: 1, number: 1)]
    #expect(bench.pass(seconds: 1).beats.last.map { $0.incarnation == 2 && $0.held == held } == true)
    #expect(bench.hear(.welcome(.sample(incarnation: 3, version: 3))).pushes.count == 1)  // it may have been lost
    #expect(bench.hear(.revoked(held)).generating.isEmpty)
    #expect(bench.pass(seconds: 1).beats.last?.held == [])
    #expect(bench.hear(.lease(.sample(1, version: 3, incarnation: 3))).generating.count == 1)
  }

  @Test("it takes the weights of the resumed version before it generates, although it had a later one")
  func olderVersion() {
    var bench = WorkerBench.ready(version: 3)
    let welcomed = bench.hear(.welcome(.sample(incarnation: 2, version: 1)))
    #expect(welcomed.fetches.map(\.source) == [.weights(version: 1)] && welcomed.beats.last?.credit == 0)
    #expect(bench.hear(.lease(.sample(1, version: 1, incarnation: 2))).generating.isEmpty)
    #expect(bench.serve(1).generating.map(\.version) == [1])
  }

  @Test("a load that was under way for the learner before does not count")
  func voidLoad() {
    var bench = WorkerBench.ready(version: 3)
    bench.receive(.published(.announced(.sample(4))))
    #expect(bench.hear(.chunk(.weights(4))).loads == [4])
    bench.hear(.welcome(.sample(incarnation: 2, version: 3)))
    bench.receive(.loaded(version: 4))
    #expect(bench.role.version == nil)
    #expect(bench.serve(3).loads == [3])
    #expect(bench.role.version == 3)
  }

  @Test("a welcome of an incarnation before is passed over")
  func fenced() {
    var bench = WorkerBench.ready()
    bench.hear(.welcome(.sample(incarnation: 5)))
    #expect(bench.hear(.welcome(.sample(incarnation: 4, version: 9))).fetches.isEmpty)
    #expect(bench.pass(seconds: 1).beats.last?.incarnation == 5)
  }

  @Test("a learner that is silent is greeted again, and over other connections while it stays silent")
  func silentLearner() {
    var bench = WorkerBench.ready()
    var (greetedAt, connectedAt): ([Int], [Int]) = ([], [])
    for second in 1...45 {
      let actions = bench.wait(.seconds(1))
      if actions.contains(where: { if case .send(.hello) = $0 { true } else { false } }) { greetedAt.append(second) }
      guard let index = actions.firstIndex(where: { if case .connectAnew = $0 { true } else { false } }) else { continue }
      connectedAt.append(second)
      #expect(actions[(index + 1)...].contains { if case .send(.hello) = $0 { true } else { false } })
    }
    // Five seconds of silence, then with back-off; connections are given ten seconds to prove themselves.
    #expect(greetedAt.first == 6 && greetedAt.count > 8, "\(greetedAt)")
    #expect((11...16).contains(connectedAt.first ?? 0) && (2...4).contains(connectedAt.count), "\(connectedAt)")
    #expect(zip(connectedAt, connectedAt.dropFirst()).allSatisfy { $1 - $0 > 10 }, "\(connectedAt)")
  }

  @Test("a learner whose heartbeats are far apart is not taken for silent between them")
  func slowHeartbeats() {
    var bench = WorkerBench()
    bench.receive(.tick)
    var welcome = Welcome.sample()
    welcome.heartbeat = .seconds(4)
    bench.hear(.welcome(welcome))
    let greetedAt = (1...13).filter { _ in
      bench.wait(.seconds(1)).contains { if case .send(.hello) = $0 { true } else { false } }
    }
    // Three heartbeats, which is more than the five seconds of the settings.
    #expect(greetedAt == [13])
  }
}
