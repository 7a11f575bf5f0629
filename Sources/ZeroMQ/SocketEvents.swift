internal import CZeroMQ
internal import Synchronization

/// Something that happened to a connection of a socket.
package struct SocketEvent: Sendable, Hashable {
  package let kind: Kind
  package let endpoint: String
  /// The connection's descriptor, of events that speak of one.
  let value: Int32

  package enum Kind: Sendable, Hashable {
    case listening
    /// A bound socket has accepted a connection, which is not authenticated yet.
    case accepted
    /// A connecting socket has a connection, which is not authenticated yet.
    case connected
    /// An attempt to connect is on its way.
    case connecting
    /// A connecting socket will try again.
    case connectRetried
    /// Both sides are authenticated: messages flow.
    case handshakeSucceeded
    case handshakeFailed(HandshakeFailure)
    case disconnected
    /// The socket is being closed and there will be no more events.
    case ended
    case other(UInt16)
  }

  package enum HandshakeFailure: Sendable, Hashable {
    /// The authenticator refused the peer; a status of ZAP.
    case refused(status: UInt32)
    /// The sides speak differently: plain against CURVE, a wrong server key, or no ZMTP at all. A number of libzmq.
    case protocolError(UInt32)
    /// The connection was cut. A system error number.
    case cut(UInt32)
  }

  init(kind: Kind, endpoint: String, value: Int32 = -1) {
    self.kind = kind
    self.endpoint = endpoint
    self.value = value
  }

  /// - Parameter message: what libzmq's monitor sends: a frame of event number and value, and one with the endpoint.
  init?(_ message: Multipart) {
    guard message.frames.count == 2, message.frames[0].count == 6 else { return nil }
    let (number, value) = message.frames[0].withUnsafeBytes {
      ($0.loadUnaligned(as: UInt16.self), $0.loadUnaligned(fromByteOffset: 2, as: UInt32.self))
    }
    self.value = Int32(truncatingIfNeeded: value)
    endpoint = message.frames[1].withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
    kind =
      switch Int32(number) {
      case ZMQ_EVENT_LISTENING: .listening
      case ZMQ_EVENT_ACCEPTED: .accepted
      case ZMQ_EVENT_CONNECTED: .connected
      case ZMQ_EVENT_CONNECT_DELAYED: .connecting
      case ZMQ_EVENT_CONNECT_RETRIED: .connectRetried
      case ZMQ_EVENT_HANDSHAKE_SUCCEEDED: .handshakeSucceeded
      case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH: .handshakeFailed(.refused(status: value))
      case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL: .handshakeFailed(.protocolError(value))
      case ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL: .handshakeFailed(.cut(value))
      case ZMQ_EVENT_DISCONNECTED: .disconnected
      case ZMQ_EVENT_MONITOR_STOPPED: .ended
      default: .other(number)
      }
  }
}

extension Channel {
  /// Calls `handler`, on the loop's thread, with what happens to the connections from now on.
  package func watch(_ handler: @escaping (SocketEvent) -> Void) throws(ZeroMQError) {
    if !isWatched { try beginWatching() }
    onEvent.append(handler)
  }

  /// What happens to the connections from now on, until the socket is closed; a reader who falls far behind misses the
  /// oldest.
  package func events() throws(ZeroMQError) -> AsyncStream<SocketEvent> {
    let (events, continuation) = AsyncStream.makeStream(of: SocketEvent.self, bufferingPolicy: .bufferingNewest(256))
    try watch { event in
      continuation.yield(event)
      if event.kind == .ended { continuation.finish() }
    }
    return events
  }

  private func beginWatching() throws(ZeroMQError) {
    guard let handle else { throw .closed }
    let endpoint = "inproc://events-\(nextMonitor.add(1, ordering: .relaxed).newValue)"
    guard zmq_socket_monitor(handle, endpoint, Int32(ZMQ_EVENT_ALL)) == 0 else {
      throw .last("watch", "a socket")
    }
    isWatched = true
    var options = SocketOptions()
    options.linger = .zero
    let socket = try Socket<Pair>(loop.context, options)
    try socket.connect(endpoint)
    let reports = loop.register(socket)
    reports.onReceive = { [unowned reports, weak self] message in
      guard let event = SocketEvent(message) else { return }
      self?.announce(event)
      if event.kind == .ended { reports.close() }
    }
  }
}

/// Monitors of one context need names of their own.
private let nextMonitor = Atomic<UInt64>(0)
