import FaultProxy
import Foundation
import Glibc
import Testing

@Suite("a link that breaks connections", .serialized)
struct BrokenConnectionTests {
  @Test("resets those that exist and takes new ones")
  func reset() throws {
    let scene = try Scene()
    let pairs = try (0..<3).map { _ in try scene.pair() }
    scene.link.reset()
    for (client, server) in pairs {
      #expect(client.receive() == .failed(ECONNRESET))
      #expect(server.receive() == .failed(ECONNRESET))
    }
    #expect(scene.link.counts.resets == 3)
    let (client, server) = try scene.pair()
    client.send([1])
    #expect(server.receive() == .bytes([1]))
  }

  @Test("resets after so many bytes, in the middle of a message", arguments: LinkDirection.allCases, [0, 1, 12_345])
  func resetAfter(direction: LinkDirection, bytes: Int) throws {
    let scene = try Scene()
    let (client, server) = try scene.pair()
    let (sender, receiver) = direction == .toServer ? (client, server) : (server, client)
    sender.send([1, 2, 3])
    #expect(receiver.receive(exactly: 3) == [1, 2, 3])
    scene.link.resetAfter(bytes: bytes, direction)
    // The other direction does not count.
    receiver.send([4])
    #expect(sender.receive() == .bytes([4]))
    #expect(scene.link.counts.resets == 0)
    let message = pattern(50_000)
    sender.send(message)
    let (received, outcome) = receiver.receiveAll()
    #expect(received == Array(message[..<bytes]))
    #expect(outcome == .failed(ECONNRESET))
    #expect(sender.receive() == .failed(ECONNRESET))
    #expect(scene.link.counts.resets == 1)
    // Once only.
    let (again, againServer) = try scene.pair()
    again.send(message)
    #expect(againServer.receive(exactly: message.count) == message)
  }

  @Test("resets after so many bytes under a delay and a rate too")
  func resetAfterSlowly() throws {
    let scene = try Scene()
    let (client, server) = try scene.pair()
    scene.link.set(LinkCondition(delay: .milliseconds(20), bytesPerSecond: 1_000_000), .toServer)
    scene.link.resetAfter(bytes: 30_001, .toServer)
    client.send(pattern(60_000))
    let (received, outcome) = server.receiveAll()
    #expect(received == pattern(30_001))
    #expect(outcome == .failed(ECONNRESET))
  }

  @Test("freezes those that exist: bytes vanish, an end is not told, and new ones work")
  func freeze() throws {
    let scene = try Scene()
    let (client, server) = try scene.pair()
    let (leaving, left) = try scene.pair()
    client.send([1])
    #expect(server.receive() == .bytes([1]))
    scene.link.freezeConnections()
    client.send([2, 3])
    server.send([4])
    leaving.close()
    #expect(server.isSilent(for: .milliseconds(150)))
    #expect(client.isSilent(for: .milliseconds(50)))
    #expect(left.isSilent(for: .milliseconds(50)))
    #expect(scene.link.counts.bytesSwallowed == 3)
    #expect(scene.link.counts.frozen == 2)
    let (other, otherServer) = try scene.pair()
    other.send([5])
    #expect(otherServer.receive() == .bytes([5]))
    scene.link.heal()
    #expect(client.receive() == .failed(ECONNRESET))
    #expect(server.receive() == .failed(ECONNRESET))
    #expect(left.receive() == .failed(ECONNRESET))
    other.send([6])
    #expect(otherServer.receive() == .bytes([6]))
  }

  @Test("swallows what waits when it freezes, and however much comes after")
  func freezeWhatWaits() throws {
    let scene = try Scene()
    let (client, server) = try scene.pair()
    scene.link.set(LinkCondition(isCut: true), .toServer)
    client.send(pattern(1000))
    #expect(eventually { scene.link.counts.bytesHeld == 1000 })
    scene.link.freezeConnections()
    scene.link.set(.clear, .toServer)
    #expect(client.send(pattern(20 << 20)) == 20 << 20)
    #expect(eventually { scene.link.counts.bytesSwallowed == 1000 + 20 << 20 })
    #expect(server.isSilent(for: .milliseconds(50)))
    #expect(scene.link.counts.bytesToServer == 0)
  }

