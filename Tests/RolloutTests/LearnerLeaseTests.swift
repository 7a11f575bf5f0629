import Testing

@testable import Rollout

@Suite("Leases of the learner")
struct LearnerLeaseTests {
  @Test("a worker gets as many leases as it wants, in schedule order, and no more")
  func credit() {
    var bench = LearnerBench(.sample(prompts: 5))
    bench.join(credit: 2)
    #expect(bench.issued.map(\.unit.prompt) == [0, 1])
    bench.beat(credit: 2, held: bench.issued.map(\.id))
    #expect(bench.issued.count == 2)
    bench.say(.generated(bench.issued[0].id))
    #expect(bench.issued.map(\.unit.prompt) == [0, 1, 2])
    #expect(bench.role.membership.lent(to: .worker) == 2)
  }

  @Test("a second report of the same group frees no second lease")
  func generatedTwice() {
    var bench = LearnerBench(.sample(prompts: 5))
    bench.join(credit: 1)
    bench.say(.generated(bench.issued[0].id))
    bench.say(.generated(bench.issued[0].id))
    bench.deliver(bench.issued[0])
    bench.say(.generated(bench.issued[0].id))
    #expect(bench.issued.count == 2 && bench.role.membership.lent(to: .worker) == 1)
  }

  @Test("leases are shared out to whoever has most free credit")
  func sharing() {
    var bench = LearnerBench(.sample(prompts: 6))
    bench.say(.hello(.sample(.worker)), .worker)
    bench.say(.hello(.sample(.worker)), .otherWorker)
    bench.beat(.worker, credit: 2)
    bench.beat(.otherWorker, credit: 3)
    #expect(bench.issued.map(\.worker) == [.worker, .worker, .otherWorker, .otherWorker, .otherWorker])
  }

  @Test("a lease that runs out is issued again: the same unit, the next attempt, another number")
  func expiry() {
    var bench = LearnerBench(.sample(prompts: 1))
    bench.join()
    let first = bench.issued[0]
    for _ in 0..<61 {
      bench.wait(.seconds(1))
      bench.beat(held: [first.id])
    }
    #expect(bench.issued.count == 1)  // the worker still hangs on to it
    bench.beat()
    let second = bench.issued[1]
    #expect(second.unit == first.unit && second.attempt == 2 && second.id > first.id)
    #expect(bench.actions.sent(to: .worker).contains(.revoked([first.id])))
    let late = bench.deliver(first)
    #expect(late.logged("not one that counts") && bench.role.refusals == 1)
    #expect(bench.role.ledger.entry(of: first.unit)?.state == .leased)
  }

  @Test("a worker that hangs gets no other lease until it lets go of the one that ran out")
  func hung() {
    var bench = LearnerBench(.sample(prompts: 2))
    bench.join(credit: 1)
    bench.say(.hello(.sample(.worker)), .otherWorker)
    for _ in 0..<200 {
      bench.now = bench.now + .seconds(1)
      bench.beat(.worker, credit: 1, held: [bench.issued[0].id])
      bench.beat(.otherWorker, credit: 2, held: bench.issued.dropFirst().map(\.id))
      if bench.issued.count == 3 { break }
    }
    #expect(bench.issued.map(\.worker) == [.worker, .otherWorker, .otherWorker])
    #expect(bench.issued.map(\.unit.prompt) == [0, 1, 0])
    #expect(bench.role.ledger.count(.deadLettered) == 0)
  }

  @Test("a worker in whose hands a lease ran out gets no other while somebody else works, until its engine has done something")
  func doubt() {
    var bench = LearnerBench(.sample(steps: 4, prompts: 1))
    bench.join(credit: 1)
    let hung = bench.issued[0]
    for _ in 0..<61 {
      bench.wait(.seconds(1))
      bench.beat(held: [hung.id])
    }
    // It has let go of the lease without having begun with it, and asks for work again.
    bench.say(.hello(.sample(.worker)), .otherWorker)
    bench.beat(.otherWorker, credit: 1)
    bench.beat(.worker, credit: 8)
    #expect(bench.issued.map(\.worker) == [.worker, .otherWorker])
    bench.deliver(bench.issued[1])
    bench.train()
    #expect(bench.issued.map(\.worker) == [.worker, .otherWorker, .otherWorker])
    bench.deliver(bench.issued[2])
    // It samples from another version than before: its engine works, and it has more credit.
    bench.beat(.worker, credit: 8)
    bench.train()
    #expect(bench.issued.map(\.worker) == [.worker, .otherWorker, .otherWorker, .worker])
  }

