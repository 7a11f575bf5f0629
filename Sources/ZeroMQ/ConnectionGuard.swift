internal import CLinux
internal import CZeroMQ
internal import Glibc

/// Holds the connections of one bound socket to its limits, by cutting those that take most.
///
/// libzmq says which descriptor a connection has when it is made, when it ends, and with each message. How much has come over
/// it the kernel knows; the difference to what has been read is what this process holds for it. The guard has a descriptor of its
/// own for each, because libzmq's may be closed, and its number given to something else, before that is said.
///
/// A connection that is cut loses what it had half sent, nothing else: honest peers connect again and send again what was not
/// acknowledged.
final class ConnectionGuard {
  private struct Connection {
    let own: Int32
    let since: ContinuousClock.Instant
    /// Bytes of the messages that have been read, with what encryption and framing add at most, and of what is overlooked.
    var read: Int64
    var looked: ContinuousClock.Instant
    var hasSpoken = false

    /// Unread bytes, and whether it has had its handshake.
    mutating func look(at now: ContinuousClock.Instant) -> (unread: Int64, isKnown: Bool) {
      var traffic = traffic()
      _ = get_traffic(own, &traffic)
      // What framing was rounded up by, and what could have been overlooked, are no credit for later.
      read = min(read + Int64(ConnectionGuard.overlooked * ((now - looked) / .seconds(1))), traffic.taken)
      looked = now
      return (traffic.taken - read, hasSpoken || traffic.sent > ConnectionGuard.sentToStrangers)
    }
  }

  /// What a connection holds at one moment.
  private struct Holding {
    let descriptor: Int32
    let since: ContinuousClock.Instant
    let unread: Int64
    let hasSpoken: Bool
    /// Whether it has had its handshake.
    let isKnown: Bool
  }

  private let limits: ConnectionLimits
  /// Whether nobody reads now: what comes stays, also of connections that end.
  private let isPaused: () -> Bool
  private let report: (String) -> Void
  /// By libzmq's descriptor.
  private var connections: [Int32: Connection] = [:]
  private var acceptedSinceLook = 0
  /// Bytes that connections held when they ended while nobody read: whole messages among them are there still.
  private var departed: Int64 = 0
  /// Bytes read over connections that have not been reported yet. What stays of one that has ended is clipped at the first look
  /// at the next with its descriptor.
  private var early: [Int32: Int64] = [:]

  /// Greeting, frame header, nonce and authenticator of a message, rounded up.
  private static let framing: Int64 = 64
  /// A CURVE server sends 64 bytes of greeting, 170 of WELCOME, and to who is refused no more than an ERROR of 12; to who is let
  /// in a READY of 57 at least.
  private static let sentToStrangers: Int64 = 64 + 170 + 12 + 20
  /// Bytes a second that are no message: the handshake's, over time, and pings, which other implementations of ZMTP may send.
  private static let overlooked = 64.0
  /// A flood is looked at no less often than once in this many connections, which cost as much to accept as to look at.
  private let acceptedBetweenLooks: Int

  init(_ limits: ConnectionLimits, isPaused: @escaping () -> Bool, report: @escaping (String) -> Void) {
    self.limits = limits
    self.isPaused = isPaused
    self.report = report
    acceptedBetweenLooks = min(max(limits.strangers / 4, 1), 256)
  }

  deinit {
    release()
  }

  /// Lets go of all connections: the other ends do not learn that libzmq has closed one while there is a descriptor of it here.
  func release() {
    for connection in connections.values { close(connection.own) }
    connections = [:]
  }

  var isIdle: Bool { connections.isEmpty }

  /// Looking takes two system calls a connection.
  var interval: Duration { .milliseconds(50) + .microseconds(100) * connections.count }

  // MARK: What happens

  func accepted(_ descriptor: Int32) {
    let read = early.removeValue(forKey: descriptor) ?? 0
    ended(descriptor)
    let own = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
    // Without descriptors it is not counted; libzmq itself accepts no more then.
    guard own >= 0 else { return }
    connections[descriptor] = Connection(own: own, since: .now, read: read, looked: .now)
    if !isPaused() { departed = 0 }
    guard departed <= limits.unreadBytes else {
      return cut(descriptor, "too much unread: \(departed) bytes of connections that have ended")
    }
    acceptedSinceLook += 1
    if acceptedSinceLook >= acceptedBetweenLooks { hold() }
  }

