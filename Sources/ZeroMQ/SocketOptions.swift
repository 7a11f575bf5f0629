internal import CZeroMQ
internal import Limits

/// Every setting of a socket, in one place. The same struct serves both ends of a connection.
package struct SocketOptions: Sendable {
  package var security = Security.none
  /// Of what is received, and of what is sent where `sendingLimits` says nothing else.
  package var limits = MessageLimits()
  package var sendingLimits: MessageLimits?

  /// Messages that may wait for one peer on the sending side before sends block (or, publishing, are dropped).
  package var sendHighWaterMark: Int32 = 256
  /// Messages that may wait from one peer on the receiving side before the peer is no longer read from.
  package var receiveHighWaterMark: Int32 = 256
  /// How long unsent messages keep a closed socket alive. Never without bound.
  package var linger = Duration.seconds(1)

  /// A connection that has not finished its handshake by then is cut.
  package var handshakeTimeout = Duration.seconds(Limits.standard.sockets.handshake)
  /// How long the operating system may take over one attempt to connect.
  package var connectTimeout = Duration.seconds(5)
  package var reconnectInterval = Duration.milliseconds(100)
  /// The interval doubles up to this.
  package var reconnectIntervalMaximum = Duration.seconds(5)
  /// Of an idle connection, until the operating system asks whether the other end is there still, and between its questions.
  package var keepalive = Duration.seconds(Limits.standard.sockets.keepalive)
  /// Without any sign of the other end's operating system, after which a connection is cut.
  ///
  /// ZMTP has pings for that, and libzmq 4.3.4 ends the process over them: where a peer's connection fails while its messages
  /// are not being taken, because the queue is full or the socket is lingering, the next ping asserts (`!_io_error`).
  package var silence = Duration.seconds(Limits.standard.sockets.silence)

  /// Queue messages only for connections that have been made, not for those still hoped for.
  package var onlyForConnected = true
  /// A name for this socket that a router sees instead of one of its own making; 1 to 255 bytes, the first not 0.
  package var routingID: [UInt8]?
  /// Router: an unknown target is an error, and a full one blocks, instead of losing the message in silence.
  package var routerRefusesUnknownTarget = true
  /// Router: a new connection with a routing id in use takes it over. Off, so that an id cannot be stolen.
  package var routerHandsOverRoutingID = false
  /// Accept and make IPv6 connections too.
  package var allowsIPv6 = false
  /// Connections that may wait to be accepted.
  package var backlog: Int32 = 100

  package init() {}

  /// How a connection is authenticated and encrypted.
  package enum Security: Sendable {
    /// Neither. For `inproc`, tests and runs told to be insecure.
    case none
    /// CURVE, this end proves itself with `keys` and admits whom the authenticator allows in `domain` (not empty).
    case server(keys: KeyPair, domain: String)
    /// CURVE, this end proves itself with `keys` and talks to the holder of `server`'s secret half only.
    case client(keys: KeyPair, server: PublicKey)
  }
}

extension SocketOptions {
  /// What CURVE adds to a frame: a command name, a nonce, an authenticator and a flag byte (33 bytes), rounded up.
  private static let curveOverhead = 64

