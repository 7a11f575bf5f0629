import Attackers
import Testing
import ZeroMQ

/// Attacks that libzmq has no bound for, on real sockets behind CURVE.
@Suite("Connections of a bound socket", .serialized)
struct ConnectionGuardTests {
  @Test("of many that say nothing the oldest are cut, long before their handshake times out, and a peer gets in")
  func silentConnections() async throws {
    try await withDoor(.narrow(strangers: 8)) { door in
      let strangers = try (0..<300).map { _ in try RawConnection(to: door.endpoint) }
      try await eventually { strangers.count { !$0.isCut } <= 8 }
      try await door.send(["good"])
      #expect(await door.received.take(1) == [["good"]])
      #expect(strangers.count { !$0.isCut } > 0)
      #expect(door.reports.contain("more than 8 have not had their handshake"))
    }
  }

  @Test("what a stranger sends before it has proved anything is bounded for all of them together")
  func strangersBytes() async throws {
    try await withDoor(.narrow(strangerBytes: 1 << 20)) { door in
      let strangers = try (0..<8).map { _ in try RawConnection(to: door.endpoint) }
      // Each less than the bound, in a frame that libzmq takes for the first step of a handshake.
      for stranger in strangers { stranger.send(RawConnection.greeting + RawConnection.commandHeader(of: 1 << 22)) }
      for stranger in strangers { stranger.send([UInt8](repeating: 1, count: 400_000)) }
      try await eventually { strangers.count { !$0.isCut } <= 2 }
      #expect(strangers.count { !$0.isCut } > 0)
      try await door.send(["good"])
      #expect(await door.received.take(1) == [["good"]])
    }
  }

  @Test("a message that does not end is not kept, and other peers are heard")
  func endlessMessage() async throws {
    try await withDoor(.narrow(unreadBytes: 1 << 20)) { door in
      let before = ObservedProcess.current.residentBytes
      // libzmq hands on the frames of one message as fast as they can be sent, before the last of them is there.
      try await door.send([String](repeating: String(repeating: "x", count: 1000), count: 60_000), from: 1)
      try await eventually { door.reports.contain("too much unread") }
      try await door.send(["good"])
      #expect(await door.received.take(1) == [["good"]])
      // The sender is in this process too, and holds all of it: 60 MB and 64 bytes a frame.
      #expect(ObservedProcess.current.residentBytes - before < 150 << 20)
    }
  }

  @Test("whole messages of connections that have ended count as long as they are unread, and nothing honest is lost by it")
  func endedConnections() async throws {
    try await withDoor(.narrow(unreadBytes: 4 << 20)) { door in
      try await door.pause(true)
      // Each leaves when it has sent what it may: together they would be far beyond the bound.
      let text = String(repeating: "x", count: 1 << 20)
      var sent = 0
      while !door.reports.contain("of connections that have ended"), sent < 60 {
        try await door.sendOnce(text)
        sent += 1
        try await Task.sleep(for: .milliseconds(100))
      }
      #expect((5..<60).contains(sent))
      try await door.pause(false)
      #expect(await door.received.take(sent).count == sent)
    }
  }

  @Test("an honest peer that sends far more than may be unread is not cut")
  func busyPeer() async throws {
    try await withDoor(.narrow(unreadBytes: 32 << 20)) { door in
      // What may be unread is more than libzmq holds of whole messages, 256 of them.
      let text = String(repeating: "x", count: 64 << 10)
      for _ in 0..<2000 { try await door.send([text]) }
      #expect(await door.received.take(2000).count == 2000)
      #expect(door.reports.all == [])
    }
  }

  @Test("a registered peer that never says anything is no stranger, with and without a crowd of them")
  func silentPeers() async throws {
    try await withDoor(.narrow(strangers: 4)) { door in
      // No more at once than there may be strangers.
      for count in 1...10 {
        try await door.addSilentPeers(2)
        try await eventually { door.isConnected(2 * count) }
      }
      let strangers = try (0..<100).map { _ in try RawConnection(to: door.endpoint) }
      try await eventually { strangers.count { !$0.isCut } <= 4 }
      try await Task.sleep(for: .milliseconds(300))
      #expect(door.losses == 0)
    }
  }

  @Test("of more connections than there may be the silent ones go first", .timeLimit(.minutes(1)))
  func manyConnections() async throws {
    try await withDoor(.narrow(connections: 10)) { door in
      try await door.send(["one"])
      #expect(await door.received.take(1) == [["one"]])
      let strangers = try (0..<300).map { _ in try RawConnection(to: door.endpoint) }
      let start = ContinuousClock.now
      try await eventually { strangers.count { !$0.isCut } <= 9 }
      // Their handshakes time out later.
      #expect(.now - start < .seconds(4))
      try await door.send(["two"])
      #expect(await door.received.take(1) == [["two"]])
    }
  }

  @Test("a loop stops in bounded time amid a flood of connections", .timeLimit(.minutes(1)))
  func stopsAmidFlood() async throws {
    let flood = Task.detached {
      var made = 0
      let endpoint = await Self.floodedEndpoint.take(1).first ?? ""
      while !Task.isCancelled {
        _ = try? RawConnection(to: endpoint)
        made += 1
      }
      return made
    }
    try await withDoor(.narrow(strangers: 16)) { door in
      Self.floodedEndpoint.put(door.endpoint)
      try await Task.sleep(for: .milliseconds(500))
      try await door.send(["good"])
      #expect(await door.received.take(1) == [["good"]])
    }
    flood.cancel()
    #expect(await flood.value > 100)
  }

  private static let floodedEndpoint = Inbox<String>()
}
