internal import CZeroMQ
internal import Glibc

/// A ZeroMQ socket: one owner, closed when that owner lets go of it, used by one thread at a time.
///
/// No call here waits except those that say how long.
package struct Socket<Pattern: SocketPattern>: ~Copyable {
  let handle: UnsafeMutableRawPointer
  let context: ZeroMQContext
  private let limits: MessageLimits
  private let sendingLimits: MessageLimits

  package init(_ context: ZeroMQContext, _ options: SocketOptions) throws(ZeroMQError) {
    let handle = try context.openSocket(type: Pattern.type)
    do throws(ZeroMQError) {
      try options.apply(to: handle, type: Pattern.type)
    } catch {
      context.closeSocket(handle)
      throw error
    }
    self.handle = handle
    self.context = context
    limits = options.limits
    sendingLimits = options.sendingLimits ?? options.limits
  }

  deinit {
    context.closeSocket(handle)
  }

  /// - Returns: the endpoint as bound, with the port that was chosen where `endpoint` ends in `:*`.
  @discardableResult
  package func bind(_ endpoint: String) throws(ZeroMQError) -> String {
    try Self.checkPort(endpoint)
    guard zmq_bind(handle, endpoint) == 0 else { throw .last("bind", endpoint) }
    var name = [CChar](repeating: 0, count: 1024)
    var size = name.count
    guard zmq_getsockopt(handle, ZMQ_LAST_ENDPOINT, &name, &size) == 0 else { throw .last("name", endpoint) }
    return String(decoding: name.prefix(max(0, size - 1)).map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  /// Begins to connect, and connects again whenever the connection is lost.
  package func connect(_ endpoint: String) throws(ZeroMQError) {
    try Self.checkPort(endpoint)
    guard zmq_connect(handle, endpoint) == 0 else { throw .last("connect to", endpoint) }
  }

  /// From now on, what is unsent keeps the socket alive after it is closed for at most `period`.
  func linger(for period: Duration) throws(ZeroMQError) {
    try OptionSetter(socket: handle).set(ZMQ_LINGER, milliseconds: period)
  }

  package func disconnect(_ endpoint: String) throws(ZeroMQError) {
    guard zmq_disconnect(handle, endpoint) == 0 else { throw .last("disconnect from", endpoint) }
  }

  /// libzmq takes the low 16 bits of a port that is too large.
  private static func checkPort(_ endpoint: String) throws(ZeroMQError) {
    guard endpoint.hasPrefix("tcp://"), let colon = endpoint.lastIndex(of: ":") else { return }
    let port = endpoint[colon...].dropFirst()
    guard port == "*" || UInt16(port) != nil else {
      throw ZeroMQError(
        code: "bad-endpoint", message: "\(endpoint) has no port between 0 and 65535",
        advice: "write endpoints as tcp://HOST:PORT")
    }
  }

  /// Waits until one of `events` can be done or `timeout` is over.
  private func wait(for events: Int32, within timeout: Duration) throws(ZeroMQError) -> Bool {
    let deadline = ContinuousClock.now + timeout
    while true {
      var item = zmq_pollitem_t(socket: handle, fd: 0, events: Int16(events), revents: 0)
      let left = max(.zero, deadline - .now)
      let count = zmq_poll(&item, 1, Int(left.milliseconds))
      if count >= 0 { return count > 0 }
      guard zmq_errno() == EINTR else { throw .last("wait on", "a socket") }
    }
  }
}

extension Socket where Pattern: SendingPattern {
  /// Sends all frames or none, without waiting.
  ///
  /// - Returns: false if no peer can take the message now.
  /// - Throws: `zeromq.unknown-peer` for a router's target that is not connected, and for what breaks the limits
  ///   `zeromq.too-large` or `zeromq.frame-count`.
  package func trySend(_ message: Multipart) throws(ZeroMQError) -> Bool {
    try attemptSend(message)
  }

  /// Sends all frames or none, waiting up to `timeout` for a peer to take them.
  package func send(_ message: Multipart, within timeout: Duration) throws(ZeroMQError) {
    let deadline = ContinuousClock.now + timeout
    while try !trySend(message) {
      guard try wait(for: ZMQ_POLLOUT, within: max(.zero, deadline - .now)) else {
        throw ZeroMQError(
          code: "send-timeout", message: "no peer took a message of \(message.byteCount) bytes within \(timeout)",
          advice: "check that the other side is running and connected")
      }
    }
  }

}

extension Socket where Pattern: ReceivingPattern {
  /// Takes the next whole message, if one has arrived.
  package func tryReceive() throws(ZeroMQError) -> Reception {
    try attemptReceive()
  }

  /// Takes the next whole message, waiting up to `timeout` for it.
  ///
  /// - Throws: `zeromq.receive-timeout`.
  package func receive(within timeout: Duration) throws(ZeroMQError) -> Reception {
    let deadline = ContinuousClock.now + timeout
    while true {
      let reception = try tryReceive()
      guard case .nothing = reception else { return reception }
      guard try wait(for: ZMQ_POLLIN, within: max(.zero, deadline - .now)) else {
        throw ZeroMQError(
          code: "receive-timeout", message: "no message came within \(timeout)",
          advice: "check that the other side is running and connected")
      }
    }
  }
}

extension Socket where Pattern == Subscribe {
  /// Asks for the messages whose first frame begins with `prefix`.
  package func subscribe(to prefix: [UInt8]) throws(ZeroMQError) {
    try OptionSetter(socket: handle).set(ZMQ_SUBSCRIBE, prefix)
  }
}

// What channels do, which know only at run time whether their pattern sends and receives.
extension Socket {
  func attemptSend(_ message: Multipart) throws(ZeroMQError) -> Bool {
    try sendingLimits.check(message)
    var isLost = false
    for (index, frame) in message.frames.enumerated() {
      let more = index + 1 < message.frames.count
      if try send(frame, more: more) { continue }
      if index == 0 { return false }
      // The peer went away in the middle. libzmq has withdrawn the frames before this one and discards those after
      // it up to the last, which therefore must still be handed over before the message can be tried again.
      isLost = true
    }
    return !isLost
  }

  private func send(_ frame: Message, more: Bool) throws(ZeroMQError) -> Bool {
    try withUnsafeTemporaryAllocation(of: zmq_msg_t.self, capacity: 1) { buffer throws(ZeroMQError) in
      guard let copy = buffer.baseAddress else { return false }
      frame.share(into: copy)
      while zmq_msg_send(copy, handle, ZMQ_DONTWAIT | (more ? ZMQ_SNDMORE : 0)) < 0 {
        let number = zmq_errno()
        if number == EINTR { continue }
        let error = ZeroMQError.last("send to", "a peer")
        zmq_msg_close(copy)
        if number == EAGAIN { return false }
        throw error
      }
      return true
    }
  }

  func attemptReceive() throws(ZeroMQError) -> Reception {
    guard var (frame, more) = try receiveFrame() else { return .nothing }
    var frames = [frame]
    var count = 1
    var bytes = frame.count
    // libzmq delivers messages whole: the frames after the first are all here.
    while more, let next = try receiveFrame() {
      (frame, more) = next
      count += 1
      bytes += frame.count
      if count <= limits.frames, bytes <= limits.messageBytes { frames.append(frame) } else { frames = [] }
    }
    guard count <= limits.frames, bytes <= limits.messageBytes else {
      return .refused(Refusal(frames: count, bytes: bytes, authenticatedUser: frame.authenticatedUser, descriptor: frame.descriptor))
    }
    return .message(Multipart(frames))
  }

  private func receiveFrame() throws(ZeroMQError) -> (frame: Message, more: Bool)? {
    let raw = UnsafeMutablePointer<zmq_msg_t>.allocate(capacity: 1)
    zmq_msg_init(raw)
    while zmq_msg_recv(raw, handle, ZMQ_DONTWAIT) < 0 {
      let number = zmq_errno()
      if number == EINTR { continue }
      let error = ZeroMQError.last("receive from", "a peer")
      zmq_msg_close(raw)
      raw.deallocate()
      if number == EAGAIN { return nil }
      throw error
    }
    let more = zmq_msg_more(raw) != 0
    return (Message(receivedIn: raw), more)
  }
}