  /// Sets every option on a socket of pattern `type`, before it is bound or connected.
  func apply(to socket: UnsafeMutableRawPointer, type: Int32) throws(ZeroMQError) {
    let setter = OptionSetter(socket: socket)
    try setter.set(ZMQ_MAXMSGSIZE, wide: Int64(limits.frameBytes + Self.curveOverhead))
    try setter.set(ZMQ_SNDHWM, sendHighWaterMark)
    try setter.set(ZMQ_RCVHWM, receiveHighWaterMark)
    try setter.set(ZMQ_LINGER, milliseconds: linger)
    try setter.set(ZMQ_HANDSHAKE_IVL, milliseconds: handshakeTimeout)
    try setter.set(ZMQ_CONNECT_TIMEOUT, milliseconds: connectTimeout)
    try setter.set(ZMQ_RECONNECT_IVL, milliseconds: reconnectInterval)
    try setter.set(ZMQ_RECONNECT_IVL_MAX, milliseconds: reconnectIntervalMaximum)
    try setter.set(ZMQ_TCP_KEEPALIVE, 1)
    try setter.set(ZMQ_TCP_KEEPALIVE_IDLE, Int32(clamping: keepalive.components.seconds))
    try setter.set(ZMQ_TCP_KEEPALIVE_INTVL, Int32(clamping: keepalive.components.seconds))
    try setter.set(ZMQ_TCP_KEEPALIVE_CNT, Int32(clamping: silence.components.seconds / max(1, keepalive.components.seconds)))
    // Linux's TCP_USER_TIMEOUT: of what was sent, too.
    try setter.set(ZMQ_TCP_MAXRT, milliseconds: silence)
    try setter.set(ZMQ_IMMEDIATE, onlyForConnected ? 1 : 0)
    try setter.set(ZMQ_IPV6, allowsIPv6 ? 1 : 0)
    try setter.set(ZMQ_BACKLOG, backlog)
    if let routingID { try setter.set(ZMQ_ROUTING_ID, routingID) }
    if type == ZMQ_ROUTER {
      try setter.set(ZMQ_ROUTER_MANDATORY, routerRefusesUnknownTarget ? 1 : 0)
      try setter.set(ZMQ_ROUTER_HANDOVER, routerHandsOverRoutingID ? 1 : 0)
    }
    try applySecurity(setter)
  }

  private func applySecurity(_ setter: OptionSetter) throws(ZeroMQError) {
    // Without it libzmq lets everyone in when no authenticator is running.
    try setter.set(ZMQ_ZAP_ENFORCE_DOMAIN, 1)
    switch security {
    case .none: break
    case .server(let keys, let domain):
      // With an empty domain libzmq never asks the authenticator.
      precondition(!domain.isEmpty, "a CURVE server needs a ZAP domain")
      try setter.set(ZMQ_CURVE_SERVER, 1)
      try setter.set(ZMQ_CURVE_PUBLICKEY, keys.publicKey.bytes)
      try keys.withSecret { secret throws(ZeroMQError) in try setter.set(ZMQ_CURVE_SECRETKEY, secret) }
      try setter.set(ZMQ_ZAP_DOMAIN, Array(domain.utf8))
    case .client(let keys, let server):
      try setter.set(ZMQ_CURVE_PUBLICKEY, keys.publicKey.bytes)
      try keys.withSecret { secret throws(ZeroMQError) in try setter.set(ZMQ_CURVE_SECRETKEY, secret) }
      try setter.set(ZMQ_CURVE_SERVERKEY, server.bytes)
    }
  }
}

/// `zmq_setsockopt` for the types it takes.
struct OptionSetter {
  let socket: UnsafeMutableRawPointer

  func set(_ option: Int32, _ value: Int32) throws(ZeroMQError) {
    try check(withUnsafeBytes(of: value) { zmq_setsockopt(socket, option, $0.baseAddress, $0.count) }, option)
  }

  func set(_ option: Int32, wide value: Int64) throws(ZeroMQError) {
    try check(withUnsafeBytes(of: value) { zmq_setsockopt(socket, option, $0.baseAddress, $0.count) }, option)
  }

  func set(_ option: Int32, milliseconds duration: Duration) throws(ZeroMQError) {
    try set(option, Int32(clamping: duration.milliseconds))
  }

  func set(_ option: Int32, _ bytes: [UInt8]) throws(ZeroMQError) {
    try check(zmq_setsockopt(socket, option, bytes, bytes.count), option)
  }

  private func check(_ status: Int32, _ option: Int32) throws(ZeroMQError) {
    guard status == 0 else {
      throw ZeroMQError(
        code: "bad-option",
        message: "libzmq refuses a value for socket option \(option): \(String(cString: zmq_strerror(zmq_errno())))",
        advice: "check the transport's settings, and that libzmq is 4.3 with CURVE")
    }
  }
}

extension Duration {
  /// Whole milliseconds, rounded up, so that a wait never ends early.
  var milliseconds: Int64 {
    let (seconds, attoseconds) = components
    return seconds * 1000 + (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000
  }
}
