internal import Synchronization

extension Attack {
  /// What somebody without a key can do to the sockets on `ports` of this machine.
  package func addStrangers(on ports: [UInt16]) {
    let endpoints = ports.map { "tcp://127.0.0.1:\($0)" }
    let turn = Turn()
    @Sendable func endpoint() -> String { endpoints[turn.next() % endpoints.count] }
    let crowd = Crowd(limit: 4000)
    for _ in 0..<6 {
      add("connections that say nothing") {
        crowd.keep(try RawConnection(to: endpoints[0]))
        return true
      }
    }
    add("connections that come and go") {
      _ = try RawConnection(to: endpoint())
      return true
    }
    let slow = Crowd(limit: 200)
    add("huge frames before the handshake") {
      let connection = try RawConnection(to: endpoint())
      connection.send(RawConnection.greeting + RawConnection.commandHeader(of: 1 << 40))
      connection.send(RawConnection.commandHeader(of: 20 << 20) + [UInt8](repeating: 1, count: 1 << 20))
      slow.keep(connection)
      return true
    }
    add("half handshakes") {
      let connection = try RawConnection(to: endpoint())
      connection.send(RawConnection.greeting + RawConnection.commandHeader(of: 30 << 20) + [UInt8](repeating: 1, count: 60_000))
      slow.keep(connection)
      return true
    }
    add("another protocol") {
      try RawConnection(to: endpoint()).send(Array("GET / HTTP/1.1\r\nHost: x\r\n\r\n".utf8) + (0..<1000).map { UInt8(truncatingIfNeeded: $0) })
      return true
    }
  }
}

private final class Turn: Sendable {
  private let number = Atomic<Int>(0)

  func next() -> Int { number.add(1, ordering: .relaxed).newValue }
}

/// Connections that are held, up to a number of them.
private final class Crowd: Sendable {
  private let held = Mutex<[RawConnection]>([])
  private let limit: Int

  init(limit: Int) {
    self.limit = limit
  }

  func keep(_ connection: RawConnection) {
    held.withLock { held in
      if held.count >= limit { held.removeFirst(limit / 2) }
      held.append(connection)
    }
  }
}
