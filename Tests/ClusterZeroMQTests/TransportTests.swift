import ActionableErrors
import Cluster
import ClusterZeroMQ
import Foundation
import Rollout
import Testing
import Wire
import ZeroMQ

/// Whether this machine has `::1`.
private let hasIPv6 =
  (try? String(contentsOfFile: "/proc/net/if_inet6", encoding: .utf8))?
  .contains("00000000000000000000000000000001") == true

@Suite("The roles' transport over ZeroMQ")
struct TransportTests {
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
