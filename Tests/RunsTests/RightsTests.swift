import Cluster
import ClusterZeroMQ
import Foundation
import Rollout
import Runs
import Synchronization
import Testing
import TrustGRPO
import Wire

/// What a registered key may not do, tried on a learner that runs.
@Suite(.serialized) struct RightsTests {
  @Test("a worker's key pushes no scored groups, names no weights and is no scorer; a scorer's takes no leases; the run goes on")
  func rights() async throws {
    let undisturbed = try UndisturbedRun.shared
    let roles = try RolesByHand("rights", in: undisturbed.world)
    defer { roles.end() }
    let learner = try roles.learner()
    let address = try #require(roles.folder.learnerAddresses)
    let learnerKey = try roles.keys.publicKey(of: RunKeys.learnerName)
    let codec = Codec()

    let worker = PlayedPeer(
      try await .worker(learner: address.control, keys: roles.keys.pair(of: "worker-3"), learnerKey: learnerKey))
    let refusal = try worker.wait(
      "no", asking: .hello(Hello(role: .scorer, host: "here", processID: 1, endpoint: "tcp://127.0.0.1:1"))
    ) { if case .refused(let reason) = $0 { reason } else { nil } }
    #expect(refusal.contains("registered as a worker, not as a scorer"))
    // What only the learner says.
    worker.transport.send(codec.encode(.announced(WeightManifest(version: 9, entries: []))))
    worker.transport.send(codec.encode(.shutdown(reason: "go home", isComplete: true)))
    try learner.waitToSay("refused a message from worker-3")
    await worker.transport.close(linger: .zero)

    // Where scorers push: the socket takes it from any registered key, the learner does not.
    let forger = try await ZeroMQPeerTransport.scorer(
      learner: address.control, bind: "tcp://127.0.0.1:0", keys: roles.keys.pair(of: "worker-3"), learnerKey: learnerKey)
    forger.connect(publishPort: address.publish, dataPort: address.data, allowed: [])
    for _ in 0..<3 { forger.push(codec.encode(try Self.group()), to: nil) }
    try learner.waitToSay("not a scorer")
    await forger.close(linger: .zero)

    let scorer = PlayedPeer(
      try await .scorer(
        learner: address.control, bind: "tcp://127.0.0.1:0", keys: roles.keys.pair(of: "scorer-1"), learnerKey: learnerKey))
    let welcome = try scorer.join(.scorer)
    for _ in 0..<4 {
      scorer.say(.heartbeat(Heartbeat(incarnation: welcome.incarnation, version: 0, credit: 8, held: [])))
      usleep(200_000)
    }
    _ = try scorer.wait("anything") { if case .heartbeat = $0 { true } else { nil } }
    #expect(!scorer.all.contains { if case .lease = $0 { true } else { false } }, "\(scorer.all)")
    await scorer.leave()

    _ = (try roles.scorer(), try roles.worker())
    #expect(try learner.end() == .exited(0), "\(learner.log)")
    try undisturbed.expectSame("rights")
  }

  @Test("one worker's answer to another's lease, with the right task, counts for nothing")
  func anothersLease() async throws {
    let undisturbed = try UndisturbedRun.shared
    let roles = try RolesByHand("anothers-lease", in: undisturbed.world)
    defer { roles.end() }
    let learner = try roles.learner()
    _ = try roles.scorer()
    try learner.waitToSay("scorer-0 takes groups")
    let address = try #require(roles.folder.learnerAddresses)
    let learnerKey = try roles.keys.publicKey(of: RunKeys.learnerName)
    func play(_ name: String) async throws -> PlayedPeer {
      PlayedPeer(try await .worker(learner: address.control, keys: roles.keys.pair(of: name), learnerKey: learnerKey))
    }
    let (holder, other) = (try await play("worker-0"), try await play("worker-3"))
    let welcome = try holder.join(.worker)
    holder.say(.heartbeat(Heartbeat(incarnation: welcome.incarnation, version: 0, credit: 1, held: [])))
    let lease = try holder.wait("lease") { if case .lease(let lease) = $0 { lease } else { nil } }

    let scorers = try other.join(.worker).scorers
    try #require(!scorers.isEmpty)
    other.transport.connectScorers(scorers)
    let response = Response(tokens: [1, 2], logProbabilities: [-1, -1], finish: .stop, text: "<answer>1</answer>")
    let group = ResponseGroup(lease: lease, responses: [Response](repeating: response, count: 4), seconds: 1)
    try eventually("the learner refuses it: \(learner.log)") {
      // There may be no connection to the scorer yet.
      other.transport.push(Codec().encode(group), to: scorers[0])
      usleep(100_000)
      return learner.log.contains("lease \(lease.id) is not worker-3's")
    }
    await other.leave()
    await holder.leave()
    _ = try roles.worker(1)
    #expect(try learner.end() == .exited(0), "\(learner.log)")
    try undisturbed.expectSame("anothers-lease")
  }

  /// A group that could be real.
  private static func group() throws -> ScoredGroup {
    let responses = (0..<4).map { _ in Response(tokens: [1], logProbabilities: [-1], finish: .stop, text: "1") }
    let rewards = try GroupRewards.compute(
      outcomes: [1, 0, 1, 0], thinking: [nil, nil, nil, nil], step: 0, settings: TrustGRPOSettings())
    return ScoredGroup(
      lease: LeaseID(incarnation: 1, number: 1), unit: UnitID(epoch: 0, prompt: 0), attempt: 1, version: 0, step: 1,
      taskDigest: .init(of: []), responses: responses, outcomes: [1, 0, 1, 0], thinking: [nil, nil, nil, nil],
      rewards: rewards, generationSeconds: 1, scoringSeconds: 1, worker: "worker-0")
  }
}

/// A peer that the test plays, and what the learner has said to it.
private final class PlayedPeer: Sendable {
  let transport: ZeroMQPeerTransport
  private let heard = Mutex<[LearnerMessage]>([])

  init(_ transport: ZeroMQPeerTransport) {
    self.transport = transport
    Task { [self] in
      for await inbound in transport.inbound {
        if case .control(let frame) = inbound, let message = try? Codec().learnerMessage(frame) {
          heard.withLock { $0.append(message) }
        }
      }
    }
  }

  var all: [LearnerMessage] { heard.withLock { $0 } }

  func say(_ message: PeerMessage) { transport.send(Codec().encode(message)) }

  /// Waits for a message that `choose` accepts.
  ///
  /// - Parameter asking: said again and again: a learner hears nothing before its incarnation is durable.
  func wait<Found>(_ what: String, asking: PeerMessage? = nil, _ choose: (LearnerMessage) -> Found?) throws -> Found {
    try eventually("the learner says \(what)") {
      if let asking { say(asking) }
      usleep(50_000)
      return all.contains { choose($0) != nil }
    }
    return try #require(all.lazy.compactMap(choose).first)
  }

  func join(_ role: Role) throws -> Welcome {
    let hello = Hello(
      role: role, host: "here", processID: 1, endpoint: transport.endpoint, publicKey: transport.publicKey)
    return try wait("welcome", asking: .hello(hello)) { if case .welcome(let welcome) = $0 { welcome } else { nil } }
  }

  func leave() async {
    say(.bye(reason: "done"))
    await transport.close(linger: .milliseconds(300))
  }
}
