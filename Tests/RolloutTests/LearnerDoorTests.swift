import Testing

@testable import Rollout

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
