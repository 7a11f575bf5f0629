import Testing

@testable import Rollout

@Suite("Stragglers")
struct HedgingTests {
  /// Eight leases that took a second each, then one that has been out for a while, and an idle worker.
  private func straggling(
    for duration: Duration, hedgeAfter: Double? = 4, idle: PeerID = .otherWorker, _ hello: Hello = .sample(.worker)
  ) -> LearnerBench {
    var settings = LearnerSettings.sample(prompts: 9)
    settings.hedgeAfter = hedgeAfter
    var bench = LearnerBench(settings)
    bench.join(credit: 1)
    for index in 0..<8 {
      bench.now = bench.now + .seconds(1)
      bench.say(.generated(bench.issued[index].id))
      bench.deliver(bench.issued[index])
      bench.beat(credit: 1)
    }
    bench.say(.hello(hello), idle)
    bench.now = bench.now + duration
    bench.beat(credit: 1, held: [bench.issued[8].id])
    bench.beat(idle, credit: 1)
    return bench
  }

  @Test("a lease that takes several times as long as others is issued to an idle worker too, once")
  func hedge() {
    var bench = straggling(for: .seconds(5))
    #expect(bench.issued.count == 10 && bench.issued[9].unit == bench.issued[8].unit)
    #expect(bench.issued[9].worker == .otherWorker && bench.issued[9].attempt == 2)
    bench.say(.hello(.sample(.worker)), PeerID(name: "w3", connection: "z"))
    bench.beat(PeerID(name: "w3", connection: "z"), credit: 1)
    #expect(bench.issued.count == 10)
  }

  @Test("processes that share a key are several workers, and one that has two connections is one", arguments: [1, 2])
  func sharedKey(process: Int32) {
    var hello = Hello.sample(.worker)
    hello.processID += process - 1
    let other = PeerID(name: PeerID.worker.name, connection: "other")
    let bench = straggling(for: .seconds(5), idle: other, hello)
    #expect(bench.issued.contains { $0.worker == other && $0.attempt == 2 } == (process == 2))
  }

  @Test("a lease that takes a little longer than others is not", arguments: [(3, 4.0), (50, nil)])
  func patience(seconds: Int, hedgeAfter: Double?) {
    #expect(straggling(for: .seconds(seconds), hedgeAfter: hedgeAfter).issued.count == 9)
  }

  @Test("whichever group comes first counts; the other is let go and refused", arguments: [8, 9])
  func firstCounts(winner: Int) {
    var bench = straggling(for: .seconds(5))
    let (first, second) = (bench.issued[winner], bench.issued[17 - winner])
    let actions = bench.deliver(first)
    #expect(actions.sent(to: first.worker) == [.durable([first.id])])
    #expect(actions.sent(to: second.worker) == [.revoked([second.id])])
    #expect(bench.deliver(second).logged("not one that counts"))
    #expect(bench.role.ledger.count(.admitted) == 9)
    #expect([.worker, .otherWorker].map { bench.role.membership.lent(to: $0) } == [0, 0])
  }

  @Test("a worker that was outdone gets nothing more while others are there, until it is seen to have gone on")
  func outdone() {
    var bench = straggling(for: .seconds(5))
    bench.deliver(bench.issued[9])
    bench.train()
    func beat(version: UInt64) {
      let heartbeat = Heartbeat(incarnation: bench.role.incarnation, version: version, credit: 3, held: [])
      bench.say(.heartbeat(heartbeat), .worker)
    }
    #expect(bench.issued.count == 11 && bench.issued.last?.worker == .otherWorker)
    // It would like to have some, but does not come to load the next version.
    beat(version: 0)
    #expect(bench.issued.count == 11)
    beat(version: 1)
    #expect(bench.issued.dropFirst(11).map(\.worker) == [.worker, .worker, .worker])
  }

  @Test("a hedged unit is queued again only when both leases have ended")
  func bothEnd() {
    var bench = straggling(for: .seconds(5))
    bench.say(.bye(reason: ""), .worker)
    #expect(bench.role.ledger.count(.leased) == 1)
    bench.say(.bye(reason: ""), .otherWorker)
    #expect(bench.role.ledger.count(.leased) == 0 && bench.role.ledger.count(.queued) == 1)
  }
}
