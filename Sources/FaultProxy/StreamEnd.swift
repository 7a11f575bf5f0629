internal import CLinux
internal import Glibc

/// The proxy's side of one TCP connection, and what the kernel said of it.
///
/// Events come edge-triggered: what was said holds until a call finds it no longer true.
struct StreamEnd {
  enum Received {
    case bytes(UnsafeMutableRawBufferPointer)
    case nothing
    case end(Flow.Ending)
  }

  enum Sent {
    case bytes(Int)
    case full
    /// The peer is gone. What it had sent before may still be read.
    case broken
  }

  let descriptor: Int32
  var token: UInt64 = 0
  var isReadable = false
  var isWritable = false
  /// The kernel tells of a failure once, to whoever asks first.
  private var isBroken = false

  init(descriptor: Int32) {
    self.descriptor = descriptor
  }

  mutating func note(_ events: UInt32) {
    let isOver = events & (EPOLLHUP.rawValue | EPOLLERR.rawValue) != 0
    if isOver || events & (EPOLLIN.rawValue | EPOLLRDHUP.rawValue) != 0 { isReadable = true }
    if isOver || events & EPOLLOUT.rawValue != 0 { isWritable = true }
  }

  /// - Parameter memory: where to put bytes, at most `limit`, which is above 0.
  mutating func receive(into memory: UnsafeMutableRawBufferPointer, atMost limit: Int) -> Received {
    guard isReadable else { return .nothing }
    while true {
      let count = recv(descriptor, memory.baseAddress, min(limit, memory.count), 0)
      if count > 0 { return .bytes(UnsafeMutableRawBufferPointer(rebasing: memory[..<count])) }
      if count < 0, errno == EINTR { continue }
      isReadable = false
      if count < 0, errno == EAGAIN { return .nothing }
      return .end(count == 0 && !isBroken ? .finished : .reset)
    }
  }

  mutating func send(_ bytes: UnsafeRawBufferPointer) -> Sent {
    guard isWritable else { return .full }
    while true {
      let count = Glibc.send(descriptor, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
      if count >= 0 { return .bytes(count) }
      if errno == EINTR { continue }
      isWritable = false
      if errno == EAGAIN { return .full }
      (isBroken, isReadable) = (true, true)
      return .broken
    }
  }

  /// Tells the peer that no more bytes come.
  func finish() {
    _ = shutdown(descriptor, Int32(SHUT_WR))
  }
}
