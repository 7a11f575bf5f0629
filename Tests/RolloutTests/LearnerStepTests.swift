import DurableFiles
import Testing

@testable import Rollout

@Suite("Groups and steps of the learner")
struct LearnerStepTests {
  @Test("a group is acknowledged only when its record is durable")
  func durable() {
    var bench = LearnerBench(.sample(prompts: 2))
    bench.join()
    bench.isDiskPrompt = false
    let actions = bench.deliver(bench.issued[0])
    #expect(actions.sent(to: .worker).isEmpty && bench.role.ledger.count(.scored) == 1)
    guard case .journal(let records, let ticket)? = actions.first, case .admitted? = records.first else {
      Issue.record("no record of the group")
      return
    }
    #expect(bench.receive(.journaled(through: ticket - 1)).sent(to: .worker).isEmpty)
    #expect(bench.receive(.journaled(through: ticket)).sent(to: .worker) == [.durable([bench.issued[0].id])])
    #expect(bench.role.ledger.count(.admitted) == 1)
  }

  @Test("a group that comes twice counts once, on the way to the disk and after")
  func duplicates() {
    var bench = LearnerBench(.sample(prompts: 2))
    bench.join()
    bench.isDiskPrompt = false
    bench.deliver(bench.issued[0])
    bench.deliver(bench.issued[0])
    bench.receive(.journaled(through: .max))
    bench.deliver(bench.issued[0])
    #expect(bench.role.duplicates == 2 && bench.role.refusals == 0)
    #expect(bench.records.count { if case .admitted = $0 { true } else { false } } == 1)
  }

  @Test("a batch is trained in schedule order, whatever the order of arrival", arguments: [[0, 1, 2], [2, 1, 0], [1, 2, 0]])
  func order(arrival: [Int]) {
    var bench = LearnerBench(.sample(prompts: 3))
    bench.join(credit: 3)
    for index in arrival {
      #expect(bench.trainings.isEmpty)
      bench.deliver(bench.issued[index])
    }
    #expect(bench.trainings.map(\.step) == [1])
    #expect(bench.trainings[0].groups.map(\.unit.prompt) == [0, 1, 2])
  }

  @Test("a group that does not fit its lease is refused and the lease goes on")
  func mismatches() {
    var bench = LearnerBench(.sample(prompts: 2))
    bench.join()
    let lease = bench.issued[0]
    let actions =
      bench.deliver(lease, change: { $0.attempt = 2 }) + bench.deliver(lease, change: { $0.step = 2 })
      + bench.deliver(lease, change: { $0.unit = UnitID(epoch: 0, prompt: 1) })
      + bench.deliver(lease, change: { $0.version = 1 }) + bench.deliver(lease, taskMatches: false)
      + bench.deliver(lease, role: .worker)
    #expect(bench.role.refusals == 6 && actions.logged("is not a scorer") && actions.logged("other than the one issued"))
    #expect(bench.role.ledger.entry(of: lease.unit)?.leases.map(\.id) == [lease.id])
    bench.deliver(lease)
    #expect(bench.role.ledger.count(.admitted) == 1)
  }

  @Test("an invalid group ends its lease at once and counts as a failed attempt")
  func invalid() {
    var bench = LearnerBench(.sample(prompts: 1))
    bench.join()
    bench.deliver(bench.issued[0], change: { $0.responses[0].logProbabilities[0] = .nan })
    #expect(bench.role.ledger.entries[0].failures == 1)
    #expect(bench.issued.map(\.attempt) == [1, 2])
  }

  @Test("in synchronous mode the units of the next step enter when the step before is trained")
  func synchronous() {
    var bench = LearnerBench(.sample(steps: 2, prompts: 2))
    bench.join(credit: 4)
    #expect(bench.role.ledger.issued == 2)
    for lease in bench.issued { bench.deliver(lease) }
    #expect(bench.role.ledger.issued == 2)
    let actions = bench.train()
    #expect(bench.role.version == 1 && bench.role.ledger.issued == 4)
    #expect(actions.contains { if case .publish(let manifest) = $0 { manifest.version == 1 } else { false } })
    #expect(bench.issued.suffix(2).allSatisfy { $0.version == 1 && $0.step == 2 })
  }

