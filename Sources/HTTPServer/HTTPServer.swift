internal import ActionableErrors
internal import Foundation
internal import Synchronization

package struct HTTPServerError: ActionableError {
  package let code: String
  package let message: String
  package let advice: String
}

/// What clients may take of a server.
package struct HTTPServerBounds: Sendable, Hashable {
  /// At once; who comes while there are so many waits in the kernel's queue.
  package var connections: Int
  /// Bytes of a request's first line and headers, and of its body.
  package var head: Int
  package var body: Int
  /// Seconds in which a request must have come, counted from the end of the one before it, and in which its answer must have been
  /// taken; nil for as long as it takes, among clients that one trusts.
  package var seconds: Double?

  package init(connections: Int, head: Int, body: Int, seconds: Double?) {
    self.connections = connections
    self.head = head
    self.body = body
    self.seconds = seconds
  }
}

/// A small HTTP/1.1 server: one thread a connection; requests are answered one after the other on each.
package final class HTTPServer: Sendable {
  /// Answers a request. Returns whether the connection goes on.
  package typealias Answer = @Sendable (HTTPServerRequest, borrowing HTTPConnection) -> Bool

  private let listener: Int32
  package let port: UInt16
  private let bounds: HTTPServerBounds
  private let answer: Answer
  private let connections = Mutex(Set<Int32>())
  private let places: DispatchSemaphore
  private let counts = Mutex((requests: 0, connections: 0))

  /// - Parameters:
  ///   - address: an IPv4 or IPv6 address of this machine; `0.0.0.0` and `::` for all of them.
  ///   - port: 0 for any free one.
  ///   - name: of the server, for errors: `metrics` makes `metrics.bind`.
  package init(address: String, port: UInt16, name: String, bounds: HTTPServerBounds, answer: @escaping Answer) throws {
    self.bounds = bounds
    self.answer = answer
    places = DispatchSemaphore(value: bounds.connections)
    guard let (listener, port) = Self.listen(address, port) else {
      let reason = errno == 0 ? "that is no address" : String(cString: strerror(errno))
      throw HTTPServerError(
        code: "\(name).bind", message: "cannot listen on \(address):\(port): \(reason)",
        advice: "give an address of this machine and another port, or 0 for any free one")
    }
    (self.listener, self.port) = (listener, port)
    Thread(block: { [self] in acceptConnections() }).start()
  }

  package var requests: Int { counts.withLock { $0.requests } }
  /// Since the start.
  package var connectionCount: Int { counts.withLock { $0.connections } }

  package func close() {
    shutdown(listener, Int32(SHUT_RDWR))
    // Their threads close them.
    connections.withLock { for descriptor in $0 { shutdown(descriptor, Int32(SHUT_RDWR)) } }
  }

  /// - Returns: nil with `errno`, which is 0 where the address is none.
  private static func listen(_ address: String, _ port: UInt16) -> (listener: Int32, port: UInt16)? {
    var hints = addrinfo()
    hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var found: UnsafeMutablePointer<addrinfo>?
    guard getaddrinfo(address, "\(port)", &hints, &found) == 0, let place = found?.pointee else {
      errno = 0
      return nil
    }
    defer { freeaddrinfo(found) }
    let listener = socket(place.ai_family, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard listener >= 0 else { return nil }
    var on: Int32 = 1
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
    guard bind(listener, place.ai_addr, place.ai_addrlen) == 0, Foundation.listen(listener, 128) == 0,
      let bound = boundPort(of: listener)
    else {
      let reason = errno
      Foundation.close(listener)
      errno = reason
      return nil
    }
    return (listener, bound)
  }

  private static func boundPort(of listener: Int32) -> UInt16? {
    var address = sockaddr_in6()
    var size = socklen_t(MemoryLayout<sockaddr_in6>.size)
    let isKnown = withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(listener, $0, &size) == 0 }
    }
    // The port stands at the same place in addresses of both families.
    return isKnown ? UInt16(bigEndian: address.sin6_port) : nil
  }

  private func acceptConnections() {
    while true {
      places.wait()
      let descriptor = accept(listener, nil, nil)
      if descriptor < 0 {
        places.signal()
        // Shut down: it is closed here, where nobody can be about to use its number.
        if errno == EINVAL || errno == EBADF {
          Foundation.close(listener)
          return
        }
        // Out of descriptors, say, of which nobody tells when there are some again.
        usleep(10_000)
        continue
      }
      _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
      connections.withLock { _ = $0.insert(descriptor) }
      counts.withLock { $0.connections += 1 }
      Thread(block: { [self] in
        serve(descriptor)
        connections.withLock { _ = $0.remove(descriptor) }
        Foundation.close(descriptor)
        places.signal()
      }).start()
    }
  }

  private func serve(_ descriptor: Int32) {
    var connection = HTTPConnection(descriptor: descriptor, bounds: bounds)
    while let request = connection.next() {
      counts.withLock { $0.requests += 1 }
      guard answer(request, connection), !request.isLast else { return }
    }
  }
}
