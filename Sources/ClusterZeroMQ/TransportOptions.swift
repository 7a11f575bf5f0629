internal import Glibc
internal import Limits
internal import ZeroMQ

/// How each plane's sockets are set up, at both ends of a connection.
struct TransportOptions {
  let limits: Limits
  /// Whether the learner's address is one of IPv6.
  let allowsIPv6: Bool

  private static let routingID = 256
  /// Descriptors that are not for connections: files, journal, logs, what a process starts.
  private static let otherDescriptors = 256

  /// The learner's ROUTER, which gets short messages and sends long ones: before each the routing id of its peer, after it
  /// the payload of a chunk.
  func control(_ security: SocketOptions.Security) -> SocketOptions {
    options(security, receiving: message(limits.messages.fromPeer), sending: message(limits.messages.control))
  }

  /// A peer's DEALER, the other way around. A chunk and its header are no more than the largest message.
  func peerControl(_ security: SocketOptions.Security) -> SocketOptions {
    options(security, receiving: message(limits.messages.control), sending: message(limits.messages.fromPeer))
  }

  /// The learner's PUB, which gets nothing but what its peers subscribe to.
  func broadcast(_ security: SocketOptions.Security) -> SocketOptions {
    options(security, receiving: message(limits.sockets.subscription, frames: 1), sending: message(limits.messages.control))
  }

  /// A worker's SUB. One that falls behind misses announcements, and asks the learner where it is.
  func subscription(_ security: SocketOptions.Security) -> SocketOptions {
    options(security, receiving: message(limits.messages.control, frames: 1))
  }

  /// PUSH and PULL.
  func data(_ security: SocketOptions.Security) -> SocketOptions {
    options(security, receiving: message(limits.messages.data, frames: 1))
  }

  var controlQueue: QueueLimits {
    QueueLimits(
      messages: limits.sockets.outgoing, bytes: limits.sockets.outgoingBytes, totalBytes: limits.sockets.outgoingTotal,
      destinations: limits.messages.peers)
  }

  var dataQueue: QueueLimits {
    QueueLimits(messages: limits.messages.waiting, bytes: limits.messages.data)
  }

  var controlConnections: ConnectionLimits { connections(unreadBytes: limits.sockets.unreadControl) }
  var subscriberConnections: ConnectionLimits { connections(unreadBytes: limits.sockets.unreadSubscriptions) }
  var dataConnections: ConnectionLimits { connections(unreadBytes: limits.sockets.unreadData) }

  /// Bytes that may wait for the reader of `inbound` before sockets are no longer read.
  var inboundBytes: Int { limits.messages.waitingBytes }
  var inboundCount: Int { limits.messages.waiting }

  /// ZAP domains. One authenticator serves a process's sockets, and each socket must name one.
  static let domain = "sophia"

  private func message(_ bytes: Int, frames: Int? = nil) -> MessageLimits {
    MessageLimits(frames: frames ?? limits.sockets.frames, frameBytes: bytes, messageBytes: bytes + Self.routingID)
  }

  private func options(
    _ security: SocketOptions.Security, receiving: MessageLimits, sending: MessageLimits? = nil
  ) -> SocketOptions {
    var options = SocketOptions()
    options.security = security
    options.allowsIPv6 = allowsIPv6
    options.limits = receiving
    options.sendingLimits = sending
    options.handshakeTimeout = .seconds(limits.sockets.handshake)
    options.keepalive = .seconds(limits.sockets.keepalive)
    options.silence = .seconds(limits.sockets.silence)
    options.sendHighWaterMark = Int32(limits.sockets.highWaterMark)
    options.receiveHighWaterMark = Int32(limits.sockets.highWaterMark)
    return options
  }

  private func connections(unreadBytes: Int) -> ConnectionLimits {
    let sockets = limits.sockets
    // A learner has three bound sockets, and each connection takes two descriptors. Strangers must not take those that it writes
    // its checkpoints with.
    let most = max(32, (Self.descriptors - Self.otherDescriptors) / 6)
    return ConnectionLimits(
      connections: min(sockets.connections, most), strangers: min(sockets.strangers, most / 2),
      strangerBytes: sockets.strangerBytes, unreadBytes: unreadBytes)
  }

  private static var descriptors: Int {
    var limit = rlimit()
    getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    return Int(clamping: limit.rlim_cur)
  }
}

/// What a log says of somebody who is not let in.
func turnedAway(_ key: PublicKey?, from address: String) -> String {
  "turned away \(key.map { "the unregistered key \($0)" } ?? "a peer without a key") from \(address)"
}
