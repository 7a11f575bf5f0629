import Synchronization
import Testing
import ZeroMQ

extension ConnectionLimits {
  /// Wide, but for what a test narrows.
  static func narrow(
    connections: Int = 4096, strangers: Int = 4096, strangerBytes: Int = 1 << 30, unreadBytes: Int = 1 << 30
  ) -> ConnectionLimits {
    ConnectionLimits(
      connections: connections, strangers: strangers, strangerBytes: strangerBytes, unreadBytes: unreadBytes)
  }
}

/// A guarded socket behind CURVE, and two registered peers of it.
final class Door: Sendable {
  let endpoint: String
  let received: Inbox<[String]>
  /// What the guard said.
  let reports: Reports
  private let loop: PollLoop
  private let connected = Atomic<Int>(0)
  private let lost = Atomic<Int>(0)
  private let senders: OnLoop<[Channel<Push>]>
  private let receiver: OnLoop<Channel<Pull>>

  init(on loop: PollLoop, _ limits: ConnectionLimits) async throws {
    let received = Inbox<[String]>()
    let reports = Reports()
    let options = SocketOptions.with { $0.limits = MessageLimits(frames: 2, frameBytes: 8 << 20, messageBytes: 8 << 20) }
    let (endpoint, senders, receiver) = try await loop.run {
      try Authenticator.start(
        on: loop, admitting: AllowList([RegisteredPeer(key: keys.client.publicKey, name: "c", role: "")]))
      var serving = options
      serving.security = .server(keys: keys.server, domain: "test")
      let pull = loop.register(try Socket<Pull>(loop.context, serving))
      try pull.guardConnections(limits) { reports.add($0) }
      pull.onReceive = { received.put($0.texts) }
      let endpoint = try pull.bind("tcp://127.0.0.1:*")
      var sending = options
      sending.sendingLimits = MessageLimits(frames: 1 << 20, frameBytes: 8 << 20, messageBytes: 1 << 30)
      sending.security = .client(keys: keys.client, server: keys.server.publicKey)
      let senders = try (0..<2).map { _ in
        let push = loop.register(try Socket<Push>(loop.context, sending), queue: QueueLimits(messages: 10_000, bytes: 1 << 30))
        try push.stayConnected(to: endpoint)
        return push
      }
      return (endpoint, OnLoop(value: senders), OnLoop(value: pull))
    }
    self.loop = loop
    self.endpoint = endpoint
    self.received = received
    self.reports = reports
    self.senders = senders
    self.receiver = receiver
  }

  /// Peers with a good key, each with a connection of its own.
  func addSilentPeers(_ count: Int) async throws {
    try await loop.run { [self] in
      for _ in 0..<count {
        let push = loop.register(
          try Socket<Push>(loop.context, .with { $0.security = .client(keys: keys.client, server: keys.server.publicKey) }))
        try push.watch { [self] event in
          if event.kind == .handshakeSucceeded { connected.add(1, ordering: .relaxed) }
          if event.kind == .disconnected { lost.add(1, ordering: .relaxed) }
        }
        try push.connect(endpoint)
      }
    }
  }

  /// Stops reading, or goes on.
  func pause(_ isPaused: Bool) async throws {
    try await loop.run { [receiver] in receiver.value.isPaused = isPaused }
  }

  /// Over a connection of its own, which ends when that is sent.
  func sendOnce(_ text: String) async throws {
    try await loop.run { [self] in
      let push = loop.register(
        try Socket<Push>(loop.context, .with { $0.security = .client(keys: keys.client, server: keys.server.publicKey) }))
      push.onDrained = { [unowned push] in push.close() }
      try push.connect(endpoint)
      _ = try push.send([Message(text)])
    }
  }

  func isConnected(_ count: Int) -> Bool { connected.load(ordering: .relaxed) >= count }

  var losses: Int { lost.load(ordering: .relaxed) }

  func send(_ texts: [String], from sender: Int = 0) async throws {
    try await loop.run { [senders] in _ = try senders.value[sender].send(Multipart(texts: texts)) }
  }
}

/// Lines that a poll loop's thread writes and a test reads.
final class Reports: Sendable {
  private let lines = Mutex<[String]>([])

  var all: [String] { lines.withLock { $0 } }

  func add(_ line: String) { lines.withLock { $0.append(line) } }

  func contain(_ text: String) -> Bool { all.contains { $0.contains(text) } }
}

/// Waits until `condition` holds.
func eventually(_ condition: () -> Bool) async throws {
  let deadline = ContinuousClock.now + patience
  while !condition() {
    try #require(.now < deadline, "it does not come to that")
    try await Task.sleep(for: .milliseconds(10))
  }
}

/// Runs `body` with a door and closes it.
func withDoor(_ limits: ConnectionLimits, _ body: (Door) async throws -> Void) async throws {
  try await withLoop { loop in try await body(Door(on: loop, limits)) }
}
