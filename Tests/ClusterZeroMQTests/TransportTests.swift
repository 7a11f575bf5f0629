import ActionableErrors
import Cluster
import ClusterZeroMQ
import Foundation
import Rollout
import Synchronization
import Testing
import Wire
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

/// Whether this machine has `::1`.
private let hasIPv6 =
  (try? String(contentsOfFile: "/proc/net/if_inet6", encoding: .utf8))?
  .contains("00000000000000000000000000000001") == true

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

    worker.send(Frame(Array("hello".utf8)))
    let control = await learner.inbound.first(1) { event -> (PeerID, Role, Frame)? in
      if case .control(let peer, let role, let frame) = event { (peer, role, frame) } else { nil }
    }
    let (peer, role, frame) = try #require(control.first)
    #expect((peer.name, role, frame) == ("worker-0", .worker, Frame(Array("hello".utf8))))
    #expect(!peer.connection.isEmpty)

    for transport in [scorer, worker] {
      transport.connect(
        publishPort: learner.ports.publish, dataPort: learner.ports.data, allowed: learner.allowed)
    }
    let address = ScorerAddress(name: "scorer-0", endpoint: scorer.endpoint, publicKey: scorer.publicKey)
    worker.connectScorers([address])
    worker.push(Frame(Array("group".utf8)), to: address)
    let groups = await scorer.inbound.first(1) { event -> (String, Role, Frame)? in
      if case .data(let peer, let role, let frame) = event { (peer.name, role, frame) } else { nil }
    }
    #expect(try #require(groups.first) == ("worker-0", .worker, Frame(Array("group".utf8))))

    learner.send(Frame(Array("welcome".utf8)), to: peer)
    // A subscription takes a moment to reach the publisher.
    let publishing = Task {
      while !Task.isCancelled {
        learner.publish(Frame(Array("weights".utf8)))
        try? await Task.sleep(for: .milliseconds(20))
      }
    }
    let received = await worker.inbound.first(2) { event -> String? in
      switch event {
      case .control(let frame): "control " + String(decoding: frame.header, as: UTF8.self)
      case .published(let frame): "published " + String(decoding: frame.header, as: UTF8.self)
      default: nil
      }
    }
    publishing.cancel()
    #expect(received.contains("control welcome"))
    #expect(received.contains("published weights"))

    scorer.push(Frame(Array("scored".utf8)), to: nil)
    let scored = await learner.inbound.first(1) { event -> (String, Role, Frame)? in
      if case .data(let peer, let role, let frame) = event { (peer.name, role, frame) } else { nil }
    }
    #expect(try #require(scored.first) == ("scorer-0", .scorer, Frame(Array("scored".utf8))))
    await close([worker, scorer], learner)
  }

  @Test("of strangers only those of others are reported, not the process's own that try its doors at the start")
  func ownStrangers() async throws {
    let keys = try Keys()
    let reports = Mutex<[String]>([])
    let learner = try await ZeroMQLearnerTransport.open(
      bind: "tcp://127.0.0.1:0", keys: keys.learner, allowed: keys.allowed, report: { text in reports.withLock { $0.append(text) } })
    let scorer = try await ZeroMQPeerTransport.scorer(
      learner: learner.endpoint, bind: "tcp://127.0.0.1:0", keys: keys.scorer, learnerKey: keys.learner.publicKey,
      report: { text in reports.withLock { $0.append(text) } })
    #expect(reports.withLock { $0 } == [])
    let stranger = try await keys.openWorker(learner, keys: .generate())
    for _ in 0..<500 where reports.withLock(\.isEmpty) { try await Task.sleep(for: .milliseconds(20)) }
    #expect(reports.withLock { $0.first }?.hasPrefix("turned away the unregistered key") == true)
    await close([scorer, stranger], learner)
  }

  @Test("connecting anew makes one other connection of each and keeps it")
  func connectAnew() async throws {
    let keys = try Keys()
    let learner = try await keys.openLearner()
    let worker = try await keys.openWorker(learner)
    worker.connect(publishPort: learner.ports.publish, dataPort: learner.ports.data, allowed: learner.allowed)
    let talking = Task {
      while !Task.isCancelled {
        worker.send(Frame(Array("hello".utf8)))
        learner.publish(Frame(Array("weights".utf8)))
        try? await Task.sleep(for: .milliseconds(20))
      }
    }
    func connections(_ count: Int) async -> [String] {
      await learner.inbound.first(count) { event -> String? in
        if case .control(let peer, _, _) = event { peer.connection } else { nil }
      }
    }
    let before = Set(await connections(5))
    worker.connectAnew()
    // Longer than after a loss that libzmq gives up.
    let after = await connections(100).drop { before.contains($0) }
    talking.cancel()
    #expect(before.count == 1 && Set(after).count == 1 && after.count > 50, "\(before) \(Set(after)) \(after.count)")
    let published = await worker.inbound.first(1) { event -> Bool? in if case .published = event { true } else { nil } }
    #expect(published == [true])
    await close([worker], learner)
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

  @Test("a payload arrives beside its message, large or small, and only from the learner")
  func payload() async throws {
    let keys = try Keys()
    let learner = try await keys.openLearner()
    let worker = try await keys.openWorker(learner)
    // The learner takes no payloads: what comes with one is not heard.
    worker.send(Frame([1], [9]))
    worker.send([2])
    let heard = await learner.inbound.first(1) { event -> (PeerID, Frame)? in
      if case .control(let peer, _, let frame) = event { (peer, frame) } else { nil }
    }
    let (peer, frame) = try #require(heard.first)
    #expect(frame == [2])
    let weights = (0..<3 << 20).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    let payloads = [Payload(weights[5..<2_000_000]), Payload(weights[7..<8]), [4, 5]]
    for payload in payloads { learner.send(Frame([3], payload), to: peer) }
    let received = await worker.inbound.first(3) { if case .control(let frame) = $0 { frame } else { nil } }
    #expect(received == payloads.map { Frame([3], $0) })
    await close([worker], learner)
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

  @Test("messages arrive in the order in which they were sent, from more than the queues hold")
  func order() async throws {
    let keys = try Keys()
    let learner = try await keys.openLearner()
    let worker = try await keys.openWorker(learner)
    let sending = Task {
      for number in 0..<5000 {
        worker.send(Frame([UInt8(number & 0xff), UInt8(number >> 8)]))
        // Sending never waits, so whoever sends more than the queue holds loses some.
        if number % 200 == 199 { try? await Task.sleep(for: .milliseconds(20)) }
      }
    }
    let numbers = await learner.inbound.first(5000) { event -> Int? in
      if case .control(_, _, let frame) = event { Int(frame.header[0]) | Int(frame.header[1]) << 8 } else { nil }
    }
    #expect(numbers == Array(0..<5000))
    await sending.value
    await close([worker], learner)
  }

  @Test("a learner that comes back on its port with its key is found again")
  func learnerRestarts() async throws {
    let keys = try Keys()
    let first = try await keys.openLearner()
    let worker = try await keys.openWorker(first)
    let isHello: @Sendable (LearnerInbound) -> PeerID? = { event in
      if case .control(let peer, _, _) = event { peer } else { nil }
    }
    worker.send([1])
    #expect(await first.inbound.first(1, isHello).count == 1)
    let port = first.ports.control
    await first.close(linger: .zero)
    let second = try await keys.openLearner(port: port)
    let asking = Task {
      while !Task.isCancelled {
        worker.send([2])
        try? await Task.sleep(for: .milliseconds(50))
      }
    }
    let peers = await second.inbound.first(1, isHello)
    asking.cancel()
    #expect(peers.map(\.name) == ["worker-0"])
    await close([worker], second)
  }

  @Test("connections to scorers follow the learner's list")
  func scorersChange() async throws {
    let keys = try Keys()
    let learner = try await keys.openLearner()
    let worker = try await keys.openWorker(learner)
    let scorers = [try await keys.openScorer(learner), try await keys.openScorer(learner)]
    let addresses = scorers.enumerated().map {
      ScorerAddress(name: "scorer-\($0)", endpoint: $1.endpoint, publicKey: $1.publicKey)
    }
    for scorer in scorers {
      scorer.connect(publishPort: learner.ports.publish, dataPort: learner.ports.data, allowed: learner.allowed)
    }
    let isData: @Sendable (PeerInbound) -> Frame? = { if case .data(_, _, let frame) = $0 { frame } else { nil } }
    for index in [0, 1] {
      worker.connectScorers([addresses[index]])
      worker.push([9], to: addresses[1 - index])
      worker.push(Frame([UInt8(index)]), to: addresses[index])
      #expect(await scorers[index].inbound.first(1, isData) == [Frame([UInt8(index)])])
    }
    await close([worker] + scorers, learner)
  }

  @Test(
    "a scorer that is reached elsewhere than where it listens says so",
    arguments: [(String?.none, "tcp://127.0.0.1:"), ("tcp://10.1.2.3:600", "tcp://10.1.2.3:600"), ("tcp://10.1.2.3:0", "tcp://10.1.2.3:")])
  func advertised(address: String?, endpoint: String) async throws {
    let keys = try Keys()
    let learner = try await keys.openLearner()
    let scorer = try await ZeroMQPeerTransport.scorer(
      learner: learner.endpoint, bind: "tcp://127.0.0.1:0", advertised: address, keys: keys.scorer,
      learnerKey: keys.learner.publicKey)
    #expect(scorer.endpoint.hasPrefix(endpoint) && !scorer.endpoint.hasSuffix(":0"))
    await scorer.close(linger: .zero)
    await learner.close(linger: .zero)
  }

  @Test("a learner's port that is in use is named")
  func portInUse() async throws {
    let keys = try Keys()
    let learner = try await keys.openLearner()
    let error = await #expect(throws: ZeroMQError.self) { try await keys.openLearner(port: learner.ports.control) }
    #expect(error?.code == "zeromq.address-in-use")
    #expect(error?.message == "port \(learner.ports.control) on 127.0.0.1 is in use")
    await learner.close(linger: .zero)
  }

  @Test(
    "what is no TCP endpoint is refused",
    arguments: ["", "127.0.0.1:5555", "ipc:///tmp/x", "inproc://x", "tcp://", "tcp://:1", "tcp://host", "tcp://a:99999",
      "tcp://a;b:1", "tcp://a b:1"])
  func badEndpoints(text: String) async throws {
    let keys = try Keys()
    let error = await #expect(throws: ZeroMQError.self) {
      try await ZeroMQLearnerTransport.open(bind: text, keys: keys.learner, allowed: [])
    }
    #expect(error?.code == "zeromq.bad-endpoint")
  }

  @Test("a scorer bound to all addresses names the one that the learner is reached from")
  func wildcard() async throws {
    let keys = try Keys()
    let learner = try await keys.openLearner()
    let scorer = try await ZeroMQPeerTransport.scorer(
      learner: learner.endpoint, bind: "tcp://0.0.0.0:0", keys: keys.scorer, learnerKey: keys.learner.publicKey)
    #expect(scorer.endpoint.hasPrefix("tcp://127.0.0.1:"))
    await close([scorer], learner)
  }

  @Test("a learner may listen on IPv6", .enabled(if: hasIPv6))
  func ipv6() async throws {
    let keys = try Keys()
    let learner = try await ZeroMQLearnerTransport.open(
      bind: "tcp://[::1]:0", keys: keys.learner, allowed: keys.allowed)
    let worker = try await ZeroMQPeerTransport.worker(
      learner: "tcp://[::1]:\(learner.ports.control)", keys: keys.worker, learnerKey: keys.learner.publicKey)
    worker.send([6])
    let frames = await learner.inbound.first(1) { event -> Frame? in
      if case .control(_, _, let frame) = event { frame } else { nil }
    }
    #expect(frames == [[6]])
    await close([worker], learner)
  }

  @Test("closing ends in bounded time with groups that nobody takes, and ends what is received")
  func closing() async throws {
    let keys = try Keys()
    let learner = try await keys.openLearner()
    let worker = try await keys.openWorker(learner)
    let nobody = ScorerAddress(name: "gone", endpoint: "tcp://127.0.0.1:1", publicKey: keys.scorer.publicKey.z85)
    worker.connectScorers([nobody])
    for _ in 0..<20 { worker.push(Frame([UInt8](repeating: 0, count: 10_000)), to: nobody) }
    let start = ContinuousClock.now
    await worker.close(linger: .milliseconds(300))
    #expect(ContinuousClock.now - start < .seconds(3))
    #expect(await worker.inbound.first(1) { $0 }.isEmpty)
    worker.send([1])
    await learner.close(linger: .zero)
  }
}
