import ActionableErrors
import Cluster
import ClusterZeroMQ
import Rollout
import Testing
import ZeroMQ

/// Longer than anything here takes on a busy machine.
private let patience = Duration.seconds(20)

/// Keys of a learner, a scorer and a worker, and the learner's list of the other two.
private struct Keys {
  let learner: KeyPair
  let scorer: KeyPair
  let worker: KeyPair

  init() throws {
    (learner, scorer, worker) = (try .generate(), try .generate(), try .generate())
  }

  var allowed: [AllowedPeer] {
    [
      AllowedPeer(name: "scorer-0", role: .scorer, publicKey: scorer.publicKey.z85),
      AllowedPeer(name: "worker-0", role: .worker, publicKey: worker.publicKey.z85),
    ]
  }

  func openLearner(port: UInt16 = 0) async throws -> ZeroMQLearnerTransport {
    try await .open(bind: "tcp://127.0.0.1:\(port)", keys: learner, allowed: allowed)
  }

  func openScorer(_ learner: ZeroMQLearnerTransport) async throws -> ZeroMQPeerTransport {
    try await .scorer(
      learner: learner.endpoint, bind: "tcp://127.0.0.1:0", keys: scorer, learnerKey: self.learner.publicKey)
  }

  func openWorker(_ learner: ZeroMQLearnerTransport, keys: KeyPair? = nil) async throws -> ZeroMQPeerTransport {
    try await .worker(learner: learner.endpoint, keys: keys ?? worker, learnerKey: self.learner.publicKey)
  }
}

extension ZeroMQLearnerTransport {
  fileprivate var endpoint: String { "tcp://127.0.0.1:\(ports.control)" }
}

extension AsyncStream where Element: Sendable {
  /// The first elements that `choose` accepts, in order; fewer than `count` if they do not come in time.
  fileprivate func first<Chosen: Sendable>(
    _ count: Int, _ choose: @escaping @Sendable (Element) -> Chosen?
  ) async -> [Chosen] where Self: Sendable {
    await withTaskGroup(of: [Chosen]?.self) { group in
      group.addTask {
        var chosen: [Chosen] = []
        for await element in self {
          if let fits = choose(element) { chosen.append(fits) }
          if chosen.count == count { break }
        }
        return chosen
      }
      group.addTask {
        try? await Task.sleep(for: patience)
        return nil
      }
      let first = await group.next() ?? nil
      group.cancelAll()
      if let first { return first }
      return (await group.next() ?? nil) ?? []
    }
  }
}

@Suite("The roles' transport over ZeroMQ")
struct TransportTests {
  private func close(_ transports: [any PeerTransport], _ learner: any LearnerTransport) async {
    for transport in transports { await transport.close(linger: .milliseconds(200)) }
    await learner.close(linger: .milliseconds(200))
  }

  @Test("control, weights, groups and scored groups each take their way, and name who sent them")
  func allPlanes() async throws {
    let keys = try Keys()
    let learner = try await keys.openLearner()
    let scorer = try await keys.openScorer(learner)
    let worker = try await keys.openWorker(learner)

    worker.send(Array("hello".utf8))
    let control = await learner.inbound.first(1) { event -> (PeerID, Role, Frame)? in
      if case .control(let peer, let role, let frame) = event { (peer, role, frame) } else { nil }
    }
    let (peer, role, frame) = try #require(control.first)
    #expect((peer.name, role, frame) == ("worker-0", .worker, Array("hello".utf8)))
    #expect(!peer.connection.isEmpty)

    for transport in [scorer, worker] {
      transport.connect(
        publishPort: learner.ports.publish, dataPort: learner.ports.data, allowed: learner.allowed)
    }
    let address = ScorerAddress(name: "scorer-0", endpoint: scorer.endpoint, publicKey: scorer.publicKey)
    worker.connectScorers([address])
    worker.push(Array("group".utf8), to: address)
    let groups = await scorer.inbound.first(1) { event -> (String, Role, Frame)? in
      if case .data(let peer, let role, let frame) = event { (peer.name, role, frame) } else { nil }
    }
    #expect(try #require(groups.first) == ("worker-0", .worker, Array("group".utf8)))

    learner.send(Array("welcome".utf8), to: peer)
    // A subscription takes a moment to reach the publisher.
    let publishing = Task {
      while !Task.isCancelled {
        learner.publish(Array("weights".utf8))
        try? await Task.sleep(for: .milliseconds(20))
      }
    }
    let received = await worker.inbound.first(2) { event -> String? in
      switch event {
      case .control(let frame): "control " + String(decoding: frame, as: UTF8.self)
      case .published(let frame): "published " + String(decoding: frame, as: UTF8.self)
      default: nil
      }
    }
    publishing.cancel()
    #expect(received.contains("control welcome"))
    #expect(received.contains("published weights"))

    scorer.push(Array("scored".utf8), to: nil)
    let scored = await learner.inbound.first(1) { event -> (String, Role, Frame)? in
      if case .data(let peer, let role, let frame) = event { (peer.name, role, frame) } else { nil }
    }
    #expect(try #require(scored.first) == ("scorer-0", .scorer, Array("scored".utf8)))
    await close([worker, scorer], learner)
  }
}
