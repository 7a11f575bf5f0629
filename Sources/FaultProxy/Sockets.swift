internal import CLinux
internal import Glibc

/// An IPv4 address in the order of the network.
struct HostAddress: Equatable {
  let text: String
  fileprivate let value: in_addr

  /// - Throws: `fault-proxy.not-an-address`.
  init(_ text: String) throws(FaultProxyError) {
    var value = in_addr()
    guard inet_pton(AF_INET, text, &value) == 1 else {
      throw FaultProxyError(
        code: "not-an-address", message: "\"\(text)\" is not an IPv4 address", advice: "write it as in 127.0.1.7")
    }
    (self.text, self.value) = (text, value)
  }

  /// Of 127.0.0.0/8, all of which is this machine.
  var isLoopback: Bool { UInt32(bigEndian: value.s_addr) >> 24 == 127 }

  static func == (a: HostAddress, b: HostAddress) -> Bool { a.value.s_addr == b.value.s_addr }

  fileprivate func withPort<R>(_ port: UInt16, _ body: (UnsafePointer<sockaddr>, socklen_t) -> R) -> R {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr = value
    return withUnsafePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
    }
  }
}

/// Non-blocking TCP sockets that no child process inherits, by descriptor.
enum Sockets {
  /// - Throws: `fault-proxy.address-in-use`, `.address-not-here`, `.forbidden` or `.too-many-open`.
  static func listening(on address: HostAddress, port: UInt16) throws(FaultProxyError) -> Int32 {
    let place = "\(address.text):\(port)"
    let descriptor = make()
    guard descriptor >= 0 else { throw .last("listen on", place) }
    set(descriptor, SOL_SOCKET, SO_REUSEADDR, 1)
    let isBound = address.withPort(port) { bind(descriptor, $0, $1) } == 0
    guard isBound, listen(descriptor, LinkLimits.backlog) == 0 else {
      let error = FaultProxyError.last("listen on", place)
      close(descriptor)
      throw error
    }
    return descriptor
  }

  /// Starts to connect; writable when it is done.
  ///
  /// - Parameter source: the address to come from, so that the server can tell its peers apart.
  /// - Returns: the descriptor, or nil with `errno`.
  static func connecting(to address: HostAddress, port: UInt16, from source: HostAddress) -> Int32? {
    let descriptor = make()
    guard descriptor >= 0 else { return nil }
    // Only among loopback addresses is it sure that one reaches the other.
    if address.isLoopback, source.isLoopback {
      set(descriptor, ipLevel, IP_BIND_ADDRESS_NO_PORT, 1)
      _ = source.withPort(0) { bind(descriptor, $0, $1) }
    }
    sendAtOnce(descriptor)
    if address.withPort(port, { connect(descriptor, $0, $1) }) == 0 || errno == EINPROGRESS { return descriptor }
    let reason = errno
    close(descriptor)
    errno = reason
    return nil
  }

  /// The proxy adds no waiting of its own to small messages.
  static func sendAtOnce(_ descriptor: Int32) {
    set(descriptor, tcpLevel, TCP_NODELAY, 1)
  }

  /// Why an attempt to connect failed, 0 if it did not.
  static func failure(_ descriptor: Int32) -> Int32 {
    var (number, size) = (Int32(0), socklen_t(MemoryLayout<Int32>.size))
    return getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &number, &size) == 0 ? number : errno
  }

  /// - Parameter abruptly: with RST, dropping what has not been sent, instead of FIN.
  static func close(_ descriptor: Int32, abruptly: Bool) {
    if abruptly {
      var lingering = linger(l_onoff: 1, l_linger: 0)
      setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &lingering, socklen_t(MemoryLayout<linger>.size))
    }
    close(descriptor)
  }

  static func close(_ descriptor: Int32) {
    _ = Glibc.close(descriptor)
  }

  private static let ipLevel = Int32(IPPROTO_IP)
  private static let tcpLevel = Int32(IPPROTO_TCP)

  private static func make() -> Int32 {
    socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue), 0)
  }

  private static func set(_ descriptor: Int32, _ level: Int32, _ option: Int32, _ value: Int32) {
    var value = value
    setsockopt(descriptor, level, option, &value, socklen_t(MemoryLayout<Int32>.size))
  }
}
