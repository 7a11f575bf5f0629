import DurableFiles
import Testing

@testable import Rollout

@Suite("A scorer")
struct ScorerRoleTests {
  private var now = Instant(nanoseconds: 1_000_000_000)
  private var role: ScorerRole

  init() {
    role = ScorerRole(
      hello: .sample(.scorer),
      settings: .init(link: .init(silence: .seconds(5), giveUpAfter: .seconds(60)), queueLimit: 2), seed: 1, now: now)
    _ = role.receive(.message(.welcome(.sample())), at: now)
    _ = role.receive(.found([]), at: now)
  }

  private func group(_ number: UInt64) -> ScorerEvent {
    .group(.worker, role: .worker, ResponseGroup(lease: .sample(number), responses: [.sample()], seconds: 1))
  }

  private func scoring(_ actions: [ScorerAction]) -> [UInt64] {
    actions.compactMap { if case .score(let group) = $0 { group.lease.id.number } else { nil } }
  }

  private func finish(_ actions: [ScorerAction]) -> RunEnd? {
    actions.compactMap { if case .finish(let end) = $0 { end } else { nil } }.first
  }

  private func says(_ actions: [ScorerAction], _ text: String) -> Bool {
    actions.contains { if case .log(_, let line) = $0 { line.contains(text) } else { false } }
  }

  @Test("scores groups one after the other, as soon as its model is there")
  mutating func inOrder() {
    #expect(scoring(role.receive(group(1), at: now)).isEmpty)
    #expect(scoring(role.receive(.prepared(ScoringPace()), at: now)) == [1])
    #expect(scoring(role.receive(group(2), at: now)).isEmpty)
    let actions = role.receive(.scored(.sample(lease: LeaseID(incarnation: 1, number: 1))), at: now)
    #expect(scoring(actions) == [2])
    #expect(actions.contains { if case .push(let group) = $0 { group.lease.number == 1 } else { false } })
  }

  @Test("a group that waits or is being scored is not taken twice; a scored one is scored again")
  mutating func duplicates() {
    _ = role.receive(.prepared(ScoringPace()), at: now)
    _ = role.receive(group(1), at: now)
    _ = role.receive(group(1), at: now)
    _ = role.receive(group(2), at: now)
    _ = role.receive(group(2), at: now)
    #expect(scoring(role.receive(.scored(.sample()), at: now)) == [2])
    #expect(scoring(role.receive(.scored(.sample(lease: LeaseID(incarnation: 1, number: 2))), at: now)).isEmpty)
    #expect(scoring(role.receive(group(1), at: now)) == [1])
  }

  @Test("a group says whose key it came with, and somebody else's for the same lease neither hides nor replaces it")
  mutating func attribution() {
    func push(_ number: UInt64, _ peer: PeerID) -> ScorerEvent {
      .group(peer, role: .worker, ResponseGroup(lease: .sample(number), responses: [.sample()], seconds: 1))
    }
    func pushed(_ actions: [ScorerAction]) -> [String] {
      actions.compactMap { if case .push(let group) = $0 { group.worker } else { nil } }
    }
    _ = role.receive(.prepared(ScoringPace(atOnce: 4)), at: now)
    #expect(scoring(role.receive(push(1, .otherWorker), at: now)) == [1])
    // The engine is at that lease; the holder's own waits for it.
    #expect(scoring(role.receive(push(1, .worker), at: now)).isEmpty)
    #expect(scoring(role.receive(push(2, .worker), at: now)).isEmpty)
    var forged = ScoredGroup.sample()
    forged.worker = "w1"
    let first = role.receive(.scored(forged), at: now)
    #expect(pushed(first) == ["w2"])
    #expect(scoring(first) == [1, 2])
    _ = role.receive(.scoringFailed(LeaseID(incarnation: 1, number: 1), reason: "it broke"), at: now)
    #expect(scoring(role.receive(push(1, .worker), at: now)).isEmpty)
    #expect(scoring(role.receive(push(1, .otherWorker), at: now)) == [1])
  }

