import Testing

@testable import Rollout

@Suite("Observers")
struct ObserverTests {
  private static let observer = PeerID(name: "eyes", connection: "o1")

  private func look(_ bench: inout LearnerBench, _ look: Look = .cluster, version: UInt32 = protocolVersion) -> [LearnerAction] {
    bench.say(.look(look, protocolVersion: version), Self.observer, role: .observer)
  }

  private func snapshot(_ bench: inout LearnerBench) throws -> ClusterSnapshot {
    let shown = look(&bench).compactMap { action -> ClusterSnapshot? in
      if case .show(Self.observer, let snapshot) = action { snapshot } else { nil }
    }
    return try #require(shown.first)
  }

  @Test("are shown units, peers and what the learner waits for")
  func cluster() throws {
    var bench = LearnerBench(.sample(steps: 3))
    #expect(try snapshot(&bench).activity == "waits for a worker to join")
    bench.now = bench.now + .seconds(1)
    bench.join(credit: 2)
    bench.say(.generated(bench.issued[0].id))
    bench.deliver(bench.issued[0])
    bench.now = bench.now + .seconds(1)
    let seen = try snapshot(&bench)
    #expect(seen.totalSteps == 3 && seen.promptsPerStep == 2 && seen.ready == 1 && !seen.isTraining)
    #expect(seen.units.reduce(0, +) == bench.role.ledger.issued)
    #expect(seen.count(.admitted) == 1 && seen.count(.leased) == 1)
    #expect(seen.activity == "waits for lease 1.2 of w1")
    #expect(seen.peers.map(\.name) == ["s1", "w1"] && seen.peers.map(\.role) == [.scorer, .worker])
    #expect(seen.peers[1].state == .working && seen.peers[1].leases == 1 && seen.peers[1].groups == 1)
    #expect(seen.peers[1].silence == 1)
    bench.isDiskPrompt = false
    bench.deliver(bench.issued[1])
    bench.now = bench.now + .seconds(1)
    #expect(try snapshot(&bench).activity == "waits for the journal to make groups durable")
    bench.receive(.journaled(through: .max))
    bench.now = bench.now + .seconds(1)
    #expect(try snapshot(&bench).isTraining)
  }

  @Test("see how much of the time the learner has nothing to train and an engine nothing to do")
  func shares() throws {
    var bench = LearnerBench()
    bench.join(credit: 2)
    for lease in bench.issued { bench.deliver(lease) }
    // Half a minute and more of training, with a worker whose engine works a quarter of the time.
    for _ in 0..<300 {
      bench.now = bench.now + .milliseconds(500)
      bench.say(.heartbeat(Heartbeat(incarnation: 1, version: 0, credit: 2, held: [], busy: 0.25, waiting: 3)))
    }
    let training = try snapshot(&bench)
    #expect(training.idleShare < 0.02)
    let worker = try #require(training.peers.last)
    #expect(abs(worker.idleShare - 0.75) < 0.01 && worker.waiting == 3)
    bench.train()
    for _ in 0..<300 {
      bench.now = bench.now + .milliseconds(500)
      bench.beat(credit: 0)
    }
    let waiting = try snapshot(&bench)
    #expect(try waiting.idleShare > 0.98 && #require(waiting.peers.last).idleShare > 0.98)
  }

  @Test("are told the state of a unit")
  func unit() {
    var bench = LearnerBench()
    let known = look(&bench, .unit(UnitID(epoch: 0, prompt: 1)))
    #expect(known.contains { if case .tell(Self.observer, UnitID(epoch: 0, prompt: 1), .queued, 1) = $0 { true } else { false } })
    let unknown = look(&bench, .unit(UnitID(epoch: 9, prompt: 1)))
    #expect(unknown.contains { if case .tell(_, _, nil, 0) = $0 { true } else { false } })
  }

  @Test("may do nothing but look, and nobody else may")
  func rights() {
    var bench = LearnerBench()
    bench.join()
    let lease = bench.issued[0].id
    let words: [PeerMessage] = [
      .hello(.sample(.worker)), .generated(lease), .declined(lease, reason: ""), .bye(reason: ""),
      .heartbeat(Heartbeat(incarnation: 1, version: 0, credit: 5, held: [])),
      .fetch(Fetch(source: .weights(version: 0), offset: 0, count: 1)),
    ]
    for word in words {
      let answer = bench.say(word, Self.observer, role: .observer)
      #expect(answer.count == 1)
      #expect(answer.contains { if case .send(Self.observer, .refused(let reason)) = $0 { reason.contains("nothing else") } else { false } })
    }
    #expect(bench.role.membership.count == 2 && bench.role.ledger.count(.leased) == 2)
    let other = bench.say(.look(.cluster, protocolVersion: protocolVersion))
    #expect(other.contains { if case .send(.worker, .refused(let reason)) = $0 { reason.contains("observer") } else { false } })
    #expect(look(&bench, version: 1).contains { if case .send(_, .refused(let reason)) = $0 { reason.contains("version 1") } else { false } })
  }
}
