internal import CZeroMQ

/// What all channels tell their owners, whatever their pattern.
package protocol MonitoredChannel: AnyObject {
  var onRefuse: ((Refusal) -> Void)? { get set }
  var onFailure: ((ZeroMQError) -> Void)? { get set }
}

/// A socket on a `PollLoop`: receives when something has arrived, sends without waiting, and keeps a bounded queue of
/// what could not be sent yet. Lives on the loop's thread.
package final class Channel<Pattern: SocketPattern>: PolledSocket, MonitoredChannel {
  /// Called with each message. While nil nothing is read, and peers are held back by their high-water marks.
  package var onReceive: ((Multipart) -> Void)?
  /// Called with what was thrown away for breaking the limits.
  package var onRefuse: ((Refusal) -> Void)?
  /// Called when, after something had to wait, nothing waits any more.
  package var onDrained: (() -> Void)?
  /// Called with the number of messages given up: a router's target went away while they waited for it.
  package var onUndeliverable: ((_ routingID: [UInt8], _ messages: Int) -> Void)?
  /// Called if the socket can no longer be used, before it is closed.
  package var onFailure: ((ZeroMQError) -> Void)?
  /// Called when the socket has been closed, by whomever.
  var onClose: (() -> Void)?
  /// Called with what happens to the connections; see `watch`.
  var onEvent: [(SocketEvent) -> Void] = []
  var isWatched = false
  /// Set by `guardConnections`.
  var connectionGuard: ConnectionGuard?
  /// Set to stop reading for a while.
  package var isPaused = false

  let loop: PollLoop
  private var socket: Socket<Pattern>?
  private let queueLimits: QueueLimits
  /// One queue, or a router's one for each target, in the order in which they began to wait.
  private var waiting: [(target: [UInt8], queue: OutgoingQueue)] = []
  private var isRetrying = false

  /// What one turn may receive or send, so that other sockets get theirs.
  private static var messagesInTurn: Int { 64 }
  private static var bytesInTurn: Int { 8 << 20 }
  /// libzmq does not say when one target of a router can take more, so that is tried this often.
  private static var retryInterval: Duration { .milliseconds(5) }

  init(_ socket: consuming Socket<Pattern>, on loop: PollLoop, queue: QueueLimits) {
    handle = socket.handle
    self.socket = consume socket
    self.loop = loop
    queueLimits = queue
  }

  // MARK: Polling

  private(set) var handle: UnsafeMutableRawPointer?

  var hasQueued: Bool { !waiting.isEmpty }

  var interest: Int32 {
    let reads = Pattern.receives && onReceive != nil && !isPaused
    let writes = hasQueued && Pattern.type != Router.type
    return (reads ? ZMQ_POLLIN : 0) | (writes ? ZMQ_POLLOUT : 0)
  }

  func ready(_ events: Int32) {
    if events & ZMQ_POLLOUT != 0 { flush() }
    if events & ZMQ_POLLIN != 0 { receive() }
  }

  func retry() {
    isRetrying = false
    flush()
  }

  /// Closes the socket. What libzmq has of its messages is still sent within the linger; what waits here is dropped.
  package func close() {
    close(linger: nil)
  }

  func close(linger: Duration?) {
    guard handle != nil else { return }
    if let linger { try? withSocket { socket throws(ZeroMQError) in try socket.linger(for: linger) } }
    handle = nil
    socket = nil
    waiting = []
    loop.forget(self)
    announce(SocketEvent(kind: .ended, endpoint: ""))
    onClose?()
    connectionGuard?.release()
    connectionGuard = nil
    // They refer to their owners, which refer to this channel.
    (onReceive, onRefuse, onDrained) = (nil, nil, nil)
    (onUndeliverable, onFailure, onClose, onEvent) = (nil, nil, nil, [])
  }

  func announce(_ event: SocketEvent) {
    for handler in onEvent { handler(event) }
  }

  // MARK: Receiving

  private func receive() {
    var bytes = 0
    for _ in 0..<Self.messagesInTurn where bytes < Self.bytesInTurn {
      guard let onReceive, !isPaused, let reception = receiveOne() else { return }
      switch reception {
      case .nothing: return
      case .message(let message):
        bytes += message.byteCount
        connectionGuard?.received(message)
        onReceive(message)
      case .refused(let refusal):
        bytes += refusal.bytes
        connectionGuard?.received(bytes: refusal.bytes, frames: refusal.frames, over: refusal.descriptor)
        onRefuse?(refusal)
      }
    }
  }

  /// - Returns: nil after an error, which has been reported and has closed the socket.
  private func receiveOne() -> Reception? {
    do throws(ZeroMQError) {
      return try withSocket { socket throws(ZeroMQError) in try socket.attemptReceive() }
    } catch {
      onFailure?(error)
      close()
      return nil
    }
  }

  private func withSocket<Result>(
    _ body: (borrowing Socket<Pattern>) throws(ZeroMQError) -> Result
  ) throws(ZeroMQError) -> Result {
    switch socket {
    case .some(let socket): return try body(socket)
    case nil: throw .closed
    }
  }

  // MARK: Sending

  private func enqueueOrSend(_ message: Multipart) throws(ZeroMQError) -> SendOutcome {
    let target = Pattern.type == Router.type ? message.frames.first?.bytes ?? [] : []
    if let index = waiting.firstIndex(where: { $0.target == target }) {
      guard hasRoom(for: message) else { return .full }
      guard waiting[index].queue.append(message) else { return .full }
      return .queued(messages: waiting[index].queue.count)
    }
    if try withSocket({ socket throws(ZeroMQError) in try socket.attemptSend(message) }) { return .sent }
    guard waiting.count < queueLimits.destinations, hasRoom(for: message) else { return .full }
    var queue = OutgoingQueue(queueLimits)
    _ = queue.append(message)
    waiting.append((target, queue))
    retryLater()
    return .queued(messages: 1)
  }

  private func hasRoom(for message: Multipart) -> Bool {
    queueLimits.totalBytes == .max || waiting.reduce(message.byteCount) { $0 + $1.queue.bytes } <= queueLimits.totalBytes
  }

  private func flush() {
    guard hasQueued, handle != nil else { return }
    var turns = Self.messagesInTurn
    for index in waiting.indices {
      while turns > 0, let message = waiting[index].queue.first {
        turns -= 1
        do throws(ZeroMQError) {
          guard try withSocket({ socket throws(ZeroMQError) in try socket.attemptSend(message) }) else { break }
          waiting[index].queue.removeFirst()
        } catch {
          // A router's target is gone; any other socket cannot go on.
          guard Pattern.type == Router.type else {
            onFailure?(error)
            close()
            return
          }
          let count = waiting[index].queue.count
          waiting[index].queue = OutgoingQueue(queueLimits)
          onUndeliverable?(waiting[index].target, count)
        }
      }
    }
    waiting.removeAll { $0.queue.isEmpty }
    if waiting.isEmpty { onDrained?() } else { retryLater() }
  }

  private func retryLater() {
    guard Pattern.type == Router.type, !isRetrying else { return }
    isRetrying = true
    loop.retry(self, after: Self.retryInterval)
  }
}

extension Channel where Pattern: SendingPattern {
  /// Sends all frames or none, now or as soon as the destination can take them, in the order of the calls.
  ///
  /// - Parameter message: for a router, its first frame is the target's routing id.
  /// - Throws: `zeromq.unknown-peer` for a router's target that is not connected, `zeromq.closed`, and for what breaks
  ///   the limits `zeromq.too-large` or `zeromq.frame-count`.
  package func send(_ message: Multipart) throws(ZeroMQError) -> SendOutcome {
    try enqueueOrSend(message)
  }
}

extension Channel {
  /// - Returns: the endpoint as bound, with the port that was chosen where `endpoint` ends in `:*`.
  @discardableResult
  package func bind(_ endpoint: String) throws(ZeroMQError) -> String {
    try withSocket { socket throws(ZeroMQError) in try socket.bind(endpoint) }
  }

  package func connect(_ endpoint: String) throws(ZeroMQError) {
    try withSocket { socket throws(ZeroMQError) in try socket.connect(endpoint) }
  }

  package func disconnect(_ endpoint: String) throws(ZeroMQError) {
    try withSocket { socket throws(ZeroMQError) in try socket.disconnect(endpoint) }
  }
}
