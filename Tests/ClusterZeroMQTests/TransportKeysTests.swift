import Cluster
import ClusterZeroMQ
import Foundation
import Rollout
import Testing
import Wire
import ZeroMQ

@Suite("Keys at the roles' transport over ZeroMQ")
struct TransportKeysTests {
  @Test("of strangers only those of others are reported, not the process's own that try its doors at the start")
  func ownStrangers() async throws {
    let keys = try Keys()
    let (reports, reporting) = AsyncStream<String>.makeStream()
    let learner = try await ZeroMQLearnerTransport.open(
      bind: "tcp://127.0.0.1:0", keys: keys.learner, allowed: keys.allowed, report: { reporting.yield($0) })
    let scorer = try await ZeroMQPeerTransport.scorer(
      learner: learner.endpoint, bind: "tcp://127.0.0.1:0", keys: keys.scorer, learnerKey: keys.learner.publicKey,
      report: { reporting.yield($0) })
    reporting.yield("both are open")
    let stranger = try await keys.openWorker(learner, keys: .generate())
    let first = await reports.first(2) { $0 }
    #expect(first.first == "both are open" && first.last?.hasPrefix("turned away the unregistered key") == true, "\(first)")
    await close([scorer, stranger], learner)
  }

  @Test("a worker's key that pushes to the learner is named a worker, whatever it sends")
  func workerPushesScoredGroups() async throws {
    let keys = try Keys()
    let learner = try await keys.openLearner()
    let impostor = try await ZeroMQPeerTransport.scorer(
      learner: learner.endpoint, bind: "tcp://127.0.0.1:0", keys: keys.worker, learnerKey: keys.learner.publicKey)
    impostor.connect(publishPort: learner.ports.publish, dataPort: learner.ports.data, allowed: learner.allowed)
    impostor.push(Frame(Array("I am a scorer".utf8)), to: nil)
    let roles = await learner.inbound.first(1) { event -> Role? in
      if case .data(_, let role, _) = event { role } else { nil }
    }
    #expect(roles == [.worker])
    await close([impostor], learner)
  }

  @Test("a key that is revoked is not heard on the connections that it has, at the learner and at scorers; a new one is let in")
  func revoked() async throws {
    let keys = try Keys()
    let learner = try await keys.openLearner()
    let scorer = try await keys.openScorer(learner)
    let worker = try await keys.openWorker(learner)
    let address = ScorerAddress(name: "scorer-0", endpoint: scorer.endpoint, publicKey: scorer.publicKey)
    func say(_ text: String, _ worker: ZeroMQPeerTransport) {
      worker.send(Frame(Array("\(text) to learner".utf8)))
      worker.push(Frame(Array("\(text) to scorer".utf8)), to: address)
    }
    scorer.connect(publishPort: learner.ports.publish, dataPort: learner.ports.data, allowed: learner.allowed)
    worker.connectScorers([address])
    say("first", worker)
    // Both are read to their ends, which come with what is let in at last.
    async let atLearner = learner.inbound.first(2) { event -> String? in
      if case .control(let peer, _, let frame) = event { "\(peer.name): " + String(decoding: frame.header, as: UTF8.self) } else { nil }
    }
    async let atScorer = scorer.inbound.first(2) { event -> String? in
      if case .data(let peer, _, let frame) = event { "\(peer.name): " + String(decoding: frame.header, as: UTF8.self) } else { nil }
    }
    try await Task.sleep(for: .milliseconds(500))
    let late = try KeyPair.generate()
    try learner.admit(only: [keys.allowed[0], AllowedPeer(name: "worker-1", role: .worker, publicKey: late.publicKey.z85)])
    #expect(learner.allowed.map(\.name) == ["scorer-0", "worker-1"])
    scorer.connect(publishPort: learner.ports.publish, dataPort: learner.ports.data, allowed: learner.allowed)
    try await Task.sleep(for: .milliseconds(200))
    say("revoked", worker)
    try await Task.sleep(for: .milliseconds(300))
    let other = try await keys.openWorker(learner, keys: late)
    other.connectScorers([address])
    say("second", other)
    #expect(await atLearner == ["worker-0: first to learner", "worker-1: second to learner"])
    #expect(await atScorer == ["worker-0: first to scorer", "worker-1: second to scorer"])
    #expect(throws: (any Error).self) { try learner.admit(only: [AllowedPeer(name: "x", role: .worker, publicKey: "no key")]) }
    #expect(learner.allowed.map(\.name) == ["scorer-0", "worker-1"])
    await close([worker, other, scorer], learner)
  }

  @Test("a process whose key is not allowed is told so at once")
  func keyRefused() async throws {
    let keys = try Keys()
    let learner = try await keys.openLearner()
    let stranger = try await keys.openWorker(learner, keys: .generate())
    let codes = await stranger.inbound.first(1) { event -> String? in
      if case .failed(let error) = event { error.code } else { nil }
    }
    #expect(codes == ["transport.key-refused"])
    await close([stranger], learner)
  }

  @Test("two processes with one key are told apart by their connections")
  func connections() async throws {
    let keys = try Keys()
    let learner = try await keys.openLearner()
    let workers = [try await keys.openWorker(learner), try await keys.openWorker(learner)]
    for (index, worker) in workers.enumerated() { worker.send(Frame([UInt8(index)])) }
    let peers = await learner.inbound.first(2) { event -> PeerID? in
      if case .control(let peer, _, _) = event { peer } else { nil }
    }
    #expect(Set(peers.map(\.name)) == ["worker-0"])
    #expect(Set(peers.map(\.connection)).count == 2)
    await close(workers, learner)
  }
}
