import Cluster
import ClusterZeroMQ
import Engines
import Foundation
import Rollout
import Runs
import Synchronization
import Testing
import Wire

/// Messages that come again and again, from peers whose keys are good: the network cannot replay them, but a peer can.
@Suite(.serialized) struct ReplayedMessageTests {
  @Test("whatever worker and scorer say comes three times, and all of it again and again: each group counts once, the bits are the same")
  func everythingAgain() async throws {
    let undisturbed = try UndisturbedRun.shared
    let roles = try RolesByHand(
      "replayed", in: undisturbed.world,
      overrides: ["cluster.leaseSeconds=600", "cluster.peerTimeoutSeconds=300", "cluster.hedgeAfter=0"])
    defer { roles.end() }
    let learner = try roles.learner()
    let address = try #require(roles.folder.learnerAddresses?.control)
    let keys = roles.keys
    let learnerKey = try keys.publicKey(of: RunKeys.learnerName)

    let scorerEnd = Repeating(
      try await ZeroMQPeerTransport.scorer(
        learner: address, bind: "tcp://127.0.0.1:0", keys: keys.pair(of: "scorer-0"), learnerKey: learnerKey))
    let workerEnd = Repeating(
      try await ZeroMQPeerTransport.worker(learner: address, keys: keys.pair(of: "worker-0"), learnerKey: learnerKey))
    let cache = "\(roles.world.folder)/cache/replayed"
    let link = LearnerLink.Settings(silence: .seconds(3), giveUpAfter: .seconds(60))
    let scorer = ScorerService(
      transport: scorerEnd, scorer: GroupGrader(threads: 1, log: { _, _ in }), files: ArtifactCache(root: cache), log: { _, _ in })
    let worker = WorkerService(
      transport: workerEnd, generator: PolicyGenerator(threads: 1, atOnce: 2), files: ArtifactCache(root: cache), log: { _, _ in })

    async let scored = scorer.run(
      hello: Hello(role: .scorer, host: "here", processID: 1, endpoint: scorerEnd.endpoint, publicKey: scorerEnd.publicKey),
      settings: .init(link: link), seed: 1)
    async let worked = worker.run(
      hello: Hello(role: .worker, host: "here", processID: 2), settings: .init(link: link, credit: 2, grace: .seconds(3)), seed: 2)
    let ends = await [scored, worked]
    #expect(ends.allSatisfy { if case .completed = $0 { true } else { false } }, "\(ends)")
    #expect(try learner.end() == .exited(0), "\(learner.log)")
    try undisturbed.expectSame("replayed")
    let groups = World.steps * World.promptsPerStep
    #expect(scorerEnd.pushed > 3 * groups && workerEnd.pushed > 3 * groups)
    #expect(try endings(in: roles.folder.store).count { $0 == "admitted" } == groups)
  }
}

/// Says everything three times, and with every message some of what it said before.
private final class Repeating: PeerTransport {
  private let real: ZeroMQPeerTransport
  private let past = Mutex((said: [Frame](), pushed: [(frame: Frame, scorer: ScorerAddress?)](), count: 0))

  init(_ real: ZeroMQPeerTransport) {
    self.real = real
  }

  var inbound: AsyncStream<PeerInbound> { real.inbound }
  var endpoint: String { real.endpoint }
  var publicKey: String { real.publicKey }
  var pushed: Int { past.withLock { $0.count } }

  func send(_ frame: Frame) {
    let earlier = past.withLock { past in
      past.said.append(frame)
      // Its hellos too, which name an incarnation that may be over.
      return past.said.indices.filter { $0 % 7 == past.said.count % 7 }.suffix(8).map { past.said[$0] }
    }
    for frame in [frame, frame, frame] + earlier { real.send(frame) }
  }

  func push(_ frame: Frame, to scorer: ScorerAddress?) {
    let earlier = past.withLock { past in
      past.pushed.append((frame, scorer))
      past.count += 3 + past.pushed.count
      return past.pushed
    }
    for _ in 0..<3 { real.push(frame, to: scorer) }
    for (frame, scorer) in earlier.reversed() { real.push(frame, to: scorer) }
  }

  func connect(publishPort: UInt16, dataPort: UInt16, allowed: [AllowedPeer]) {
    real.connect(publishPort: publishPort, dataPort: dataPort, allowed: allowed)
  }

  func connectAnew() { real.connectAnew() }

  func connectScorers(_ scorers: [ScorerAddress]) { real.connectScorers(scorers) }

  func close(linger: Duration) async { await real.close(linger: linger) }
}