  @Test("where every worker is doubted they get leases still")
  func doubtOfAll() {
    var bench = LearnerBench(.sample(prompts: 1))
    bench.join(credit: 1)
    for _ in 0..<61 {
      bench.wait(.seconds(1))
      bench.beat(held: bench.issued.map(\.id))
    }
    bench.beat()
    #expect(bench.issued.map(\.worker) == [.worker, .worker])
  }

  @Test("a worker that falls silent is taken for dead and its leases go to another")
  func death() {
    var bench = LearnerBench(.sample(prompts: 2))
    bench.join()
    bench.say(.hello(.sample(.worker)), .otherWorker)
    bench.wait(.seconds(9))
    bench.beat(.otherWorker)
    let actions = bench.wait(.seconds(2))
    #expect(actions.logged("w1 has not been heard of for 10.0 s"))
    #expect(actions.issued.map(\.worker) == [.otherWorker, .otherWorker])
    #expect(Set(actions.issued.map(\.unit)) == Set(bench.issued[..<2].map(\.unit)))
  }

  @Test("what a dead worker had pushed may still come in")
  func deathAfterPush() {
    var bench = LearnerBench(.sample(prompts: 1))
    bench.join()
    bench.say(.generated(bench.issued[0].id))
    bench.wait(.seconds(11))
    bench.deliver(bench.issued[0])
    #expect(bench.role.ledger.count(.admitted) == 1)
  }

  @Test("a worker that says goodbye gives its leases back at once, and it does not count against them")
  func bye() {
    var bench = LearnerBench(.sample(prompts: 2))
    for round in 0..<10 {
      let peer = PeerID(name: "w\(round)", connection: "x\(round)")
      bench.join(peer)
      #expect(bench.issued.suffix(2).allSatisfy { $0.worker == peer && $0.attempt == round + 1 })
      bench.say(.bye(reason: "rolling restart"), peer)
      #expect(bench.role.ledger.count(.queued) == 2)
    }
    #expect(bench.role.ledger.count(.deadLettered) == 0)
  }

  @Test("a worker that is leaving lets the leases go that it no longer names")
  func leaving() {
    var bench = LearnerBench(.sample(prompts: 3))
    bench.join(credit: 3)
    bench.beat(credit: 0, held: [bench.issued[0].id])
    #expect(bench.role.ledger.count(.leased) == 1 && bench.role.ledger.count(.queued) == 2)
    #expect(bench.role.ledger.entries.allSatisfy { $0.failures == 0 })
  }

  @Test("a lease that was lost on the way is sent again under its own number")
  func lostLease() {
    var bench = LearnerBench(.sample(prompts: 1))
    bench.join(credit: 1)
    #expect(bench.beat(credit: 1).issued.isEmpty)  // it may still be on the way
    bench.now = bench.now + .seconds(3)
    let again = bench.beat(credit: 1).issued
    #expect(again.map(\.id) == [bench.issued[0].id] && again[0].attempt == 1)
    #expect(bench.beat(credit: 1).issued.isEmpty)
    #expect(bench.role.membership.lent(to: .worker) == 1)
  }

  @Test("a hello from a member keeps its leases; from another process it ends them")
  func helloAgain() {
    var bench = LearnerBench(.sample(prompts: 4))
    bench.join(credit: 2)
    #expect(bench.say(.hello(.sample(.worker))).welcomes(.worker))
    bench.beat(credit: 2, held: bench.issued.map(\.id))
    #expect(bench.issued.count == 2 && bench.role.membership.lent(to: .worker) == 2)

    let actions = bench.say(.hello(.sample(.worker, processID: 99)))
    #expect(actions.welcomes(.worker) && actions.logged("started again as process 99"))
    #expect(bench.role.ledger.count(.leased) == 0 && bench.role.membership.lent(to: .worker) == 0)
  }