  @Test("staleness K opens K steps more, and a sample older than that is refused", arguments: [0, 1, 3])
  func asynchronous(staleness: Int) {
    var bench = LearnerBench(.sample(steps: 9, prompts: 1, staleness: staleness))
    bench.join(credit: 9)
    #expect(bench.issued.map(\.step) == (1...UInt32(staleness + 1)).map { $0 })
    for step in 1...5 as ClosedRange<UInt32> {
      #expect(bench.role.ledger.issued == Int(step) + staleness)
      let lease = bench.issued.last { $0.step == step }
      if let lease { bench.deliver(lease) }
      bench.train()
    }
    for group in bench.trainings.flatMap(\.groups) {
      #expect(Int(group.step) - 1 - Int(group.version) <= staleness)
    }
  }

  @Test(
    "checkpoints are made every n steps and after the last",
    arguments: [(0, [5]), (2, [2, 4, 5]), (5, [5])] as [(UInt32, [UInt32])]
  )
  func checkpoints(every: UInt32, expected: [UInt32]) {
    var bench = LearnerBench(.sample(steps: 5, prompts: 1, checkpointEvery: every))
    bench.join()
    for _ in 0..<5 {
      if let lease = bench.issued.last { bench.deliver(lease) }
      bench.train()
      if bench.checkpoints.last == UInt32(bench.role.version) { bench.finishCheckpoint() }
    }
    #expect(bench.checkpoints == expected)
  }

  @Test("a step whose units were all dead-lettered is trained on no group")
  func emptyStep() {
    var bench = LearnerBench(.sample(steps: 1, prompts: 1))
    bench.join()
    for _ in 0..<3 {
      if let lease = bench.issued.last { bench.say(.declined(lease.id, reason: "no")) }
      bench.wait(.seconds(1))
    }
    #expect(bench.trainings.map(\.groups.count) == [0])
  }

  @Test("a trainer that answers for other units than it was given ends the run")
  func wrongAnswer() {
    var bench = LearnerBench(.sample(steps: 1, prompts: 1))
    bench.join()
    bench.deliver(bench.issued[0])
    let step = TrainedStep(step: 1, units: [], metrics: [], policy: WeightManifest.sample(1).digest)
    bench.receive(.trained(step, .sample(1)))
    bench.say(.bye(reason: ""), .worker)
    bench.say(.bye(reason: ""), .scorer, role: .scorer)
    guard case .failed(let reason)? = bench.end else {
      Issue.record("went on")
      return
    }
    #expect(reason == "the trainer was asked for step 1 on 1 groups and answered step 1 on 0 as version 1")
  }
}

@Suite("A learner that takes over a run")
struct LearnerRecoveryTests {
  private func unit(_ position: UInt32, _ state: UnitState) -> RecoveredLedger.Unit {
    .init(unit: UnitID(epoch: 0, prompt: position), step: position / 2 + 1, state: state, attempts: 1)
  }

  @Test("goes on where the checkpoint stands: what is admitted is not sampled again")
  func resume() {
    let admitted = ScoredGroup.sample(unit: UnitID(epoch: 0, prompt: 2), step: 2, version: 1)
    let recovered = RecoveredLedger(
      incarnation: 3, units: [unit(0, .trained), unit(1, .deadLettered), unit(2, .admitted), unit(3, .queued)],
      groups: [admitted])
    var bench = LearnerBench(recovered: recovered, version: 1)
    #expect(bench.records.first == .incarnation(4))
    bench.join()
    #expect(bench.issued.map(\.unit.prompt) == [3] && bench.issued[0].id.incarnation == 4)
    bench.deliver(bench.issued[0])
    #expect(bench.trainings.map { $0.groups.map(\.unit.prompt) } == [[2, 3]])
  }

  @Test("voids what peers hold of the incarnation before")
  func oldLeases() {
    var bench = LearnerBench(recovered: RecoveredLedger(incarnation: 3, units: [], groups: []))
    bench.join()
    let stale = Heartbeat(incarnation: 3, version: 0, credit: 1, held: [])
    #expect(bench.say(.heartbeat(stale)).sent(to: .worker) == [.helloWanted])
    let old = LeaseID(incarnation: 3, number: 1)
    #expect(bench.beat(held: [old]).sent(to: .worker).contains(.revoked([old])))
  }

