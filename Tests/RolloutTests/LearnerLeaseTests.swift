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
