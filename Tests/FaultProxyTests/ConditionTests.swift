import FaultProxy
import Glibc
import Testing

@Suite("a link's condition", .serialized)
struct ConditionTests {
  @Test("delays every byte at least so long, in order", arguments: [Duration.zero, .milliseconds(30)])
  func delay(jitter: Duration) throws {
    let scene = try Scene()
    let (client, server) = try scene.pair()
    scene.link.set(LinkCondition(delay: .milliseconds(150), jitter: jitter), .toServer)
    var received: [UInt8] = []
    let sent = ContinuousClock.now
    for number in 0..<20 {
      client.send(pattern(100, from: number * 100))
      usleep(3000)
    }
    received = server.receive(exactly: 1)
    #expect(ContinuousClock.now - sent >= .milliseconds(150))
    let lastSent = ContinuousClock.now
    received += server.receive(exactly: 1999)
    #expect(received == pattern(2000))
    #expect(ContinuousClock.now - lastSent < .seconds(1))
    #expect(scene.link.counts.bytesDelayed == 2000)
    // The other direction has a condition of its own.
    server.send([1])
    #expect(try elapsed { try #require(client.receive() == .bytes([1])) } < .milliseconds(140))
  }

  @Test("delays the end of a connection too")
  func delayedEnd() throws {
    let scene = try Scene()
    let (client, server) = try scene.pair()
    scene.link.set(LinkCondition(delay: .milliseconds(100)), .toServer)
    let took = elapsed {
      client.close()
      #expect(server.receive() == .end)
    }
    #expect(took >= .milliseconds(100))
  }

  @Test("delays nothing longer than the delay that was set last")
  func shorterDelay() throws {
    let scene = try Scene()
    let (client, server) = try scene.pair()
    scene.link.set(LinkCondition(delay: .seconds(3600)), .toServer)
    client.send([1, 2])
    #expect(server.isSilent(for: .milliseconds(100)))
    scene.link.set(LinkCondition(delay: .milliseconds(50)), .toServer)
    #expect(server.receive() == .bytes([1, 2]))
  }

  @Test("holds the throughput to its rate, in each direction", arguments: [LinkDirection.toServer, .toClient])
  func rate(direction: LinkDirection) throws {
    let scene = try Scene()
    let (client, server) = try scene.pair()
    let (sender, receiver) = direction == .toServer ? (client, server) : (server, client)
    scene.link.set(LinkCondition(bytesPerSecond: 1_000_000), direction)
    let message = pattern(600_000)
    let sent = inThread { sender.send(message) }
    let took = elapsed {
      #expect(receiver.receive(exactly: message.count) == message)
    }
    #expect(try sent.wait() == message.count)
    #expect(took > .milliseconds(550) && took < .seconds(2))
    #expect(scene.link.counts.pausesForRate > 10)
  }

  @Test("shares a rate among connections, so that a long transfer does not hold up a short message")
  func fairness() throws {
    let scene = try Scene()
    let (bulk, bulkServer) = try scene.pair()
    let (control, controlServer) = try scene.pair()
    scene.link.set(LinkCondition(bytesPerSecond: 500_000), .toServer)
    let message = pattern(1_000_000)
    let sent = inThread { bulk.send(message) }
    let received = inThread { bulkServer.receive(exactly: message.count) }
    usleep(100_000)
    for _ in 0..<5 {
      let took = elapsed {
        control.send([9])
        #expect(controlServer.receive() == .bytes([9]))
      }
      #expect(took < .milliseconds(400))
    }
    scene.link.heal()
    #expect(try sent.wait() == message.count)
    #expect(try received.wait() == message)
  }

  @Test("cuts one direction while the other passes, and delivers everything in order once it is healed")
  func oneWayCut() throws {
    let scene = try Scene()
    let (client, server) = try scene.pair()
    client.send([1])
    #expect(server.receive() == .bytes([1]))
    scene.link.set(LinkCondition(isCut: true), .toServer)
    let message = pattern(1_000_000)
    client.send(message)
    #expect(server.isSilent(for: .milliseconds(200)))
    server.send([2])
    #expect(client.receive() == .bytes([2]))
    #expect(scene.link.counts.bytesHeld == message.count)
    scene.link.heal()
    #expect(server.receive(exactly: message.count) == message)
    #expect(scene.link.counts.bytesHeld == message.count)
  }