  /// Unit 2 was out to `worker` under version 1 when the learner died at version 1.
  private func interrupted(version: UInt64 = 1, isGenerated: Bool = false, made: [UInt32: SHA256Digest] = [:]) -> LearnerBench {
    let lease = RecoveredLedger.Lease(
      id: LeaseID(incarnation: 3, number: 9), unit: UnitID(epoch: 0, prompt: 2), attempt: 1, version: version,
      worker: "w1", isGenerated: isGenerated)
    return LearnerBench(
      recovered: RecoveredLedger(
        incarnation: 3,
        units: [
          unit(0, .trained), unit(1, .trained), unit(2, isGenerated ? .generated : .leased), unit(3, .queued),
        ], groups: [], leases: [lease], takenBack: made), version: 1)
  }

  private func handIn(_ bench: inout LearnerBench, version: UInt64 = 1) -> [LearnerAction] {
    bench.deliver((.worker, LeaseID(incarnation: 3, number: 9), UnitID(epoch: 0, prompt: 2), 1, version, 2))
  }

  @Test("a group that was out when the learner died is taken when its worker hands it in", arguments: [true, false])
  func handedIn(hasJoined: Bool) {
    var bench = interrupted(isGenerated: true)
    if hasJoined { bench.join(credit: 1) }
    let actions = handIn(&bench)
    #expect(bench.role.ledger.count(.admitted) == 1 && !actions.logged("refused"))
    #expect(bench.records.contains { if case .admitted(let group, _, _) = $0 { group.lease.incarnation == 3 } else { false } })
  }

  @Test("what a worker that came back is still generating is its own, and charged to its credit")
  func stillGenerating() {
    var bench = interrupted()
    bench.say(.hello(.sample(.worker)))
    bench.beat(credit: 2, held: [LeaseID(incarnation: 3, number: 9)])
    #expect(bench.issued.map(\.unit.prompt) == [3] && bench.role.membership.lent(to: .worker) == 2)
    bench.say(.generated(LeaseID(incarnation: 3, number: 9)))
    #expect(bench.role.membership.lent(to: .worker) == 1)
    _ = handIn(&bench)
    #expect(bench.role.ledger.count(.admitted) == 1)
  }

  @Test("what nobody names who came back is leased anew after a while")
  func namedByNobody() {
    var bench = interrupted()
    bench.say(.hello(.sample(.worker)))
    bench.beat(credit: 2)
    #expect(bench.issued.map(\.unit.prompt) == [3])
    bench.now = bench.now + .seconds(11)
    bench.beat(credit: 2, held: [bench.issued[0].id])
    #expect(bench.issued.map(\.unit.prompt) == [3, 2] && bench.issued[1].attempt == 2)
  }

  @Test("of several workers with one key, each has back what it names")
  func sharedKey() {
    let held = (1...2 as ClosedRange<UInt64>).map { number in
      RecoveredLedger.Lease(
        id: LeaseID(incarnation: 3, number: number), unit: UnitID(epoch: 0, prompt: UInt32(1 + number)), attempt: 1, version: 1,
        worker: "w1", isGenerated: false)
    }
    var bench = LearnerBench(
      recovered: RecoveredLedger(
        incarnation: 3, units: [unit(0, .trained), unit(1, .trained), unit(2, .leased), unit(3, .leased)], groups: [],
        leases: held), version: 1)
    let peers = ["a", "b"].map { PeerID(name: "w1", connection: $0) }
    for (peer, lease) in zip(peers, held) {
      bench.say(.hello(.sample(.worker)), peer)
      bench.beat(peer, credit: 1, held: [lease.id])
    }
    #expect(peers.map { bench.role.membership.lent(to: $0) } == [1, 1] && bench.issued.isEmpty)
  }

  @Test("a worker that does not come back loses its leases after a while, and that is no fault of the units")
  func notBack() {
    var bench = interrupted(isGenerated: true)
    let other = PeerID.otherWorker
    bench.say(.hello(.sample(.worker)), other)
    bench.beat(other, credit: 2)
    #expect(bench.issued.map(\.unit.prompt) == [3])
    bench.now = bench.now + .seconds(11)
    let actions = bench.beat(other, credit: 2, held: [bench.issued[0].id])
    #expect(actions.issued.map(\.unit.prompt) == [2] && actions.issued[0].attempt == 2)
    #expect(bench.role.ledger.entry(of: UnitID(epoch: 0, prompt: 2))?.failures == 0)
    #expect(handIn(&bench).logged("not one that counts"))
  }

