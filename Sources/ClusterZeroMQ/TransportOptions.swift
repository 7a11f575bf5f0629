internal import Rollout
internal import ZeroMQ

/// How each plane's sockets are set up: the same at both ends of a connection.
struct TransportOptions {
  let limits: Limits
  /// Whether the learner's address is one of IPv6.
  let allowsIPv6: Bool

  private static let routingID = 256
  /// Messages that libzmq holds for one peer; what it does not take waits in the process, bounded in bytes too.
  private static let highWaterMark: Int32 = 16

  /// DEALER and ROUTER: a message, before it the routing id of a router's peer, after it the payload of a chunk. A chunk
  /// and its header are no more than the largest message.
  func control(_ security: SocketOptions.Security) -> SocketOptions {
    options(security, frames: 3, frameBytes: limits.controlMessage)
  }

  /// PUB and SUB. A subscriber that falls behind misses announcements, and asks the learner where it is.
  func broadcast(_ security: SocketOptions.Security) -> SocketOptions {
    options(security, frames: 1, frameBytes: limits.controlMessage)
  }

  /// PUSH and PULL.
  func data(_ security: SocketOptions.Security) -> SocketOptions {
    options(security, frames: 1, frameBytes: limits.dataMessage)
  }

  var controlQueue: QueueLimits {
    QueueLimits(messages: 1024, bytes: 8 * limits.controlMessage, destinations: limits.peers)
  }

  var dataQueue: QueueLimits {
    QueueLimits(messages: limits.queuedGroups, bytes: limits.dataMessage)
  }

  /// Bytes that may wait for the reader of `inbound` before sockets are no longer read.
  var inboundBytes: Int { limits.dataMessage }
  var inboundCount: Int { limits.queuedGroups }

  /// ZAP domains. One authenticator serves a process's sockets, and each socket must name one.
  static let domain = "sophia"

  private func options(_ security: SocketOptions.Security, frames: Int, frameBytes: Int) -> SocketOptions {
    var options = SocketOptions()
    options.security = security
    options.allowsIPv6 = allowsIPv6
    options.limits = MessageLimits(
      frames: frames, frameBytes: frameBytes, messageBytes: frameBytes + Self.routingID)
    options.sendHighWaterMark = Self.highWaterMark
    options.receiveHighWaterMark = Self.highWaterMark
    return options
  }
}