  @Test("keeps the end of a connection back during a cut, be it a close or a reset", arguments: [false, true])
  func endDuringCut(isReset: Bool) throws {
    let scene = try Scene()
    let (client, server) = try scene.pair()
    client.send([1])
    #expect(server.receive() == .bytes([1]))
    scene.link.set(LinkCondition(isCut: true), .toServer)
    client.send([2])
    if isReset { client.closeAbruptly() } else { client.finishSending() }
    #expect(server.isSilent(for: .milliseconds(150)))
    server.send([3])
    #expect(server.isSilent(for: .milliseconds(150)))
    scene.link.heal()
    let (bytes, outcome) = server.receiveAll()
    if isReset {
      #expect(outcome == .failed(ECONNRESET))
    } else {
      #expect(bytes == [2])
      #expect(outcome == .end)
    }
  }

  @Test("makes no new connection while a direction is cut, and makes it afterwards", arguments: LinkDirection.allCases)
  func newConnectionDuringCut(direction: LinkDirection) throws {
    let scene = try Scene()
    scene.link.set(LinkCondition(isCut: true), direction)
    let connecting = inThread { try? scene.connect() }
    #expect(scene.server.isLeftAlone(for: .milliseconds(300)))
    #expect(scene.link.counts.connections == 0)
    scene.link.heal()
    let server = try scene.server.take()
    let client = try #require(try connecting.wait())
    client.send([1])
    #expect(server.receive() == .bytes([1]))
  }

  @Test("holds a bounded number of bytes of a fast sender, who then has to wait")
  func boundedMemory() throws {
    let scene = try Scene()
    let (client, server) = try scene.pair()
    scene.link.set(LinkCondition(isCut: true), .toServer)
    client.patience(.milliseconds(500))
    let message = pattern(80 << 20)
    let sent = client.send(message)
    // What does not fit into the proxy waits in the sockets' own bounded buffers.
    #expect(sent < message.count)
    #expect(scene.link.counts.bytesHeld == LinkLimits.waitingBytes)
    scene.link.heal()
    #expect(server.receive(exactly: sent) == Array(message[..<sent]))
  }

  @Test("corrupts exactly the bytes it counts, at places that the seed decides")
  func corruption() throws {
    let message = pattern(400_000)
    func corruptedPlaces(seed: UInt64, piece: Int) throws -> [Int] {
      let scene = try Scene(seed: seed)
      scene.server.echo()
      scene.link.set(LinkCondition(corruption: 0.1), .toServer)
      let client = try scene.connect()
      var received: [UInt8] = []
      for start in stride(from: 0, to: message.count, by: piece) {
        let part = message[start..<min(start + piece, message.count)]
        client.send(Array(part))
        received += client.receive(exactly: part.count)
      }
      let places = message.indices.filter { message[$0] != received[$0] }
      #expect(scene.link.counts.bytesCorrupted == places.count)
      return places
    }
    let places = try corruptedPlaces(seed: 5, piece: 100_000)
    // Of 391 blocks.
    #expect((20...60).contains(places.count))
    #expect(Set(places.map { $0 / LinkLimits.blockBytes }).count == places.count)
    #expect(try corruptedPlaces(seed: 5, piece: 777) == places)
    #expect(try corruptedPlaces(seed: 6, piece: 100_000) != places)
  }

  @Test("keeps nobody busy who has nothing to do")
  func idle() throws {
    let scene = try Scene()
    let pairs = try (0..<50).map { _ in try scene.pair() }
    scene.link.set(LinkCondition(isCut: true), .toServer)
    // A buffer that is full, and a connection that ends before it.
    pairs[0].client.patience(.milliseconds(200))
    pairs[0].client.send(pattern(40 << 20))
    pairs[0].client.closeAbruptly()
    pairs[1].client.close()
    scene.link.set(LinkCondition(bytesPerSecond: 1000), .toClient)
    usleep(50_000)
    let before = processorTime()
    usleep(500_000)
    #expect(processorTime() - before < .milliseconds(10))
  }

  private func processorTime() -> Duration {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
  }
}