  func ended(_ descriptor: Int32) {
    guard var connection = connections.removeValue(forKey: descriptor) else { return }
    let (unread, isKnown) = connection.look(at: .now)
    if isKnown, isPaused() { departed += unread }
    close(connection.own)
  }

  func received(_ message: Multipart) {
    guard let last = message.frames.last else { return }
    received(bytes: message.byteCount, frames: message.frames.count, over: last.descriptor)
  }

  func received(bytes: Int, frames: Int, over descriptor: Int32) {
    let count = Int64(bytes) + Int64(frames) * Self.framing
    guard connections[descriptor] != nil else {
      // Of one that has ended, or that is heard of later than its message.
      let late = min(departed, count)
      departed -= late
      if count > late { early[descriptor, default: 0] += count - late }
      return
    }
    connections[descriptor]?.read += count
    connections[descriptor]?.hasSpoken = true
  }

  // MARK: Holding to the limits

  func hold() {
    acceptedSinceLook = 0
    if !isPaused() { departed = 0 }
    var all = holdings()
    var strangers = all.filter { !$0.isKnown }
    let tooManyStrangers = strangers.count - limits.strangers
    if tooManyStrangers > 0 {
      // The oldest: a handshake takes moments, so they have had their chance.
      strangers.sort { $0.since < $1.since }
      for stranger in strangers.prefix(tooManyStrangers) {
        cut(stranger.descriptor, "too many strangers: more than \(limits.strangers) have not had their handshake")
      }
      strangers.removeFirst(tooManyStrangers)
    }
    hold(strangers, to: Int64(limits.strangerBytes), "too much from strangers:", "before their handshake")

    all.removeAll { connections[$0.descriptor] == nil }
    let tooMany = all.count - limits.connections
    if tooMany > 0 {
      // Who has come last, and of those who have said nothing first.
      all.sort { ($0.hasSpoken ? 1 : 0, $1.since) < ($1.hasSpoken ? 1 : 0, $0.since) }
      for last in all.prefix(tooMany) { cut(last.descriptor, "too many connections: more than \(limits.connections)") }
      all.removeFirst(tooMany)
    }
    hold(all, to: Int64(limits.unreadBytes) - departed, "too much unread:", "that make no message or wait to be read")
  }

  private func holdings() -> [Holding] {
    let now = ContinuousClock.now
    return connections.keys.compactMap { descriptor in
      guard let (unread, isKnown) = connections[descriptor]?.look(at: now), let connection = connections[descriptor] else {
        return nil
      }
      return Holding(
        descriptor: descriptor, since: connection.since, unread: unread, hasSpoken: connection.hasSpoken, isKnown: isKnown)
    }
  }

  /// Cuts those that hold most until all of them together are within `limit`.
  private func hold(_ holders: [Holding], to limit: Int64, _ beginning: String, _ what: String) {
    var total = holders.reduce(0) { $0 + $1.unread }
    guard total > limit else { return }
    for holder in holders.sorted(by: { $0.unread > $1.unread }) where total > max(0, limit) {
      cut(holder.descriptor, "\(beginning) \(holder.unread) bytes \(what)")
      total -= holder.unread
    }
  }

  /// Ends a connection under libzmq, which learns of it as of any other end.
  private func cut(_ descriptor: Int32, _ reason: String) {
    guard let connection = connections[descriptor] else { return }
    shutdown(connection.own, Int32(SHUT_RDWR))
    ended(descriptor)
    report("\(reason): cut a connection")
  }
}

extension Channel {
  /// Holds the connections of the socket, which is to be bound after this, to `limits`.
  ///
  /// - Parameter report: told, in a line of text, what was cut off.
  package func guardConnections(
    _ limits: ConnectionLimits, report: @escaping (String) -> Void
  ) throws(ZeroMQError) {
    let connections = ConnectionGuard(limits, isPaused: { [weak self] in self?.isPaused == true }, report: report)
    connectionGuard = connections
    var isLooking = false
    func look() {
      isLooking = !connections.isIdle
      guard isLooking, handle != nil else { return }
      connections.hold()
      loop.schedule(after: connections.interval) { look() }
    }
    try watch { event in
      switch event.kind {
      case .accepted: connections.accepted(event.value)
      case .disconnected: connections.ended(event.value)
      default: return
      }
      if !isLooking { look() }
    }
  }
}