  @Test("holds a bounded number of groups and says what it dropped")
  mutating func bound() {
    for number in 1...2 as ClosedRange<UInt64> { _ = role.receive(group(number), at: now) }
    #expect(says(role.receive(group(3), at: now), "dropped the group of lease 1.3"))
    #expect(role.dropped == 1)
  }

  @Test("takes groups from workers only", arguments: [Role.scorer, .learner])
  mutating func strangers(sender: Role) {
    let group = ResponseGroup(lease: .sample(1), responses: [.sample()], seconds: 1)
    _ = role.receive(.prepared(ScoringPace()), at: now)
    let actions = role.receive(.group(.worker, role: sender, group), at: now)
    #expect(scoring(actions).isEmpty && says(actions, "refused a group from w1, which is not a worker"))
  }

  @Test("gives its engine as many groups at once as it wants, and says that it hangs only when all of them do")
  mutating func several() {
    func credits(_ actions: [ScorerAction]) -> [Int] {
      actions.compactMap { if case .send(.heartbeat(let beat)) = $0 { beat.credit } else { nil } }
    }
    _ = role.receive(.prepared(ScoringPace(atOnce: 2, patience: .seconds(1))), at: now)
    #expect(scoring(role.receive(group(1), at: now)) == [1])
    #expect(credits(role.receive(.tick, at: now + .seconds(2))) == [1])
    #expect(scoring(role.receive(group(2), at: now + .seconds(2))) == [2])
    #expect(scoring(role.receive(group(3), at: now + .seconds(2))).isEmpty)
    #expect(credits(role.receive(.tick, at: now + .seconds(4))) == [0])
    let actions = role.receive(.scored(.sample(lease: LeaseID(incarnation: 1, number: 2))), at: now + .seconds(4))
    #expect(scoring(actions) == [3] && credits(actions) == [1])
  }

  @Test("says that its engine seems to hang, and when it is done after all")
  mutating func hangs() {
    func credits(_ actions: [ScorerAction]) -> [Int] {
      actions.compactMap { if case .send(.heartbeat(let beat)) = $0 { beat.credit } else { nil } }
    }
    _ = role.receive(.prepared(ScoringPace()), at: now)
    _ = role.receive(group(1), at: now)
    let patience = ScoringPace().patience
    #expect(credits(role.receive(.message(.heartbeat), at: now + patience)) == [1])
    let late = now + patience + .milliseconds(1)
    let actions = role.receive(.tick, at: late)
    #expect(credits(actions) == [0] && says(actions, "the group of lease 1.1 takes very long"))
    #expect(credits(role.receive(.tick, at: late)).isEmpty)
    #expect(credits(role.receive(.scored(.sample()), at: late + .milliseconds(1))) == [1])
  }

  @Test("a group that failed is not taken again under its lease, and comes back with the next attempt, for which older ones make room")
  mutating func failedLease() {
    func attempt(_ number: UInt32, lease: UInt64) -> ScorerEvent {
      var lease = Lease.sample(lease)
      (lease.unit, lease.attempt) = (UnitID(epoch: 0, prompt: 7), number)
      return .group(.worker, role: .worker, ResponseGroup(lease: lease, responses: [.sample()], seconds: 1))
    }
    _ = role.receive(.prepared(ScoringPace()), at: now)
    #expect(scoring(role.receive(attempt(1, lease: 1), at: now)) == [1])
    _ = role.receive(.scoringFailed(LeaseID(incarnation: 1, number: 1), reason: "it broke"), at: now)
    #expect(scoring(role.receive(attempt(1, lease: 1), at: now)).isEmpty)
    #expect(scoring(role.receive(attempt(2, lease: 2), at: now)) == [2])
    // While the second is under way a third waits, and a fourth takes its place.
    _ = role.receive(attempt(3, lease: 3), at: now)
    _ = role.receive(attempt(4, lease: 4), at: now)
    #expect(role.dropped == 0)
    #expect(scoring(role.receive(.scored(.sample(lease: LeaseID(incarnation: 1, number: 2))), at: now)) == [4])
    #expect(scoring(role.receive(.scored(.sample(lease: LeaseID(incarnation: 1, number: 4))), at: now)).isEmpty)
  }

