internal import Foundation

/// One client's connection. Whoever answers may send what it likes, HTTP or not.
package struct HTTPConnection: ~Copyable {
  private let descriptor: Int32
  private let bounds: HTTPServerBounds
  private var buffer: [UInt8] = []
  /// Bytes of the buffer in which a head does not end: a client that sends byte by byte is not to make others wait.
  private var searched = 0

  init(descriptor: Int32, bounds: HTTPServerBounds) {
    self.descriptor = descriptor
    self.bounds = bounds
  }

  /// - Returns: nil once the connection is closed, takes too long, or speaks something else.
  mutating func next() -> HTTPServerRequest? {
    let deadline = Deadline(after: bounds.seconds)
    var end = headEnd()
    while end == nil {
      guard buffer.count < bounds.head, receive(before: deadline) else { return nil }
      end = headEnd()
    }
    guard let end, let head = HTTPHead(String(decoding: buffer[..<end], as: UTF8.self)), head.length <= bounds.body else { return nil }
    let start = end + 4
    while buffer.count < start + head.length { guard receive(before: deadline) else { return nil } }
    let body = Array(buffer[start..<start + head.length])
    buffer.removeFirst(start + head.length)
    searched = 0
    return HTTPServerRequest(method: head.method, target: head.target, headers: head.headers, body: body, isLast: head.isLast)
  }

  /// - Returns: whether the client took it.
  package borrowing func send(_ response: HTTPServerResponse) -> Bool { send(response.bytes) }

  package borrowing func send(_ bytes: [UInt8]) -> Bool {
    let deadline = Deadline(after: bounds.seconds)
    var sent = 0
    while sent < bytes.count {
      guard deadline.wait(for: POLLOUT, on: descriptor) else { return false }
      let count = bytes[sent...].withUnsafeBytes {
        Foundation.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL) | Int32(MSG_DONTWAIT))
      }
      if count < 0, errno == EAGAIN || errno == EINTR { continue }
      guard count > 0 else { return false }
      sent += count
    }
    return true
  }

  /// Waits until the client says something or closes the connection.
  package borrowing func waitForClient() {
    _ = Deadline(after: bounds.seconds).wait(for: POLLIN, on: descriptor)
  }

  private mutating func headEnd() -> Int? {
    let end = "\r\n\r\n".utf8
    let found = (searched..<max(searched, buffer.count - 3)).first { buffer[$0...].starts(with: end) }
    searched = found ?? max(searched, buffer.count - 3)
    return found
  }

  private mutating func receive(before deadline: Deadline) -> Bool {
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      guard deadline.wait(for: POLLIN, on: descriptor) else { return false }
      let count = recv(descriptor, &chunk, chunk.count, 0)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return false }
      buffer += chunk[..<count]
      return true
    }
  }
}

/// By when a client must have sent or taken what it is waited for.
private struct Deadline {
  private let end: ContinuousClock.Instant?

  /// - Parameter seconds: nil for never.
  init(after seconds: Double?) {
    end = seconds.map { ContinuousClock.now + .seconds($0) }
  }

  /// - Returns: whether the descriptor is ready, or will never be more so: what is done next tells.
  func wait(for events: Int32, on descriptor: Int32) -> Bool {
    while true {
      var waiting = pollfd(fd: descriptor, events: Int16(events), revents: 0)
      let left = end.map { Int32(min(1e9, max(0, (($0 - .now) / .milliseconds(1)).rounded(.up)))) } ?? -1
      let count = poll(&waiting, 1, left)
      if count < 0, errno == EINTR { continue }
      return count > 0
    }
  }
}