  @Test("lets go of a frozen connection that both sides have closed")
  func freezeClosed() throws {
    let scene = try Scene()
    let before = try openDescriptors()
    let (client, server) = try scene.pair()
    scene.link.freezeConnections()
    client.close()
    server.closeAbruptly()
    #expect(try eventually { try openDescriptors() == before })
    scene.link.heal()
    #expect(scene.link.counts.resets == 0)
  }

  @Test("refuses new ones, keeps those that exist, and takes new ones afterwards")
  func refuse() throws {
    let scene = try Scene()
    let (client, server) = try scene.pair()
    scene.link.refuse(true)
    for _ in 0..<3 { #expect(throws: POSIXError(.ECONNREFUSED)) { try scene.connect() } }
    // A port that is opened meanwhile refuses as well.
    let other = try TestServer()
    try scene.link.open(port: other.port)
    #expect(throws: POSIXError(.ECONNREFUSED)) {
      try TestSocket(connectingTo: scene.link.address, port: other.port)
    }
    client.send([1])
    #expect(server.receive() == .bytes([1]))
    #expect(scene.link.counts.refused == 1)
    scene.link.refuse(false)
    let (again, againServer) = try scene.pair()
    again.send([2])
    #expect(againServer.receive() == .bytes([2]))
    scene.link.refuse(true)
    scene.link.heal()
    _ = try scene.pair()
    _ = try TestSocket(connectingTo: scene.link.address, port: other.port)
    _ = try other.take()
  }

  @Test("survives a long random sequence of faults and works once it is healed")
  func anything() throws {
    let scene = try Scene(seed: 3)
    scene.server.echo()
    var draws = SeededGenerator(state: 11)
    var clients: [TestSocket] = []
    for _ in 0..<400 {
      switch Int.random(in: 0..<9, using: &draws) {
      case 0...1: if let client = try? scene.connect(patience: .milliseconds(20)) { clients.append(client) }
      case 2...3:
        guard let client = clients.randomElement(using: &draws) else { continue }
        client.patience(.milliseconds(1))
        client.send(pattern(Int.random(in: 1...100_000, using: &draws)))
        _ = client.receive()
      case 4:
        if !clients.isEmpty { clients.remove(at: Int.random(in: clients.indices, using: &draws)).closeAbruptly() }
      case 5:
        scene.link.set(
          LinkCondition(
            delay: .microseconds(Int.random(in: 0...3000, using: &draws)),
            jitter: .microseconds(Int.random(in: 0...2000, using: &draws)),
            bytesPerSecond: Bool.random(using: &draws) ? Int.random(in: 0...1_000_000, using: &draws) : nil,
            isCut: Int.random(in: 0..<4, using: &draws) == 0, corruption: Double.random(in: 0...0.5, using: &draws)),
          Bool.random(using: &draws) ? .toServer : .toClient)
      case 6: scene.link.resetAfter(bytes: Int.random(in: 0...50_000, using: &draws), .toServer)
      case 7: if Bool.random(using: &draws) { scene.link.freezeConnections() } else { scene.link.reset() }
      default: if Bool.random(using: &draws) { scene.link.heal() } else { scene.link.refuse(Bool.random(using: &draws)) }
      }
    }
    scene.link.heal()
    let client = try scene.connect()
    let message = pattern(1_000_000)
    let sent = inThread { client.send(message) }
    #expect(client.receive(exactly: message.count) == message)
    #expect(try sent.wait() == message.count)
  }

  private func openDescriptors() throws -> Int {
    try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count
  }
}

/// The same numbers each time.
private struct SeededGenerator: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return (state ^ state >> 29) &* 0xBF58_476D_1CE4_E5B9
  }
}
