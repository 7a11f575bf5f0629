internal import Foundation

/// Why an endpoint does not answer, as far as this machine's network says.
enum Reachability {
  private static let patience: Int32 = 2000

  /// Blocks for a few seconds.
  ///
  /// - Returns: nil if something accepts connections there.
  static func explain(_ endpoint: String) -> String? {
    let rest = endpoint.dropFirst("tcp://".count)
    guard let colon = rest.lastIndex(of: ":") else { return "'\(endpoint)' is not tcp://HOST:PORT" }
    let host = rest[..<colon].trimmingCharacters(in: CharacterSet(charactersIn: "[]"))
    let port = String(rest[rest.index(after: colon)...])
    var hints = addrinfo()
    hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
    var found: UnsafeMutablePointer<addrinfo>?
    let status = getaddrinfo(host, port, &hints, &found)
    guard status == 0, let first = found else {
      return "the name \(host) cannot be looked up (\(String(cString: gai_strerror(status)))): check it, or give an address"
    }
    defer { freeaddrinfo(found) }
    var reason: String?
    for address in sequence(first: first, next: { $0.pointee.ai_next }) {
      reason = connectionError(address.pointee).map { explanation($0, host, port) }
      if reason == nil { return nil }
    }
    return reason
  }

  /// - Returns: a system error number; nil if there was a connection.
  private static func connectionError(_ address: addrinfo) -> Int32? {
    let descriptor = socket(address.ai_family, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { return errno }
    defer { close(descriptor) }
    if connect(descriptor, address.ai_addr, address.ai_addrlen) == 0 { return nil }
    guard errno == EINPROGRESS else { return errno }
    var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
    guard poll(&waiting, 1, patience) > 0 else { return ETIMEDOUT }
    var number: Int32 = 0
    var size = socklen_t(MemoryLayout<Int32>.size)
    getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &number, &size)
    return number == 0 ? nil : number
  }

  private static func explanation(_ number: Int32, _ host: String, _ port: String) -> String {
    switch number {
    case ECONNREFUSED: "nothing listens on port \(port) of \(host): start the learner, or check the port"
    case ETIMEDOUT: "\(host) does not answer on port \(port): it is down, or a firewall drops it"
    case ENETUNREACH, EHOSTUNREACH: "there is no way from this machine to \(host) (\(String(cString: strerror(number))))"
    default: "\(host) port \(port): \(String(cString: strerror(number)))"
    }
  }
}
