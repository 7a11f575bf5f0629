internal import Foundation
package import ZeroMQ

/// What somebody can do who has the key of a worker and everything else of his own.
package struct MisbehavingWorker: Sendable {
  package let keys: KeyPair

  package init(keys: KeyPair) {
    self.keys = keys
  }

  /// - Parameters:
  ///   - server: the key of whoever listens at `endpoint`.
  ///   - largest: bytes of the largest frame that is taken there.
  package func add<Pattern: SendingPattern>(
    to attack: Attack, at endpoint: String, of server: PublicKey, _ pattern: Pattern.Type, largest: Int, _ name: String
  ) throws {
    func attacker(_ what: String, _ message: @escaping @Sendable (Int) -> Multipart) throws {
      var options = SocketOptions()
      options.security = .client(keys: keys, server: server)
      options.linger = .zero
      options.reconnectInterval = .milliseconds(10)
      options.reconnectIntervalMaximum = .milliseconds(100)
      options.sendingLimits = MessageLimits(frames: 1 << 20, frameBytes: 1 << 30, messageBytes: 1 << 30)
      // Each with threads of its own, so that encrypting the largest holds up no other.
      let end = SendingEnd(try Socket<Pattern>(ZeroMQContext(), options))
      try end.connect(endpoint)
      attack.add("\(name): \(what)") { try end.send(message) }
    }
    try attacker("garbage") { turn in
      Multipart([Message((0..<1 + turn % 3000).map { UInt8(truncatingIfNeeded: $0 &* turn &* 31 &+ turn) })])
    }
    try attacker("largest messages") { _ in Multipart([Message([UInt8](repeating: 0x0a, count: largest))]) }
    try attacker("too large messages") { _ in Multipart([Message([UInt8](repeating: 0x0a, count: largest + 1000))]) }
    try attacker("nothing") { turn in Multipart([[UInt8]](repeating: [], count: 1 + turn % 5).map { Message($0) }) }
    let frame = Message([UInt8](repeating: 1, count: min(1000, largest)))
    try attacker("messages without end") { _ in Multipart([Message](repeating: frame, count: 150_000)) }
    try attacker("messages of many empty frames") { _ in Multipart([Message](repeating: Message([]), count: 300_000)) }
  }

  /// Asks a publisher for more and more.
  package func addSubscriptions(to attack: Attack, at endpoint: String, of server: PublicKey) throws {
    var options = SocketOptions()
    options.security = .client(keys: keys, server: server)
    options.linger = .zero
    let end = SendingEnd(try Socket<Subscribe>(ZeroMQContext(), options))
    try end.connect(endpoint)
    attack.add("subscriptions") { try end.subscribe() }
  }
}

/// Sendable because each is used by one thread of an attack, after the thread that has made it.
private final class SendingEnd<Pattern: SocketPattern>: @unchecked Sendable {
  private let socket: Socket<Pattern>
  private var turn = 0

  init(_ socket: consuming Socket<Pattern>) {
    self.socket = socket
  }

  func connect(_ endpoint: String) throws { try socket.connect(endpoint) }
}

extension SendingEnd where Pattern: SendingPattern {
  func send(_ message: (Int) -> Multipart) throws -> Bool {
    turn += 1
    return try socket.trySend(message(turn))
  }
}

extension SendingEnd where Pattern == Subscribe {
  func subscribe() throws -> Bool {
    turn += 1
    try socket.subscribe(to: Array("\(turn) ".utf8) + [UInt8](repeating: 0x61, count: 900))
    return true
  }
}