  @Test("takes no groups before it is prepared, and gives up an engine that does not come back")
  mutating func prepares() {
    func credits(_ actions: [ScorerAction]) -> [Int] {
      actions.compactMap { if case .send(.heartbeat(let beat)) = $0 { beat.credit } else { nil } }
    }
    #expect(credits(role.receive(.message(.heartbeat), at: now + .seconds(2))) == [0])
    #expect(credits(role.receive(.prepared(ScoringPace(patience: .seconds(1))), at: now + .seconds(2))) == [1])
    _ = role.receive(group(1), at: now + .seconds(2))
    #expect(finish(role.receive(.tick, at: now + .seconds(6))) == nil)
    let end = finish(role.receive(.tick, at: now + .seconds(6) + .milliseconds(1)))
    #expect(end == .failed(reason: "the engine has not been done with the group of lease 1.1 for 4 s"))
  }

  @Test("an engine that cannot do its work until a setting is changed ends the process in a way of its own")
  mutating func misconfigured() {
    #expect(finish(role.receive(.misconfigured("the key is wrong"), at: now)) == .misconfigured(reason: "the key is wrong"))
  }

  @Test("a group that cannot be scored does not stop the next")
  mutating func failure() {
    _ = role.receive(.prepared(ScoringPace()), at: now)
    _ = role.receive(group(1), at: now)
    _ = role.receive(group(2), at: now)
    let actions = role.receive(.scoringFailed(LeaseID(incarnation: 1, number: 1), reason: "no answer"), at: now)
    #expect(scoring(actions) == [2] && says(actions, "lease 1.1 cannot be scored: no answer"))
  }

  @Test("ends with the run, when told to, when it is refused, and when it fails")
  func ends() {
    for (event, end) in [
      (.message(.shutdown(reason: "complete", isComplete: true)), .completed),
      (.message(.shutdown(reason: "stopped", isComplete: false)), .abandoned(reason: "stopped")), (.stop(reason: "Ctrl-C"), .interrupted(reason: "Ctrl-C")),
      (.message(.refused(reason: "no")), .failed(reason: "the learner refused this scorer: no")),
      (.failed("out of memory"), .failed(reason: "out of memory")),
    ] as [(ScorerEvent, RunEnd)] {
      var copy = role
      #expect(finish(copy.receive(event, at: now)) == end)
      #expect(copy.receive(.tick, at: now).isEmpty)
    }
  }

  @Test("gives up on a learner that is silent, and says so")
  mutating func silence() {
    #expect(finish(role.receive(.tick, at: now + .seconds(60))) == nil)
    let end = finish(role.receive(.tick, at: now + .seconds(61)))
    #expect(end == .failed(reason: "waited 61 s for the learner without a word from it"))
  }
}

@Suite("Waits")
struct WaitTests {
  @Test("back-off doubles with jitter up to its ceiling, the same for the same seed")
  func backoff() {
    func waits(_ seed: UInt64) -> [Double] {
      var backoff = Backoff(first: .milliseconds(100), ceiling: .seconds(5), seed: seed)
      return (0..<40).map { _ in backoff.next().inSeconds }
    }
    for (attempt, wait) in waits(1).enumerated() {
      let bound = min(5, 0.1 * Double(1 << min(attempt, 30)))
      #expect(wait >= bound / 2 - 1e-9 && wait <= bound + 1e-9)
    }
    #expect(waits(1) == waits(1) && waits(1) != waits(2))
  }

  @Test("an instant moves both ways and measures both ways")
  func instants() {
    let instant = Instant(nanoseconds: 5_000_000_000)
    #expect(instant + .seconds(-2) == Instant(nanoseconds: 3_000_000_000))
    #expect((instant + .milliseconds(1500)) - instant == .milliseconds(1500))
    #expect(instant - (instant + .seconds(2)) == .seconds(-2))
  }
}