  @Test("what was sampled from a version that does not come back ends at once")
  func versionGone() {
    let bench = interrupted(version: 2, isGenerated: true)
    #expect(bench.role.ledger.count(.queued) == 2)
    #expect(bench.records.contains { if case .leaseEnded(_, _, let reason) = $0 { reason == "version 2 is gone" } else { false } })
  }

  /// The learner was at version 2 when it died, and goes back to version 1; step 2 is trained again.
  private func retraining(earlier: SHA256Digest) -> LearnerBench {
    let lease = RecoveredLedger.Lease(
      id: LeaseID(incarnation: 3, number: 9), unit: UnitID(epoch: 0, prompt: 4), attempt: 1, version: 2, worker: "w1",
      isGenerated: true)
    let groups = (2..<4 as Range<UInt32>).map { ScoredGroup.sample(unit: UnitID(epoch: 0, prompt: $0), step: 2, version: 1) }
    return LearnerBench(
      .sample(steps: 3, staleness: 1),
      recovered: RecoveredLedger(
        incarnation: 3,
        units: [
          unit(0, .trained), unit(1, .trained), unit(2, .admitted), unit(3, .admitted), unit(4, .generated),
          unit(5, .queued),
        ], groups: groups, leases: [lease], takenBack: [2: earlier]), version: 1)
  }

  @Test("what was sampled from a version that is made again from the same groups is taken")
  func versionComesBack() {
    var bench = retraining(earlier: WeightManifest.sample(2).digest)
    bench.deliver((.worker, LeaseID(incarnation: 3, number: 9), UnitID(epoch: 0, prompt: 4), 1, 2, 3))
    #expect(bench.role.ledger.count(.admitted) == 3)
    #expect(!bench.train().logged("other weights"))
  }

  @Test("if the same groups make another version than before, that is said, and what is out on it ends")
  func otherWeights() {
    var bench = retraining(earlier: WeightManifest.sample(7).digest)
    #expect(bench.train().logged("step 2 made other weights than before the restart"))
    #expect(bench.role.ledger.count(.generated) == 0)
  }

  @Test("a run that is already complete ends without waiting for anyone")
  func complete() {
    let units = (0..<4).map { unit($0, .trained) }
    let bench = LearnerBench(recovered: RecoveredLedger(incarnation: 1, units: units, groups: []), version: 2)
    #expect(bench.end == .completed && bench.checkpoints.isEmpty)
  }

  struct Misfit: Sendable {
    let units: [RecoveredLedger.Unit]
    let version: UInt64
    let reason: String
  }

  @Test("a ledger that does not fit the settings or the policy is refused by name")
  func misfits() {
    let misfits = [
      Misfit(
        units: [.init(unit: UnitID(epoch: 0, prompt: 9), step: 1, state: .queued, attempts: 0)], version: 0,
        reason: "holds unit 0/9 of step 1 where these settings plan unit 0/0 of step 1"),
      Misfit(
        units: [.init(unit: UnitID(epoch: 0, prompt: 0), step: 2, state: .queued, attempts: 0)], version: 0,
        reason: "of step 2 where these settings plan"),
      Misfit(units: [unit(0, .admitted)], version: 0, reason: "holds no group of unit 0/0"),
      Misfit(units: [unit(0, .trained)], version: 0, reason: "is trained and the policy is at step 0"),
      Misfit(units: [unit(0, .queued), unit(1, .trained)], version: 1, reason: "is queued and the policy is at step 1"),
      Misfit(units: [unit(0, .trained)], version: 1, reason: "holds 1 units and the policy is at step 1"),
    ]
    for misfit in misfits {
      let bench = LearnerBench(
        recovered: RecoveredLedger(incarnation: 1, units: misfit.units, groups: []), version: misfit.version)
      guard case .failed(let reason)? = bench.end else {
        Issue.record("went on: \(misfit.reason)")
        continue
      }
      #expect(reason.contains(misfit.reason) && bench.records.isEmpty)
    }
  }
}