  @Test("a unit whose leases keep failing is dead-lettered with its reason, and the run goes on without it")
  func deadLetter() {
    var bench = LearnerBench(.sample(steps: 1, prompts: 2))
    bench.join(credit: 1)
    let poison = bench.issued[0].unit
    for _ in 0..<6 {
      guard let lease = bench.issued.last else { break }
      if lease.unit == poison {
        bench.say(.declined(lease.id, reason: "the image is no image"))
      } else {
        bench.deliver(lease)
      }
      bench.wait(.seconds(1))
    }
    #expect(bench.role.ledger.entry(of: poison)?.state == .deadLettered)
    let reasons = bench.records.compactMap { if case .deadLettered(_, let reason) = $0 { reason } else { nil } }
    #expect(reasons == ["gave up after 3 failed attempts; the last: w1 declined it: the image is no image"])
    #expect(bench.trainings.map { $0.groups.map(\.unit.prompt) } == [[1]])
  }

  @Test("a unit that keeps failing waits before it is leased again, longer each time")
  func pause() {
    var settings = LearnerSettings.sample(prompts: 1)
    settings.maximumAttempts = 10
    var bench = LearnerBench(settings)
    bench.join(credit: 1)
    bench.say(.declined(bench.issued[0].id, reason: "no"))
    #expect(bench.issued.count == 2)  // the first failure may have been an accident
    var waits: [Int] = []
    for failure in 2...5 {
      bench.say(.declined(bench.issued[failure - 1].id, reason: "no"))
      #expect(bench.issued.count == failure)
      var waited = 0
      while bench.issued.count == failure, waited < 1000 {
        bench.wait(.milliseconds(10))
        waited += 10
      }
      waits.append(waited)
    }
    for (index, wait) in waits.enumerated() { #expect((50 << index...(100 << index) + 10).contains(wait), "\(waits)") }
  }

  @Test("only the worker that holds a lease can report or decline it")
  func strangers() {
    var bench = LearnerBench(.sample(prompts: 1))
    bench.join()
    bench.say(.hello(.sample(.worker)), .otherWorker)
    bench.say(.generated(bench.issued[0].id), .otherWorker)
    bench.say(.declined(bench.issued[0].id, reason: "mischief"), .otherWorker)
    #expect(bench.role.ledger.count(.leased) == 1 && bench.issued.count == 1)
  }

  @Test("the group of a lease counts only if its holder pushed it, and another's changes nothing", arguments: ["w2", "", "s1"])
  func foreignGroup(worker: String) {
    var bench = LearnerBench(.sample(prompts: 1))
    bench.join()
    let lease = bench.issued[0]
    let actions = bench.deliver(lease) { $0.worker = worker }
    #expect(actions.contains { if case .log(.warning, let text) = $0 { text.contains("is not \(worker)'s") } else { false } })
    #expect(bench.role.ledger.count(.leased) == 1 && bench.issued.count == 1)
    // Not even a bad one ends the lease.
    bench.deliver(lease) { ($0.worker, $0.responses) = (worker, []) }
    #expect(bench.role.ledger.count(.leased) == 1 && bench.issued.count == 1)
    bench.deliver(lease)
    #expect(bench.role.ledger.count(.admitted) == 1)
  }

  @Test("a heartbeat is answered with what the worker holds wrongly")
  func reconciliation() {
    var bench = LearnerBench(.sample(prompts: 2))
    bench.join()
    bench.deliver(bench.issued[0])
    let strange = LeaseID(incarnation: 7, number: 1)
    let answers = bench.beat(held: [bench.issued[0].id, bench.issued[1].id, strange]).sent(to: .worker)
    #expect(answers == [.durable([bench.issued[0].id]), .revoked([strange]), .heartbeat])
  }
}

@Suite("Stragglers")
struct HedgingTests {
  /// Eight leases that took a second each, then one that has been out for a while, and an idle worker.
  private func straggling(for duration: Duration, hedgeAfter: Double? = 4) -> LearnerBench {
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
    bench.say(.hello(.sample(.worker)), .otherWorker)
    bench.now = bench.now + duration
    bench.beat(credit: 1, held: [bench.issued[8].id])
    bench.beat(.otherWorker, credit: 1)
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

@Suite("Who may join the learner")
struct LearnerDoorTests {
  @Test("another protocol version, another role than the key's, and the learner's role are refused with the reason")
  func refusals() {
    var bench = LearnerBench()
    var old = Hello.sample(.worker)
    old.protocolVersion = 0
    for (hello, role, reason) in [
      (old, .worker, "protocol version 0"), (.sample(.scorer), .worker, "registered as a worker, not as a scorer"),
      (.sample(.learner), .learner, "registered as a learner"),
    ] as [(Hello, Role, String)] {
      let answers = bench.say(.hello(hello), role: role).sent(to: .worker)
      guard case .refused(let why)? = answers.first else {
        Issue.record("not refused: \(hello)")
        continue
      }
      #expect(why.contains(reason))
    }
    #expect(bench.role.membership.isEmpty)
  }

  @Test("a peer that the learner does not know is asked to say hello, and nothing it says counts")
  func unknown() {
    var bench = LearnerBench()
    #expect(bench.beat().sent(to: .worker) == [.helloWanted])
    #expect(bench.issued.isEmpty)
    #expect(bench.say(.bye(reason: "")).isEmpty)
  }

  @Test("a scorer gets no lease, whatever credit it claims")
  func scorerCredit() {
    var bench = LearnerBench()
    bench.say(.hello(.sample(.scorer)), .scorer, role: .scorer)
    bench.beat(.scorer, credit: 5)
    #expect(bench.issued.isEmpty)
  }

  @Test("a scorer that says it hangs is named to workers only while there is no other")
  func hangingScorer() {
    var bench = LearnerBench()
    let other = PeerID(name: "s2", connection: "s2")
    bench.join()
    bench.say(.hello(.sample(.scorer, endpoint: "tcp://s2:1")), other, role: .scorer)
    let (first, second) = (ScorerAddress.sample("s1"), ScorerAddress.sample("s2"))
    func beat(_ credit: Int, _ peer: PeerID) -> [LearnerMessage] {
      let heartbeat = Heartbeat(incarnation: bench.role.incarnation, version: nil, credit: credit, held: [])
      return bench.say(.heartbeat(heartbeat), peer, role: .scorer).sent(to: .worker)
    }
    #expect(beat(1, .scorer).isEmpty)
    #expect(beat(0, .scorer) == [.scorers([second])])
    #expect(beat(0, .scorer).isEmpty)
    #expect(beat(0, other) == [.scorers([first, second])])
    #expect(beat(1, .scorer) == [.scorers([first])])
  }

  @Test("who is taken off the list of keys, or put there as something else, is gone at once; scorers get the new list")
  func revoked() {
    var bench = LearnerBench()
    bench.join()
    #expect(bench.issued.count == 2)
    let kept = bench.receive(.allowed(["w1": .worker, "s1": .scorer, "later": .worker]))
    #expect(kept.welcomes(.scorer) && !kept.welcomes(.worker))
    #expect(bench.role.membership.isMember(.worker) && bench.role.ledger.count(.leased) == 2)
    let revoked = bench.receive(.allowed(["s1": .scorer]))
    #expect(revoked.logged("may no longer join") && revoked.welcomes(.scorer))
    #expect(bench.role.ledger.count(.leased) == 0 && !bench.role.membership.isMember(.worker))
    #expect(bench.beat().sent(to: .worker) == [.helloWanted])
    // What its key may do is another thing now.
    bench.say(.hello(.sample(.worker)))
    bench.receive(.allowed(["w1": .scorer, "s1": .scorer]))
    #expect(!bench.role.membership.isMember(.worker) && bench.role.membership.isMember(.scorer))
    bench.receive(.allowed([:]))
    #expect(bench.role.membership.isEmpty)
  }

  @Test("workers are told of scorers that come and go; one that starts again at its endpoint counts once")
  func scorers() {
    var bench = LearnerBench()
    bench.join()
    let again = PeerID(name: "s1", connection: "d")
    bench.now = bench.now + .seconds(1)
    let actions = bench.say(.hello(.sample(.scorer, processID: 2, endpoint: "tcp://s1:1")), again, role: .scorer)
    #expect(actions.sent(to: .worker) == [.scorers([.sample("s1")])])
    #expect(bench.say(.bye(reason: ""), again, role: .scorer).sent(to: .worker) == [.scorers([.sample("s1")])])
    #expect(bench.say(.bye(reason: ""), .scorer, role: .scorer).sent(to: .worker) == [.scorers([])])
  }
}
